import { randomBytes } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { bytesEqual, bytesOf, EMPTY_BYTES } from '../../base/bytes.ts';
import { type Entry, EntryType, sealEntry } from '../../base/entry.ts';
import { type Index, indexPlus } from '../../base/ids.ts';
import { encodeCommand } from '../../kv/command.ts';
import { NodeDisk } from '../../node/disk.ts';
import {
  BATCH_HEADER_BYTES,
  BatchBuilder,
  type BatchHeader,
  directorySalt,
} from '../../storage/batch.ts';
import { inspect } from '../../storage/inspect.ts';
import { SECTOR_BYTES } from '../../storage/sectors.ts';

interface Log {
  /** The entry with index i stands at i - 1. */
  readonly entries: readonly Entry[];
  readonly cuts: readonly Index[];
  readonly directoryId: Uint8Array;
  readonly lastBatch: BatchHeader;
  /** Where the log ends. */
  readonly end: { readonly file: string; readonly offset: number };
}

/** Reads the log of a node that does not run. @throws when a start would refuse it. */
export function readLog(directory: string): Log {
  const disk = new NodeDisk(directory, 'read');
  const entries: Entry[] = [];
  const cuts: Index[] = [];
  let directoryId: Uint8Array = EMPTY_BYTES;
  let lastBatch: BatchHeader | null = null;
  let end: Log['end'] | null = null;
  for (const item of inspect(disk)) {
    if (item.kind === 'slot' && typeof item.slot === 'object') {
      directoryId = item.slot.state.directoryId;
    } else if (item.kind === 'batch') {
      lastBatch = item.header;
    } else if (item.kind === 'entry') {
      entries.push(item.entry);
    } else if (item.kind === 'truncation') {
      cuts.push(item.from);
      entries.length = item.from - 1;
    } else if (item.kind === 'refusal') {
      throw new Error(`${directory}: ${item.refusal.message}`);
    } else if (item.kind === 'end') {
      end = item;
    }
  }
  disk.close();
  assert(lastBatch !== null && end !== null, () => `${directory} holds no log`);
  return { entries, cuts, directoryId, lastBatch, end };
}

/**
 * Holds logs against each other, byte by byte.
 * @returns how many entries they have in common, all from the first on; and the first that differs
 *   although all have it, if there is one.
 */
export function compareLogs(logs: readonly (readonly Entry[])[]): {
  readonly common: number;
  readonly differsAt: number | null;
} {
  const [first = [], ...others] = logs;
  const shortest = Math.min(...logs.map((log) => log.length));
  for (let i = 0; i < shortest; i++) {
    const { record } = first[i]!;
    if (!others.every((log) => bytesEqual(log[i]!.record, record))) {
      return { common: i, differsAt: i + 1 };
    }
  }
  return { common: shortest, differsAt: null };
}

const TORN_ENTRIES = 3;
const TORN_VALUE_BYTES = 900;
/** How much of the batch "reached the disk". */
const WRITTEN_SECTORS = 2;

/**
 * Does to the log of a stopped node what losing power in the middle of a write does: behind its end,
 * the batch that would have come next, of which only the first sectors have arrived. The rest are
 * still the zeros that were allocated.
 */
export function tearTail(directory: string): { readonly bytes: number; readonly batch: number } {
  const { entries, directoryId, lastBatch, end } = readLog(directory);
  const last = entries.at(-1)!;
  const builder = new BatchBuilder();
  builder.begin(64 * 1024);
  for (let i = 1; i <= TORN_ENTRIES; i++) {
    const record = encodeCommand({
      kind: 'set',
      key: bytesOf(`torn:${i}`),
      value: bytesOf(randomBytes(TORN_VALUE_BYTES / 2).toString('hex')),
      condition: 'none',
      comparand: EMPTY_BYTES,
      get: false,
    });
    const entry = sealEntry(record, EntryType.Command, last.term, indexPlus(last.index, i));
    builder.addEntry(entry.record);
  }
  const place = { segmentId: lastBatch.segmentId, offset: end.offset };
  const salt = directorySalt(directoryId);
  const batch = builder.seal(place, lastBatch, salt, lastBatch.commitIndex);
  const written = batch.bytes.subarray(0, WRITTEN_SECTORS * SECTOR_BYTES);
  assert(written.length > BATCH_HEADER_BYTES, () => 'a header and more');
  const disk = new NodeDisk(directory);
  const file = disk.open(end.file);
  assert(end.offset + batch.bytes.length <= file.size(), () => 'the segment is full');
  file.writeSync(end.offset, written);
  file.syncSync();
  file.close();
  disk.close();
  return { bytes: written.length, batch: batch.bytes.length };
}
