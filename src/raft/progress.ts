import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  indexPlus,
  NO_INCARNATION,
  type NodeId,
} from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import { Pace } from './catch-up.ts';
import type { ReadEntries } from './effects.ts';
import { Inflights } from './inflights.ts';

/**
 * `probe`: it is not known where the follower's log agrees with the leader's; one AppendEntries at
 * a time asks, and heartbeats repeat the question. `replicate`: it is known; entries are pipelined,
 * and `nextIndex` runs ahead of what has been acknowledged. `snapshot`: it needs what the log no
 * longer holds, and is sent a snapshot, piece by piece, with heartbeats beside it (snapshot.ts).
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/**
 * Whether rot was found in the follower's log, as far as this life of it has said. Only a start
 * finds rot, so a suspect may become sound, and never the other way round (docs/suspect-mode.md).
 */
export type Standing = 'unheard' | 'suspect' | 'sound';

/** A snapshot on its way to a follower, one piece at a time. */
export class SnapshotSending {
  readonly snapshot: SnapshotInfo;
  /** The follower has every byte before this one, as far as it has said. */
  offset = 0;
  /** Where the last piece ended, or the last question was asked: only an answer to that counts. */
  sentOffset = 0;
  /** Something was sent and has not been answered. */
  isWaiting = false;
  /** The follower has said how much it has: until then it is only asked. */
  isStarted = false;

  constructor(snapshot: SnapshotInfo) {
    this.snapshot = snapshot;
  }

  /** The stream is another one: what was on its way is lost, what the follower has is not. */
  interrupted(): void {
    this.sentOffset = this.offset;
    this.isWaiting = false;
    this.isStarted = false;
  }
}

/** What a leader knows of one follower (Figure 2: nextIndex[] and matchIndex[]). */
export class Progress {
  readonly peer: NodeId;
  /** The life of the peer's process that the rest is about. Known to followers too. */
  incarnation: Incarnation = NO_INCARNATION;
  /** The highest index known to be durable on the follower and equal to the leader's. Never
   *  decreases within a term and an incarnation (S16). */
  matchIndex: Index = INDEX_ZERO;
  /** The next entry to send. Invariant: matchIndex < nextIndex <= lastIndex + 1. */
  nextIndex: Index = indexPlus(INDEX_ZERO, 1);
  state: ProgressState = 'probe';
  /** Whether it counts. On nodes that don't lead it only explains why nobody does. */
  standing: Standing = 'unheard';
  /** Once a suspect holds everything up to here it is whole: the leader's last index when it was
   *  first heard to be one. */
  wholeIndex: Index = INDEX_ZERO;
  /** When the follower last answered in this term: what check-quorum judges by. */
  lastHeardMs = 0;
  /** Only in `probe`: the question has been asked and not been answered. */
  probeInFlight = false;
  /** Only in `replicate`; empty in `probe`. */
  readonly inflights: Inflights;
  /** It lacks more than what is on its way to it: until all has been sent, it is fed at a pace, unless
   *  it is needed (catch-up.ts). */
  isCatchingUp = false;
  readonly pace = new Pace();
  /** Entries being read back from disk for this follower: one read at a time. It outlives a change
   *  of state, for the host will answer it in any case. */
  reading: ReadEntries | null = null;
  /** The last read, of entries or of a snapshot, brought nothing: the next heartbeat may try again. */
  readFailed = false;
  /** What it is being sent in `snapshot`. It outlives a broken connection: what the follower has of
   *  it need not be sent again. */
  sending: SnapshotSending | null = null;

  constructor(peer: NodeId, inflightMessagesMax: number) {
    this.peer = peer;
    this.inflights = new Inflights(inflightMessagesMax);
  }

  /** Figure 2, at the start of a leader's term, and for a new incarnation of the follower: nothing
   *  is known, and the first guess is that the log is the same up to the leader's last entry. */
  startAnew(lastIndex: Index): void {
    this.matchIndex = INDEX_ZERO;
    this.standing = 'unheard';
    this.wholeIndex = INDEX_ZERO;
    this.sending = null;
    this.becomeProbe(indexPlus(lastIndex, 1));
  }

  /** What it says of the log counts up to here towards a commit. */
  get countedIndex(): Index {
    return this.standing === 'suspect' ? INDEX_ZERO : this.matchIndex;
  }

  becomeProbe(nextIndex: Index): void {
    this.state = 'probe';
    this.nextIndex = nextIndex;
    this.probeInFlight = false;
    this.inflights.clear();
    this.isCatchingUp = false;
    this.sending?.interrupted();
  }

  /** The log no longer holds what it needs next. `nextIndex` stays where it is. */
  becomeSnapshot(): void {
    this.state = 'snapshot';
    this.startCatchingUp();
    this.probeInFlight = false;
    this.inflights.clear();
  }

  /** It needs no snapshot any more: its log agrees with the leader's up to matchIndex. */
  becomeReplicate(): void {
    this.state = 'replicate';
    // Perhaps by nothing at all: what is sent next will tell.
    this.startCatchingUp();
    this.sending = null;
  }

  startCatchingUp(): void {
    if (this.isCatchingUp) return;
    this.isCatchingUp = true;
    this.pace.begin();
  }

  /** An AppendEntries with entries up to `lastIndex` is on its way. */
  sent(lastIndex: Index, bytes: number): void {
    if (this.state === 'probe') {
      this.probeInFlight = true;
    } else {
      this.inflights.add(lastIndex, bytes);
      this.nextIndex = indexPlus(lastIndex, 1);
    }
  }

  hasRoom(bytesMax: number): boolean {
    return !this.inflights.isFull && this.inflights.bytes < bytesMax;
  }

  /** The follower holds everything up to `index`, durably. True when that was not known. */
  acknowledged(index: Index): boolean {
    this.inflights.freeTo(index);
    // An answer to the probe, or to something later: the logs agree up to nextIndex - 1 at least.
    if (this.state === 'probe' && index >= this.nextIndex - 1) {
      this.becomeReplicate();
      this.probeInFlight = false;
    }
    // Acknowledgements may be reordered or repeated: never go back (S16).
    const grew = index > this.matchIndex;
    if (grew) this.matchIndex = index;
    if (this.nextIndex <= this.matchIndex) this.nextIndex = indexPlus(this.matchIndex, 1);
    return grew;
  }

  /**
   * The follower has no matching entry at `rejectedIndex`; `mayAgreeAt` is the largest index at
   * which it still may. Steps back and probes there, unless the refusal is a late one, overtaken by
   * events.
   */
  refused(rejectedIndex: Index, mayAgreeAt: Index): void {
    if (rejectedIndex <= this.matchIndex || rejectedIndex >= this.nextIndex) return;
    if (this.state === 'snapshot') return;
    // While probing there is one question at a time; the answer to any other is old.
    if (this.state === 'probe' && rejectedIndex !== this.nextIndex - 1) return;
    const next = Math.min(rejectedIndex, mayAgreeAt + 1);
    this.becomeProbe(Math.max(next, this.matchIndex + 1) as Index);
  }
}
