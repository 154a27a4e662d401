import { assert } from '../base/assert.ts';
import { INDEX_ZERO, type Index, type NodeId, TERM_ZERO, type Term } from '../base/ids.ts';
import type { AppendEntriesResponse, Message, Reinstate, SuspectResponse } from './messages.ts';
import type { RaftState } from './state.ts';

// A node that has found rot in what it had promised is a suspect: its log may end too early, so it
// grants nothing, leads nothing and counts for nothing until a leader has made it whole. Why that
// is enough, and what it rests on: docs/suspect-mode.md.

/** What this node answers to AppendEntries: as one whose word counts, or as a suspect. */
export function appendEntriesResponse(
  state: RaftState,
  to: NodeId,
  success: boolean,
  matchIndex: Index,
  hintIndex: Index,
  hintTerm: Term,
): AppendEntriesResponse | SuspectResponse {
  const { id: from, currentTerm: term, incarnation } = state;
  if (!state.isSuspect) {
    return {
      kind: 'AppendEntriesResponse',
      from,
      to,
      term,
      incarnation,
      success,
      matchIndex,
      hintIndex,
      hintTerm,
    };
  }
  return {
    kind: 'SuspectResponse',
    from,
    to,
    term,
    incarnation,
    success,
    matchIndex,
    hintIndex,
    hintTerm,
  };
}

/** The answer to a campaign, for or against nobody. */
export function answerAsSuspect(state: RaftState, to: NodeId): void {
  const response = appendEntriesResponse(state, to, false, INDEX_ZERO, INDEX_ZERO, TERM_ZERO);
  // It promises nothing but the term that it names.
  if (state.durability.isTermDurable(state.currentTerm)) state.outbox.send(response);
  else state.outbox.promise(response);
}

/** The term is the current one. */
export function handleReinstate(state: RaftState, request: Reinstate): void {
  // Repeated, or meant for an earlier life: this one may lack what that one had.
  if (!state.hardState.suspect || request.incarnation !== state.incarnation) return;
  // A snapshot is taking the place of the log. What it holds then, it will say, and be told again.
  if (state.durability.isResetting) return;
  assert(
    state.durability.stableIndex >= request.wholeIndex,
    () => `D3: whole at ${request.wholeIndex}, but ${state.durability.stableIndex} is durable`,
  );
  // Until this is durable, the node remains a suspect.
  state.hardState = { ...state.hardState, suspect: false };
}

/** What a suspect says too proves nothing. */
const SAID_BY_SOUND_ONES: Record<Message['kind'], boolean> = {
  PreVote: true,
  PreVoteResponse: true,
  RequestVote: true,
  RequestVoteResponse: true,
  AppendEntries: true,
  AppendEntriesResponse: true,
  TimeoutNow: true,
  SuspectResponse: false,
  Reinstate: true,
  InstallSnapshot: true,
  InstallSnapshotResponse: false,
};

/** On nodes that don't lead: only a sound node says this. A leader must know of which life it is
 *  (reinstate.ts). */
export function hearSound(state: RaftState, message: Message): void {
  if (state.role === 'leader' || !SAID_BY_SOUND_ONES[message.kind]) return;
  state.peer(message.from)!.standing = 'sound';
}
