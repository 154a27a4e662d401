import { assert } from '../base/assert.ts';
import {
  INDEX_ZERO,
  type Index,
  indexPlus,
  NO_SEQUENCE,
  type Term,
  type WalSequence,
  walSequence,
} from '../base/ids.ts';
import type { HardState, Persist } from '../base/persist.ts';
import { Queue } from '../base/queue.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { RaftLog } from './log.ts';

/** One request to the disk that has not been answered. */
interface Pending {
  readonly sequence: WalSequence;
  /** The hard state that it makes durable; that of the request before it if it brings none. */
  readonly hardState: HardState;
  /** It makes the log durable up to here. A truncation or a reset lowers it. */
  lastIndex: Index;
  readonly sinceMs: number;
}

/**
 * What of the persistent state has been handed to the disk, and what has arrived there.
 *
 * A completion names a sequence number that is never used twice, not an index and a term: entries
 * may be cut and the same entries sent again by a later leader, and then a completion for the first
 * writing must not be taken for one of the second (ABA).
 */
export class Durability {
  /** What a crash at this instant would surely leave. */
  durable: HardState;
  /** Entries up to here are durable, exactly as the log in memory has them. */
  stableIndex: Index;
  /** The youngest request handed out; everything handed out is covered by it. */
  lastSequence: WalSequence = NO_SEQUENCE;
  private readonly pending = new Queue<Pending>();
  private handed: HardState;
  /** Entries up to here have been handed out. Invariant: stableIndex <= handedIndex. */
  private handedIndex: Index;
  /** The cut that the next request must begin with; 0 for none. */
  private truncateFrom: Index = INDEX_ZERO;
  /** The snapshot that the next request must begin the log behind; null for none. */
  private resetTo: SnapshotInfo | null = null;
  /** The request that carries the last reset out. */
  private resetSequence: WalSequence = NO_SEQUENCE;

  constructor(recovered: HardState, lastIndex: Index) {
    this.durable = recovered;
    this.handed = recovered;
    this.stableIndex = lastIndex;
    this.handedIndex = lastIndex;
  }

  /** Whether a message that carries this term keeps to S3. */
  isTermDurable(term: Term): boolean {
    return this.durable.currentTerm >= term;
  }

  /** Whether this very term and vote are durable. */
  isVoteDurable(vote: HardState): boolean {
    return this.durable.currentTerm === vote.currentTerm && this.durable.votedFor === vote.votedFor;
  }

  /** Whether the log was begun anew, and that is not durable yet. */
  get isResetting(): boolean {
    return this.resetTo !== null || this.oldestSequence <= this.resetSequence;
  }

  private get oldestSequence(): number {
    return this.pending.peek()?.sequence ?? Number.POSITIVE_INFINITY;
  }

  /** How long the disk has owed an answer; 0 when it owes none. */
  waitingMs(nowMs: number): number {
    const oldest = this.pending.peek();
    return oldest === undefined ? 0 : nowMs - oldest.sinceMs;
  }

  /** The log was cut: nothing from `from` on is stable any more, whatever is still being
   *  written. */
  truncated(from: Index): void {
    const kept = indexPlus(from, -1);
    this.forget(kept);
    // What was never handed out needs no cut on disk.
    if (this.handedIndex <= kept) return;
    this.handedIndex = kept;
    if (this.truncateFrom === INDEX_ZERO || from < this.truncateFrom) this.truncateFrom = from;
  }

  /**
   * A snapshot took the place of the log (§7). It is durable, but it is not part of the log until
   * the reset is: until then a crash leaves the old log, in which only what was committed is sure to
   * be as the log in memory has it.
   */
  wasReset(snapshot: SnapshotInfo, committed: Index): void {
    this.forget(committed);
    this.handedIndex = snapshot.index;
    this.truncateFrom = INDEX_ZERO;
    this.resetTo = snapshot;
  }

  /** Nothing behind `kept` is stable any more, whatever is still being written. */
  private forget(kept: Index): void {
    if (this.stableIndex > kept) this.stableIndex = kept;
    for (let i = 0; i < this.pending.length; i++) {
      const pending = this.pending.at(i);
      if (pending.lastIndex > kept) pending.lastIndex = kept;
    }
  }

  /** Whether there is something to hand to the disk. */
  isDue(hardState: HardState, log: RaftLog): boolean {
    return (
      this.handedIndex < log.lastIndex ||
      this.truncateFrom !== INDEX_ZERO ||
      this.resetTo !== null ||
      this.differs(hardState)
    );
  }

  /** The next request to the disk; null when everything has been handed out. */
  take(nowMs: number, hardState: HardState, log: RaftLog, commitIndex: Index): Persist | null {
    if (!this.isDue(hardState, log)) return null;
    const changed = this.differs(hardState);
    const from = indexPlus(this.handedIndex, 1);
    const to = log.lastIndex;
    const { truncateFrom, resetTo: reset } = this;

    this.truncateFrom = INDEX_ZERO;
    this.resetTo = null;
    this.handedIndex = to;
    if (changed) this.handed = hardState;
    this.lastSequence = walSequence(this.lastSequence + 1);
    if (reset !== null) this.resetSequence = this.lastSequence;
    this.pending.push({
      sequence: this.lastSequence,
      hardState: this.handed,
      lastIndex: to,
      sinceMs: nowMs,
    });
    return {
      sequence: this.lastSequence,
      hardState: changed ? hardState : null,
      reset,
      truncateFrom,
      entries: log.slice(from, to, Number.POSITIVE_INFINITY),
      commitIndex,
    };
  }

  private differs({ currentTerm, votedFor, suspect }: HardState): boolean {
    const { handed } = this;
    return (
      currentTerm !== handed.currentTerm ||
      votedFor !== handed.votedFor ||
      suspect !== handed.suspect
    );
  }

  /** Everything up to this sequence is durable. One completion may stand for many requests. */
  complete(sequence: WalSequence): void {
    assert(
      sequence <= this.lastSequence,
      () => `sequence ${sequence} completed, but only ${this.lastSequence} were handed out`,
    );
    while (this.pending.length > 0 && this.pending.peek()!.sequence <= sequence) {
      const done = this.pending.shift()!;
      this.durable = done.hardState;
      if (done.lastIndex > this.stableIndex) this.stableIndex = done.lastIndex;
    }
  }
}
