import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import { type Index, indexPlus, NO_INCARNATION, type NodeId, type Term } from '../base/ids.ts';
import { feedCost, mayFeed } from './catch-up.ts';
import type { ReadEntries } from './effects.ts';
import { advanceCommit } from './leader.ts';
import type {
  AppendEntriesResponse,
  InstallSnapshotResponse,
  SuspectResponse,
} from './messages.ts';
import type { Progress } from './progress.ts';
import {
  followSnapshot,
  readSnapshots,
  sendSnapshot,
  snapshotAnswered,
} from './snapshot-sender.ts';
import type { RaftState } from './state.ts';
import { continueTransfer } from './transfer.ts';

// How a leader brings its followers' logs in line with its own (§5.3).

const NO_ENTRIES: readonly Entry[] = [];

/**
 * Sends every follower what it may be sent now. Called once a turn, so that all the proposals of
 * the turn share one AppendEntries for each follower, while the leader's own disk writes the same
 * entries (dissertation §10.2.1).
 */
export function replicate(state: RaftState, nowMs: number): void {
  // S3: AppendEntries don't wait for the disk, so the term that they carry must not need to.
  assert(
    state.durability.isTermDurable(state.currentTerm),
    () => `leader ${state.id} of term ${state.currentTerm}, which is not durable`,
  );
  const batches = new Batches(state);
  state.feedDueMs = Number.POSITIVE_INFINITY;
  for (const progress of state.peers) {
    // §7: "when the leader has already discarded the next log entry that it needs to send". The entry
    // right behind the base needs none: the base's own term is known.
    if (progress.nextIndex <= state.log.base.index) progress.becomeSnapshot();
    if (progress.state === 'snapshot') sendSnapshot(state, progress);
    else if (progress.state === 'probe') sendProbe(state, progress, batches);
    else sendPipelined(state, nowMs, progress, batches);
  }
  readSnapshots(state, nowMs);
  state.heartbeatDue = false;
}

/** Whether `replicate` may have something to do. Where it says no, it has not. */
export function mayReplicate(state: RaftState): boolean {
  if (state.heartbeatDue) return true;
  for (const progress of state.peers) {
    // Seldom, and not for long: let it look.
    if (progress.state === 'snapshot') return true;
    const isWaiting =
      progress.state === 'probe'
        ? progress.probeInFlight
        : progress.nextIndex > state.log.lastIndex;
    if (!isWaiting) return true;
  }
  return false;
}

/** One question at a time; a heartbeat repeats it. */
function sendProbe(state: RaftState, progress: Progress, batches: Batches): void {
  if (progress.probeInFlight) {
    if (state.heartbeatDue) sendHeartbeat(state, progress);
    return;
  }
  // What is no longer in memory is read back only once it is known that it is needed.
  const { appendEntriesBytesMax } = state.limits;
  const inMemory = progress.nextIndex >= state.log.firstIndexInMemory;
  sendEntries(
    state,
    progress,
    inMemory ? batches.from(progress.nextIndex, appendEntriesBytesMax) : NO_ENTRIES,
  );
}

function sendPipelined(
  state: RaftState,
  nowMs: number,
  progress: Progress,
  batches: Batches,
): void {
  // On its own and first, even when entries follow: it is answered without an fsync, so that a slow
  // disk is not taken for a lost follower. It speaks of everything sent so far: if something of
  // that was lost, the refusal says so.
  if (state.heartbeatDue) sendHeartbeat(state, progress);
  while (
    progress.nextIndex <= state.log.lastIndex &&
    progress.hasRoom(state.limits.inflightBytesMax)
  ) {
    const isInMemory = progress.nextIndex >= state.log.firstIndexInMemory;
    if (!isInMemory) progress.startCatchingUp();
    if (progress.isCatchingUp && !mayFeed(state, nowMs, progress)) return;
    if (!isInMemory) {
      readBack(state, progress);
      return;
    }
    sendEntries(state, progress, batches.from(progress.nextIndex, pieceBytesMax(state, progress)));
  }
  if (progress.nextIndex > state.log.lastIndex) progress.isCatchingUp = false;
}

/** What a laggard is sent at a time is little: to handle it holds up everybody who is not one. */
function pieceBytesMax({ limits }: RaftState, { isCatchingUp }: Progress): number {
  const { appendEntriesBytesMax, readBackBytesMax } = limits;
  return isCatchingUp ? Math.min(appendEntriesBytesMax, readBackBytesMax) : appendEntriesBytesMax;
}

/** A laggard wants entries that memory has let go of: the host reads them from disk. */
function readBack(state: RaftState, progress: Progress): void {
  if (progress.reading !== null || progress.readFailed) return;
  const request: ReadEntries = {
    follower: progress.peer,
    from: progress.nextIndex,
    to: indexPlus(state.log.firstIndexInMemory, -1),
    bytesMax: pieceBytesMax(state, progress),
  };
  progress.reading = request;
  state.outbox.read(request);
}

/** The entries have come from disk; they are the follower's only if nothing has changed since. */
export function entriesRead(
  state: RaftState,
  request: ReadEntries,
  entries: readonly Entry[],
): void {
  const progress = state.peer(request.follower);
  if (progress === null || progress.reading !== request) return;
  progress.reading = null;
  if (state.role !== 'leader') return;
  progress.readFailed = entries.length === 0;
  const useful =
    progress.state === 'replicate' &&
    progress.nextIndex === request.from &&
    // The log was compacted while the disk was reading: the term before it may be forgotten.
    request.from > state.log.base.index &&
    progress.hasRoom(state.limits.inflightBytesMax);
  if (!useful) return;

  // The log may have been cut and written anew by another leader while the disk was reading.
  let count = 0;
  while (count < entries.length && isOurs(state, indexPlus(request.from, count), entries[count]!)) {
    count++;
  }
  if (count === 0) progress.readFailed = true;
  else sendEntries(state, progress, count === entries.length ? entries : entries.slice(0, count));
}

function isOurs(state: RaftState, index: Index, entry: Entry): boolean {
  return entry.index === index && state.log.matches(index, entry.term);
}

function sendHeartbeat(state: RaftState, progress: Progress): void {
  sendAppendEntries(state, progress, NO_ENTRIES);
}

function sendEntries(state: RaftState, progress: Progress, entries: readonly Entry[]): void {
  sendAppendEntries(state, progress, entries);
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += entries[i]!.record.length;
  if (progress.isCatchingUp) for (const entry of entries) progress.pace.spend(feedCost(entry));
  progress.sent(indexPlus(progress.nextIndex, entries.length - 1), bytes);
}

function sendAppendEntries(state: RaftState, progress: Progress, entries: readonly Entry[]): void {
  const prevLogIndex = indexPlus(progress.nextIndex, -1);
  const prevLogTerm: Term = state.log.termAt(prevLogIndex);
  const to: NodeId = progress.peer;
  state.outbox.send({
    kind: 'AppendEntries',
    from: state.id,
    to,
    term: state.currentTerm,
    prevLogIndex,
    prevLogTerm,
    leaderCommit: state.commitIndex,
    entries,
  });
}

/** The term is the current one. */
export function handleAppendEntriesResponse(
  state: RaftState,
  nowMs: number,
  response: AppendEntriesResponse,
): void {
  if (state.role !== 'leader') return;
  const progress = state.peer(response.from)!;
  if (!isOfThisLife(state, progress, response)) return;
  progress.lastHeardMs = nowMs;
  const grew = followResponse(state, progress, response);
  const reinstated = progress.standing === 'suspect';
  progress.standing = 'sound';
  if (grew || reinstated) advanceCommit(state);
  if (response.success) continueTransfer(state);
}

/** The term is the current one. It speaks for no entry of the log: only that the follower lives, and
 *  how much of the snapshot it has. */
export function handleInstallSnapshotResponse(
  state: RaftState,
  nowMs: number,
  response: InstallSnapshotResponse,
): void {
  if (state.role !== 'leader') return;
  const progress = state.peer(response.from)!;
  if (!isOfThisLife(state, progress, response)) return;
  progress.lastHeardMs = nowMs;
  snapshotAnswered(progress, response);
}

/** False for what an earlier life of the follower has said. A life that nobody has told of yet
 *  begins. */
export function isOfThisLife(
  state: RaftState,
  progress: Progress,
  { incarnation }: AppendEntriesResponse | SuspectResponse | InstallSnapshotResponse,
): boolean {
  if (incarnation < progress.incarnation) return false;
  if (incarnation > progress.incarnation) {
    if (progress.incarnation !== NO_INCARNATION) progress.startAnew(state.log.lastIndex);
    progress.incarnation = incarnation;
  }
  return true;
}

/** Brings what is known of the follower's log up to its answer. True when more is known to be
 *  there. */
export function followResponse(
  state: RaftState,
  progress: Progress,
  response: AppendEntriesResponse | SuspectResponse,
): boolean {
  if (!response.success) {
    // §5.3: "the leader can decrement nextIndex to bypass all of the conflicting entries in that
    // term". The hint has skipped what cannot agree in the follower's log; this skips what cannot
    // in the leader's.
    const mayAgreeAt = state.log.findConflictByTerm(response.hintIndex, response.hintTerm);
    progress.refused(response.matchIndex, mayAgreeAt);
    return false;
  }
  assert(
    response.matchIndex <= state.log.lastIndex,
    () => `S15: ${response.from} acknowledges ${response.matchIndex} > ${state.log.lastIndex}`,
  );
  const grew = progress.acknowledged(response.matchIndex);
  followSnapshot(state, progress);
  return grew;
}

/** The entries of one turn, cut into messages: followers at the same place get the same array. */
class Batches {
  private readonly state: RaftState;
  private readonly made: { readonly entries: readonly Entry[]; readonly bytesMax: number }[] = [];

  constructor(state: RaftState) {
    this.state = state;
  }

  /** As many entries from `index` on as fit into so many bytes; all of them are in memory. */
  from(index: Index, bytesMax: number): readonly Entry[] {
    const { log } = this.state;
    if (index > log.lastIndex) return NO_ENTRIES;
    for (const made of this.made) {
      if (made.entries[0]!.index === index && made.bytesMax === bytesMax) return made.entries;
    }
    const entries = log.slice(index, log.lastIndex, bytesMax);
    this.made.push({ entries, bytesMax });
    return entries;
  }
}
