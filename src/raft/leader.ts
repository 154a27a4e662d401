import { assert } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../base/entry.ts';
import { INDEX_ZERO, type Index, indexPlus } from '../base/ids.ts';
import { feedCost } from './catch-up.ts';
import { reachedByMajority } from './quorum.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';

// What a leader does by itself: it appends, commits, keeps itself heard, and steps down.

/** §8: a leader begins its term with a no-op, which commits everything before it. The first leader
 *  of all writes the first configuration before that. */
export function startTerm(state: RaftState): void {
  state.termStart = indexPlus(state.log.lastIndex, 1);
  if (state.log.lastIndex === INDEX_ZERO && state.firstConfiguration !== null) {
    appendEntry(state, EntryType.Configuration, unsealedRecord(state.firstConfiguration));
  }
  appendEntry(state, EntryType.Noop, unsealedRecord(EMPTY_BYTES));
}

/** §5.3: the leader appends to its log and never changes what is in it (S4). */
export function appendEntry(state: RaftState, type: EntryType, record: Uint8Array): Index {
  const index = indexPlus(state.log.lastIndex, 1);
  const entry: Entry = sealEntry(record, type, state.currentTerm, index);
  state.log.append(entry);
  state.uncommittedBytes += record.length;
  state.grownCost += feedCost(entry);
  if (state.trace !== null) {
    state.trace({
      kind: 'append',
      node: state.id,
      term: state.currentTerm,
      from: index,
      to: index,
    });
  }
  return index;
}

/** Something more is durable, here or on a follower: commits what a majority now holds (§5.3). */
export function advanceCommit(state: RaftState): void {
  const held = new Float64Array(state.voters.length);
  // The leader is one of the majority only as far as its own disk is.
  held[0] = state.durability.stableIndex;
  for (let i = 0; i < state.peers.length; i++) held[i + 1] = state.peers[i]!.countedIndex;
  const index = reachedByMajority(held) as Index;
  if (index <= state.commitIndex) return;
  // §5.4.2, Figure 8: only entries of the leader's own term are committed by counting; earlier ones
  // are committed with them, for the logs match.
  if (state.log.termAt(index) !== state.currentTerm) return;

  releaseUncommitted(state, index);
  state.commitTo(index);
}

function releaseUncommitted(state: RaftState, commitIndex: Index): void {
  let index = Math.max(state.commitIndex + 1, state.termStart) as Index;
  // All of it is in memory: nothing is evicted before it is applied.
  for (; index <= commitIndex; index = indexPlus(index, 1)) {
    state.uncommittedBytes -= state.log.entryAt(index).record.length;
  }
  assert(state.uncommittedBytes >= 0, () => `uncommitted: ${state.uncommittedBytes} bytes`);
}

/**
 * A heartbeat is due; and this is when the leader asks itself whether it still is one.
 * @param judges false when the tick came late: then the answers that wait unread are read first.
 */
export function leaderTick(state: RaftState, nowMs: number, judges: boolean): void {
  if (judges && state.isStorageStalled(nowMs)) {
    // L10: heartbeats that go on while nothing can be written would keep the others waiting.
    becomeFollower(state, nowMs, state.currentTerm, 'its disk makes no progress');
    return;
  }
  if (judges && quorumHeardMs(state, nowMs) < nowMs - state.timing.electionTimeoutMinMs) {
    // Dissertation §6.2: cut off from the majority, it must not keep its clients waiting (L5).
    becomeFollower(state, nowMs, state.currentTerm, 'lost contact with the quorum');
    return;
  }
  // L9: a transfer that came to nothing; proposals are taken again.
  if (state.transfer !== null && nowMs >= state.transfer.deadlineMs) state.transfer = null;
  for (const progress of state.peers) progress.readFailed = false;
  state.heartbeatDue = true;
  state.heartbeatDeadlineMs = nowMs + state.timing.heartbeatMs;
}

/** Whether this leader can make suspects whole: it has committed an entry of its own term, so there
 *  is no doubt that it leads, and its log holds all that was ever committed. */
export function mayReinstate(state: RaftState): boolean {
  return state.log.termAt(state.commitIndex) === state.currentTerm;
}

/**
 * A majority, this node included, has been heard since then. Suspects are among it as long as this
 * leader can make them whole, and so get a majority that counts. Where it can't, it could neither
 * commit nor mend anything, and must not pretend to lead.
 */
function quorumHeardMs(state: RaftState, nowMs: number): number {
  const heard = new Float64Array(state.voters.length);
  const mends = mayReinstate(state);
  heard[0] = nowMs;
  for (let i = 0; i < state.peers.length; i++) {
    const { standing, lastHeardMs } = state.peers[i]!;
    heard[i + 1] = standing === 'suspect' && !mends ? Number.NEGATIVE_INFINITY : lastHeardMs;
  }
  return reachedByMajority(heard);
}
