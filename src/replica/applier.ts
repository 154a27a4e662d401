import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import { INDEX_ZERO, type Index, indexPlus } from '../base/ids.ts';
import type { Reply } from '../kv/reply.ts';
import type { StateMachine } from '../kv/state-machine.ts';

/** Where the applier finds committed entries, and whom it tells of their results. */
export interface ApplierHost {
  /** Null when `from` is no longer (or, after a start, not yet) in memory. */
  entriesInMemory(from: Index, bytesMax: number, to: Index): readonly Entry[] | null;
  /** Calls back later with entries from `from` on, at least one. Failing to read is fatal to the
   *  node, so there is no error to handle here. */
  readFromDisk(
    from: Index,
    to: Index,
    bytesMax: number,
    done: (entries: readonly Entry[]) => void,
  ): void;
  applied(entry: Entry, reply: Reply): void;
  /** More can be applied: another turn, please. */
  wake(): void;
}

/** What one turn applies at the most, so that heartbeats are not held up by a long backlog: so many
 *  bytes of commands; so many of replies, since a GET of a few bytes may be answered with a megabyte;
 *  and, because a few bytes may ask for much, so much work (`Data.work`). */
const BYTES_PER_TURN = 1024 * 1024;
const REPLY_BYTES_PER_TURN = 8 * 1024 * 1024;
const WORK_PER_TURN = 10_000;

/**
 * Feeds committed entries to the state machine, each once and in order (S9): from memory, or from
 * the log on disk after a start and when the node has fallen far behind. Only a snapshot lets the
 * machine jump over entries.
 */
export class Applier {
  private readonly machine: StateMachine;
  private readonly host: ApplierHost;
  private commitIndex = INDEX_ZERO;
  /** To be applied next: read from disk, or left over from the last turn. */
  private ready: readonly Entry[] | null = null;
  /** What comes behind those, read from disk while they are applied. */
  private ahead: readonly Entry[] | null = null;
  private reading = false;
  /** The machine is to jump to a snapshot: what was read before is of a log that is no more. */
  private held = false;
  private reads = 0;

  constructor(machine: StateMachine, host: ApplierHost) {
    this.machine = machine;
    this.host = host;
  }

  committed(commitIndex: Index): void {
    assert(
      commitIndex >= this.commitIndex,
      () => `commitIndex ${commitIndex} < ${this.commitIndex}`,
    );
    this.commitIndex = commitIndex;
  }

  /** Whether all that is known to be committed has been applied. */
  get isIdle(): boolean {
    return this.commitIndex > 0 && this.machine.lastApplied >= this.commitIndex;
  }

  /** Applies nothing until `release`, when the machine is somewhere else. */
  hold(): void {
    this.held = true;
    this.ready = null;
    this.ahead = null;
    this.reading = false;
    this.reads++;
  }

  release(): void {
    this.held = false;
    this.host.wake();
  }

  /** Applies what it can in one turn. */
  run(): void {
    if (this.held || this.machine.lastApplied >= this.commitIndex) return;
    const entries = this.take();
    if (entries === null) return;
    let replyBytes = 0;
    const workMax = this.machine.work + WORK_PER_TURN;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const reply = this.machine.apply(entry);
      this.host.applied(entry, reply);
      replyBytes += bytesOf(reply);
      if (replyBytes < REPLY_BYTES_PER_TURN && this.machine.work <= workMax) continue;
      if (i + 1 < entries.length) this.ready = entries.slice(i + 1);
      break;
    }
    if (this.machine.lastApplied < this.commitIndex) this.host.wake();
  }

  /** The entries that come next; null when they are still to be read from disk. */
  private take(): readonly Entry[] | null {
    const left = this.ready;
    this.ready = null;
    if (left !== null) return left;
    const ahead = this.ahead;
    this.ahead = null;
    if (this.reading) return null;
    const next = indexPlus(this.machine.lastApplied, 1);
    const entries = ahead ?? this.fromMemory(next);
    if (entries === null) this.startReading(next);
    else if (ahead !== null) this.readAhead(indexPlus(ahead.at(-1)!.index, 1));
    return entries;
  }

  private fromMemory(from: Index): readonly Entry[] | null {
    return this.host.entriesInMemory(from, BYTES_PER_TURN, this.commitIndex);
  }

  /** The disk is read while the processor applies. */
  private readAhead(from: Index): void {
    if (from <= this.commitIndex && this.fromMemory(from) === null) this.startReading(from);
  }

  private startReading(from: Index): void {
    this.reading = true;
    const read = ++this.reads;
    this.host.readFromDisk(from, this.commitIndex, BYTES_PER_TURN, (entries) => {
      if (read !== this.reads) return;
      this.reading = false;
      this.ahead = entries;
      this.host.wake();
    });
  }
}

/** About how much of a reply's bytes were copied to make it. */
function bytesOf(reply: Reply): number {
  if (reply.kind === 'bulk') return reply.bytes.length;
  if (reply.kind !== 'array') return 0;
  let bytes = 0;
  for (const item of reply.items) bytes += bytesOf(item);
  return bytes;
}
