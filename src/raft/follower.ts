import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import {
  INDEX_ZERO,
  type Index,
  indexPlus,
  NOBODY,
  type NodeId,
  TERM_ZERO,
  type Term,
} from '../base/ids.ts';
import type { AppendEntries } from './messages.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { appendEntriesResponse } from './suspect.ts';

// What a follower does with AppendEntries (§5.3, Figure 2).

/** The term is the current one. */
export function handleAppendEntries(state: RaftState, nowMs: number, request: AppendEntries): void {
  hearLeader(state, nowMs, request.from);

  // §5.3: refuse if the log has no entry at prevLogIndex whose term matches prevLogTerm.
  if (!state.log.matches(request.prevLogIndex, request.prevLogTerm)) {
    refuse(state, request.from, request.prevLogIndex, request.prevLogTerm);
    return;
  }
  // The last index that this request speaks of. What this log may hold beyond it, the leader has
  // said nothing about.
  const lastNewIndex = indexPlus(request.prevLogIndex, request.entries.length);
  assertContiguous(state, request, lastNewIndex);
  appendNewEntries(state, request);

  // Figure 2: min(leaderCommit, index of last new entry), and not of the last entry of this log.
  const commitIndex = Math.min(request.leaderCommit, lastNewIndex) as Index;
  if (commitIndex > state.commitIndex) state.commitTo(commitIndex);
  acknowledge(state, request.from, lastNewIndex, request.entries.length === 0);
}

export function hearLeader(state: RaftState, nowMs: number, leader: NodeId): void {
  assert(
    state.role !== 'leader' && (state.leaderOfTerm === leader || state.leaderOfTerm === NOBODY),
    () => `S1: two leaders in term ${state.currentTerm}: ${state.leaderOfTerm} and ${leader}`,
  );
  // §5.2: "the candidate recognizes the leader as legitimate and returns to follower state".
  becomeFollower(state, nowMs, state.currentTerm, 'heard the leader');
  if (state.leaderId !== leader) {
    state.leaderId = leader;
    state.leaderOfTerm = leader;
    state.trace?.({ kind: 'leader', node: state.id, term: state.currentTerm, leader });
  }
  state.leaderIncarnation = state.peer(leader)!.incarnation;
  state.leaderProcessGone = false;
  state.loyalUntilMs = nowMs + state.timing.electionTimeoutMinMs;
  state.armElectionTimer(nowMs);
}

/** §5.3: where the logs conflict, the leader's entry stands; what matches is left alone, for the
 *  request may be an old one and the log may have grown since. */
function appendNewEntries(state: RaftState, request: AppendEntries): void {
  const { entries } = request;
  let at = 0;
  while (at < entries.length && state.log.matches(entries[at]!.index, entries[at]!.term)) at++;
  if (at === entries.length) return;

  const first = entries[at]!.index;
  if (first <= state.log.lastIndex) truncate(state, first);
  for (; at < entries.length; at++) state.log.append(entries[at]!);
  if (state.trace !== null) {
    const to = state.log.lastIndex;
    state.trace({ kind: 'append', node: state.id, term: state.currentTerm, from: first, to });
  }
}

function truncate(state: RaftState, from: Index): void {
  assert(
    from > state.commitIndex,
    () => `S17: node ${state.id} would remove ${from}, but ${state.commitIndex} is committed`,
  );
  state.log.truncate(from);
  state.durability.truncated(from);
  state.trace?.({ kind: 'truncate', node: state.id, term: state.currentTerm, from });
}

/**
 * Success: everything up to `index` is in this log as it is in the leader's. Saying so promises
 * that it is durable (D1). It never speaks of this log's own last index: beyond `index` the logs
 * may differ.
 */
export function acknowledge(
  state: RaftState,
  to: NodeId,
  index: Index,
  isHeartbeat: boolean,
): void {
  const { durability } = state;
  // A heartbeat brings nothing to wait for: it is answered at once, up to what is durable, so that
  // one slow fsync does not look like a lost follower. The entries' own answer follows when it may.
  const claimed = isHeartbeat && index > durability.stableIndex ? durability.stableIndex : index;
  const response = appendEntriesResponse(state, to, true, claimed, INDEX_ZERO, TERM_ZERO);
  const durable = durability.isTermDurable(state.currentTerm) && claimed <= durability.stableIndex;
  if (durable) state.outbox.send(response);
  else state.outbox.promiseAcknowledgement(response);
}

/** Refuses for want of a matching entry (§5.3), or because the request is of an earlier term
 *  (§5.1). */
export function refuse(state: RaftState, to: NodeId, prevLogIndex: Index, prevLogTerm: Term): void {
  const { log } = state;
  // What lies behind the base was committed: nobody disagrees there.
  const mayAgreeAt = log.findConflictByTerm(prevLogIndex, prevLogTerm);
  const hintIndex = Math.max(mayAgreeAt, log.base.index) as Index;
  const response = appendEntriesResponse(
    state,
    to,
    false,
    prevLogIndex,
    hintIndex,
    state.log.termAt(hintIndex),
  );
  // A refusal promises nothing but the term that it names.
  if (state.durability.isTermDurable(state.currentTerm)) state.outbox.send(response);
  else state.outbox.promise(response);
}

/** The entries follow each other and `prevLogIndex`; their terms are the log's business (S18). */
function assertContiguous(state: RaftState, request: AppendEntries, lastNewIndex: Index): void {
  const { entries } = request;
  if (entries.length === 0) return;
  const first = entries[0] as Entry;
  const last = entries[entries.length - 1] as Entry;
  assert(
    first.index === request.prevLogIndex + 1 &&
      last.index === lastNewIndex &&
      last.term <= state.currentTerm,
    () => `AppendEntries behind ${request.prevLogIndex} holds ${first.index}..${last.index}`,
  );
}
