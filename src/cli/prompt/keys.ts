import { bytesOf, concatBytes } from '../../base/bytes.ts';
import { ReplyError } from '../../client/errors.ts';
import type { Client } from '../../node/client.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';

/** A list that nobody reads to its end helps nobody. */
const KEYS_MAX = 100;
/** How long somebody who pressed Tab waits, in ms. */
const LOOK_MS = 300;
const COUNT = '1000';

/** Finds keys for completion: some, soon. */
export class KeyFinder {
  private isSupported = true;

  /** Keys that start with these bytes, in order: at most a hundred, found within 0.3 s. */
  async find(client: Client, prefix: Uint8Array): Promise<readonly Uint8Array[]> {
    const keys = new Map<string, Uint8Array>();
    const deadlineAtMs = performance.now() + LOOK_MS;
    const pattern = concatBytes([globOf(prefix), bytesOf('*')]);
    let cursor: Uint8Array = bytesOf('0');
    try {
      do {
        const deadlineMs = deadlineAtMs - performance.now();
        if (!this.isSupported || deadlineMs <= 0) break;
        const request = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', COUNT];
        const page = pageOf(await client.command(request, { deadlineMs }));
        for (const key of page.keys) keys.set(Buffer.from(key).toString('latin1'), key);
        cursor = page.cursor;
      } while (!isZero(cursor) && keys.size < KEYS_MAX);
    } catch (error) {
      // A cluster that has no SCAN will not have it a moment later; anything else may pass.
      if (error instanceof ReplyError) this.isSupported = false;
    }
    return [...keys.values()].sort(Buffer.compare).slice(0, KEYS_MAX);
  }

  /** Another cluster may have what this one has not. */
  reset(): void {
    this.isSupported = true;
  }
}

/** A pattern that only these bytes match: what means something in one is escaped. */
function globOf(bytes: Uint8Array): Uint8Array {
  const escaped = [...bytes].flatMap((byte) => {
    return '*?[]\\^-'.includes(String.fromCharCode(byte)) ? [0x5c, byte] : [byte];
  });
  return Uint8Array.from(escaped);
}

/** The two halves of SCAN's reply. Anything else is the end. */
function pageOf(reply: RespValue): { cursor: Uint8Array; keys: readonly Uint8Array[] } {
  const [cursor, keys] = reply.kind === 'array' ? reply.items : [];
  if (cursor?.kind !== 'bulk' || keys?.kind !== 'array') return { cursor: bytesOf('0'), keys: [] };
  const found = keys.items.flatMap((item) => (item.kind === 'bulk' ? [item.bytes] : []));
  return { cursor: cursor.bytes, keys: found };
}

const isZero = (cursor: Uint8Array): boolean => cursor.length === 1 && cursor[0] === 0x30;
