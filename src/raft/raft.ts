import { assert } from '../base/assert.ts';
import { type Entry, EntryType } from '../base/entry.ts';
import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  indexPlus,
  NO_INCARNATION,
  NO_SEQUENCE,
  type NodeId,
  type Term,
  type WalSequence,
} from '../base/ids.ts';
import type { LogPoint, SnapshotInfo } from '../base/snapshot.ts';
import type { Effects, ReadEntries, ReadSnapshot, ReceivedChunk } from './effects.ts';
import { countOwnVote, electionTimeout, loseLeader, repeatCampaign } from './election.ts';
import { checkState } from './invariants.ts';
import { advanceCommit, appendEntry, leaderTick } from './leader.ts';
import type { Message } from './messages.ts';
import type { ProgressState, Standing } from './progress.ts';
import { entriesRead, mayReplicate, replicate } from './replication.ts';
import { chunkTaken, compacted, snapshotReceived, snapshotTaken } from './snapshot-receiver.ts';
import { snapshotPins, snapshotRead } from './snapshot-sender.ts';
import { type RaftOptions, RaftState } from './state.ts';
import { step } from './step.ts';
import type { Role } from './trace.ts';
import { startTransfer } from './transfer.ts';

export type { RaftOptions } from './state.ts';

/** What a leader says of a follower, for those who look on. */
export interface ProgressView {
  readonly matchIndex: Index;
  readonly nextIndex: Index;
  readonly state: ProgressState;
  readonly standing: Standing;
  readonly lastHeardMs: number;
}

/**
 * One node's consensus module (Figure 1). Inputs are messages, ticks, proposals and completions;
 * what is to be done about them comes out of `takeEffects`, which the host calls after each turn of
 * inputs. It is synchronous, has no clock and no randomness of its own, and throws nothing but
 * AssertionErrors. Times are milliseconds of one monotonic clock.
 */
export class Raft {
  /** For invariants and tests; a host needs nothing of it. */
  readonly state: RaftState;
  /** The commitIndex that the host was last told. */
  private toldCommitIndex: Index = INDEX_ZERO;
  /** The deadline that a late tick has set; what is due then is not excused again. */
  private excusedUntilMs = -1;
  /** Something has come in since effects were taken last. Where nothing has, nothing comes out. */
  private hasInput = true;

  constructor(options: RaftOptions) {
    this.state = new RaftState(options);
    this.state.armElectionTimer(options.nowMs);
    // A lone voter has nobody to wait for; what it campaigns with still has to become durable.
    if (options.voters.length === 1) this.state.electionDeadlineMs = options.nowMs;
  }

  get id(): NodeId {
    return this.state.id;
  }

  get role(): Role {
    return this.state.role;
  }

  get currentTerm(): Term {
    return this.state.currentTerm;
  }

  get votedFor(): NodeId {
    return this.state.votedFor;
  }

  /** NOBODY if unknown, or in doubt. */
  get leaderId(): NodeId {
    return this.state.leaderId;
  }

  get commitIndex(): Index {
    return this.state.commitIndex;
  }

  get lastIndex(): Index {
    return this.state.log.lastIndex;
  }

  /** Entries up to here are durable on this node. */
  get stableIndex(): Index {
    return this.state.durability.stableIndex;
  }

  /** lastIndex + 1 when no entry is in memory. */
  get firstIndexInMemory(): Index {
    return this.state.log.firstIndexInMemory;
  }

  /** When `tick` is wanted next. An earlier one is harmless. */
  get nextTickMs(): number {
    const { state } = this;
    if (state.role !== 'leader') return state.electionDeadlineMs;
    return Math.min(state.heartbeatDeadlineMs, state.feedDueMs);
  }

  /**
   * Time has passed. A tick that comes late judges nobody: the process was held up, and what the
   * others said meanwhile has not been read. One heartbeat's time later it is judged, even if that
   * tick is late too: on a machine that is always behind, somebody must be able to campaign.
   */
  tick(nowMs: number): void {
    const { state } = this;
    this.hasInput = true;
    const isLeader = state.role === 'leader';
    const dueMs = isLeader ? state.heartbeatDeadlineMs : state.electionDeadlineMs;
    if (nowMs < dueMs) return;
    const late = nowMs > dueMs + state.timing.lateTickMs;
    const judges = !late || dueMs === this.excusedUntilMs;
    if (!judges) this.excusedUntilMs = nowMs + state.timing.heartbeatMs;
    if (isLeader) leaderTick(state, nowMs, judges);
    else if (judges) electionTimeout(state, nowMs);
    else state.electionDeadlineMs = this.excusedUntilMs;
  }

  /** A message has come from a peer. It may be late, repeated, or out of order. */
  step(nowMs: number, message: Message): void {
    this.hasInput = true;
    step(this.state, nowMs, message);
  }

  /**
   * Appends an entry, if this node leads. Being appended is not being committed.
   * @param record an unsealed record (base/entry.ts); the core takes it over.
   * @returns the entry's index, its term being `currentTerm`; or why nothing was appended.
   */
  propose(
    _nowMs: number,
    type: EntryType,
    record: Uint8Array,
  ): Index | 'not-leader' | 'overloaded' | 'transferring' {
    const { state } = this;
    if (state.role !== 'leader') return 'not-leader';
    if (state.transfer !== null) return 'transferring';
    // However large, one entry fits when none is waiting; and a configuration is never held up.
    const isWaiting =
      state.uncommittedBytes > 0 || state.durability.stableIndex < state.log.lastIndex;
    if (type === EntryType.Command && isWaiting && !this.hasRoomFor(record)) return 'overloaded';
    this.hasInput = true;
    return appendEntry(state, type, record);
  }

  /** Everything handed out up to this sequence is durable. */
  persisted(nowMs: number, sequence: WalSequence): void {
    const { state } = this;
    this.hasInput = true;
    const wasSuspect = state.isSuspect;
    state.durability.complete(sequence);
    if (wasSuspect && !state.isSuspect) {
      state.trace?.({ kind: 'reinstated', node: state.id, term: state.currentTerm });
    }
    countOwnVote(state, nowMs);
    if (state.role === 'leader') advanceCommit(state);
    state.trimWindow();
  }

  /**
   * The answer to a `ReadEntries`, which the host owes in any case.
   * @param request the very object that the effect carried.
   * @param entries contiguous from `request.from`, maybe fewer than asked for; none if it failed.
   */
  entriesRead(_nowMs: number, request: ReadEntries, entries: readonly Entry[]): void {
    this.hasInput = true;
    entriesRead(this.state, request, entries);
  }

  /** The host has taken a snapshot of what it has applied: it is durable, and so is the log up to its
   *  index. One that another has overtaken is ignored. */
  snapshotTaken(snapshot: SnapshotInfo): void {
    this.hasInput = true;
    snapshotTaken(this.state, snapshot);
  }

  /** The host's log begins behind `base` now, durably. Never further than the newest snapshot, and
   *  than those of `snapshotPins`. */
  compacted(base: LogPoint): void {
    this.hasInput = true;
    compacted(this.state, base);
  }

  /** What is being sent to followers that are heard from: the host keeps these files, and the log
   *  behind them, or a follower that needs longer than the next snapshot would never get there. */
  snapshotPins(nowMs: number): readonly SnapshotInfo[] {
    return snapshotPins(this.state, nowMs - this.state.timing.electionTimeoutMaxMs);
  }

  /**
   * The answer to a `ReadSnapshot`, which the host owes in any case.
   * @param request the very object that the effect carried.
   * @param bytes verified, from `request.offset` on, the core's from now on; null if the snapshot is
   * gone, or damaged.
   */
  snapshotRead(_nowMs: number, request: ReadSnapshot, bytes: Uint8Array | null): void {
    this.hasInput = true;
    snapshotRead(this.state, request, bytes);
  }

  /**
   * The answer to a `ReceivedChunk`, unless its snapshot is whole by it.
   * @param offset the host has every byte of that snapshot before this one; 0 of a damaged one.
   */
  chunkTaken(_nowMs: number, chunk: ReceivedChunk, offset: number): void {
    this.hasInput = true;
    chunkTaken(this.state, chunk, offset);
  }

  /**
   * A snapshot that was sent to this node is whole, verified and durable.
   * @returns 'installed': it takes the place of the log, the next effects say so. 'dropped': this
   * node has all of that, and the file may go.
   */
  snapshotReceived(nowMs: number, snapshot: SnapshotInfo): 'installed' | 'dropped' {
    this.hasInput = true;
    return snapshotReceived(this.state, nowMs, snapshot);
  }

  /** A stream to the peer stands, and the peer has said how often it has been started. */
  peerConnected(nowMs: number, peer: NodeId, incarnation: Incarnation): void {
    const { state } = this;
    const progress = state.peer(peer);
    if (progress === null) return;
    this.hasInput = true;
    // The leader we know was an earlier life of that process.
    const reborn =
      state.leaderIncarnation !== NO_INCARNATION && incarnation > state.leaderIncarnation;
    if (peer === state.leaderId && reborn) loseLeader(state, nowMs);

    if (state.role !== 'leader') {
      // What was said of its disk, an earlier life has said.
      if (incarnation !== progress.incarnation) progress.standing = 'unheard';
      repeatCampaign(state, peer);
    } else if (incarnation === progress.incarnation) {
      // What was in flight may be lost with the old stream. A guess that no answer has tested yet
      // stays: matchIndex may still be 0, with a log of thousands of entries that agree.
      const { matchIndex, nextIndex } = progress;
      const isGuess = progress.state === 'probe';
      progress.becomeProbe(isGuess ? nextIndex : indexPlus(matchIndex, 1));
    } else {
      progress.startAnew(state.log.lastIndex);
    }
    progress.incarnation = incarnation;
  }

  /**
   * The connection to the peer broke, and its host refuses a new one: the process is gone, which is
   * better evidence than silence. If it was our leader, we need not wait for the election timeout.
   */
  peerProcessGone(nowMs: number, peer: NodeId, incarnation: Incarnation): void {
    const { state } = this;
    if (state.role !== 'follower' || peer !== state.leaderId) return;
    // About an earlier life than the one that leads.
    if (incarnation < state.leaderIncarnation) return;
    this.hasInput = true;
    loseLeader(state, nowMs);
  }

  /**
   * Hands leadership over (dissertation §3.10); until it is done or given up, within one election
   * timeout, proposals are refused.
   * @param to null for the most up-to-date follower that is heard from.
   * @returns whether a transfer has begun.
   */
  transferLeadership(nowMs: number, to: NodeId | null): boolean {
    this.hasInput = true;
    return startTransfer(this.state, nowMs, to);
  }

  /** Entries [from, to] while they last, at least one, `bytesMax` at most but for that; null if
   *  `from` is no longer in memory. */
  entriesInMemory(from: Index, bytesMax: number, to: Index): readonly Entry[] | null {
    const { log } = this.state;
    if (from < log.firstIndexInMemory) return null;
    return log.slice(from, Math.min(to, log.lastIndex) as Index, bytesMax);
  }

  /** What the log goes on from: earlier entries are only in a snapshot. */
  get base(): LogPoint {
    return this.state.log.base;
  }

  /** The term of any entry from the base (index 0 has term 0) to lastIndex. */
  termAt(index: Index): Term {
    return this.state.log.termAt(index);
  }

  /** The host's state machine has everything up to here: memory may let go of it. */
  applied(index: Index): void {
    const { state } = this;
    assert(index <= state.commitIndex, () => `S10: applied ${index} > ${state.commitIndex}`);
    if (index <= state.appliedIndex) return;
    this.hasInput = true;
    state.appliedIndex = index;
    state.trimWindow();
  }

  /** What a leader knows of a follower; null when this node does not lead, or `peer` is none. */
  progressOf(peer: NodeId): ProgressView | null {
    const progress = this.state.role === 'leader' ? this.state.peer(peer) : null;
    if (progress === null) return null;
    const { matchIndex, nextIndex, state, standing, lastHeardMs } = progress;
    return { matchIndex, nextIndex, state, standing, lastHeardMs };
  }

  /** Rot was found in this node's log: until a leader has made it whole, it counts for nothing. */
  get isSuspect(): boolean {
    return this.state.isSuspect;
  }

  /** Whether the peer is a suspect, as far as it has said: a follower hears it when it campaigns. */
  isPeerSuspect(peer: NodeId): boolean {
    return this.state.peer(peer)?.standing === 'suspect';
  }

  /** Whether `takeEffects` may give something. Where it would not, a host can do without the turn:
   *  what a turn would check has been checked here. */
  get wantsTurn(): boolean {
    if (!this.hasInput) return false;
    const { state } = this;
    const { commitIndex, durability, hardState, log, outbox } = state;
    const isIdle =
      outbox.isEmpty &&
      commitIndex === this.toldCommitIndex &&
      !durability.isDue(hardState, log) &&
      (state.role !== 'leader' || !mayReplicate(state));
    if (isIdle) checkState(state);
    return !isIdle;
  }

  /** What the host must now do; null for nothing. All that one turn brought goes out together: one
   *  write to the disk, and as few AppendEntries as it takes. */
  takeEffects(nowMs: number): Effects | null {
    if (!this.hasInput) return null;
    this.hasInput = false;
    const { state } = this;
    checkState(state);
    if (state.role === 'leader') replicate(state, nowMs);
    const persist = state.durability.take(nowMs, state.hardState, state.log, state.commitIndex);
    const { outbox, commitIndex } = state;
    if (persist === null && outbox.isEmpty && commitIndex === this.toldCommitIndex) return null;

    this.toldCommitIndex = commitIndex;
    const { messages, promises, reads, snapshotReads, chunks, install } = outbox;
    outbox.clear();
    // Whatever is promised has been handed to the disk by now, in this turn or an earlier one.
    const promisesAfter = promises.length === 0 ? NO_SEQUENCE : state.durability.lastSequence;
    return {
      messages,
      persist,
      promises,
      promisesAfter,
      commitIndex,
      reads,
      snapshotReads,
      chunks,
      install,
    };
  }

  /** What the followers have committed by themselves stays in memory too until this node's own disk
   *  has it: a leader whose disk hangs must not go on taking what it can't let go of (L8). */
  private hasRoomFor(record: Uint8Array): boolean {
    const { limits, log, uncommittedBytes } = this.state;
    const { logWindowBytesMax, uncommittedBytesMax } = limits;
    return (
      uncommittedBytes + record.length <= uncommittedBytesMax &&
      log.bytesInMemory + record.length <= logWindowBytesMax + uncommittedBytesMax
    );
  }
}
