import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { decodeEntry, type Entry } from '../../src/base/entry.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';
import type { Message } from '../../src/raft/messages.ts';
import { BATCH_HEADER_BYTES } from '../../src/storage/batch.ts';
import { decodeSlot, SLOT_NAMES, type StateImage } from '../../src/storage/hard-state.ts';
import type { Syscall } from './strace.ts';

/** Something that was durable from `sinceUs` on: its sync had returned. */
export interface Durable<T> {
  readonly what: T;
  readonly sinceUs: number;
}

/** Something that left through a socket, not before `atUs`. */
export interface Said<T> {
  readonly what: T;
  readonly atUs: number;
}

/** What one process did, as the kernel saw it: what it made durable when, and what it said when. */
export class Evidence {
  /** The entries that it wrote to its log. */
  readonly entries: readonly Durable<Entry>[];
  /** What it said to its peers, without handshakes. */
  readonly messages: readonly Said<Message>[];
  /** The versions of the hard state in its two slots. */
  private readonly hardStates: readonly (readonly Durable<StateImage>[])[];
  private readonly calls: readonly Syscall[];

  /** @param peerPorts of all members: by them the streams between peers are told from clients'. */
  constructor(calls: readonly Syscall[], peerPorts: readonly number[]) {
    this.calls = calls;
    const batches = this.durableWrites((file) => /^wal-\d+$/.test(file));
    this.entries = batches.flatMap(({ what, sinceUs }) =>
      entriesOf(what).map((entry) => ({ what: entry, sinceUs })),
    );
    this.hardStates = SLOT_NAMES.map((slot) =>
      this.durableWrites((file) => file === slot).map(({ what, sinceUs }) => {
        const image = decodeSlot(what);
        assert.ok(typeof image === 'object', `${slot}: ${image}`);
        return { what: image, sinceUs };
      }),
    );
    this.messages = this.readMessages(peerPorts);
  }

  /** When both slots held a hard state like this one, durably; Infinity when they never did. */
  hardStateSinceUs(isLike: (image: StateImage) => boolean): number {
    const since = this.hardStates.map((slot) => {
      return slot.find(({ what }) => isLike(what))?.sinceUs ?? Number.POSITIVE_INFINITY;
    });
    return Math.max(...since);
  }

  /** What it said to the client that has this port, write by write. */
  repliesTo(clientPort: number): Said<string>[] {
    return this.calls
      .filter(({ target }) => target.endsWith(`:${clientPort}]`))
      .map(({ bytes, startedUs }) => ({ what: bytes.toString('latin1'), atUs: startedUs }));
  }

  get failedSyncs(): readonly Syscall[] {
    return this.calls.filter(({ name, result }) => isSync(name) && result < 0);
  }

  /** Writes to the log and the hard state, and syncs of them, that began after this. */
  diskUseAfter(us: number): readonly Syscall[] {
    return this.calls.filter(({ target, startedUs }) => {
      return startedUs > us && /\/(wal-|state\.)[^/]*$/.test(target);
    });
  }

  private readMessages(peerPorts: readonly number[]): Said<Message>[] {
    const readers = new Map<string, FrameReader>();
    const said: Said<Message>[] = [];
    for (const { target, bytes, startedUs } of this.calls) {
      if (!peerPorts.some((port) => hasPort(target, port))) continue;
      const reader = readers.get(target) ?? new FrameReader(defaultLimits);
      readers.set(target, reader);
      reader.allowMessages();
      reader.feed(bytes);
      for (let frame = reader.next(); frame !== null; frame = reader.next()) {
        assert.ok(frame.kind !== 'Defect', `${target}: ${JSON.stringify(frame)}`);
        if ('term' in frame) said.push({ what: frame, atUs: startedUs });
      }
    }
    return said;
  }

  /** Each write to such a file; durable when the first sync that began behind it had returned. */
  private durableWrites(isFile: (name: string) => boolean): Durable<Buffer>[] {
    const writes = this.calls.filter(({ name, target }) => {
      return name.startsWith('pwrite') && isFile(basename(target));
    });
    return writes.map((write) => {
      const sync = this.calls.find(({ name, target, result, startedUs }) => {
        const isGood = isSync(name) && result === 0 && target === write.target;
        return isGood && startedUs >= write.returnedUs;
      });
      return { what: write.bytes, sinceUs: sync?.returnedUs ?? Number.POSITIVE_INFINITY };
    });
  }
}

const isSync = (name: string) => name === 'fdatasync' || name === 'fsync';

/** The entries of a batch. A cut would be a record that is no entry; it ends the list. */
function entriesOf(batch: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.length; ) {
    const entry = decodeEntry(batch, at, batch.length, defaultLimits.entryBytesMax);
    if (typeof entry === 'string') break;
    entries.push(entry);
    at += entry.record.length;
  }
  return entries;
}

/** Whether this is a TCP stream with this port at one of its ends. */
function hasPort(target: string, port: number): boolean {
  return target.includes(`:${port}->`) || target.endsWith(`:${port}]`);
}
