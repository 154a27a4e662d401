import { mayReinstate } from './leader.ts';
import type { SuspectResponse } from './messages.ts';
import type { Progress } from './progress.ts';
import { followResponse, isOfThisLife } from './replication.ts';
import type { RaftState } from './state.ts';

// How a leader makes a suspect whole (docs/suspect-mode.md): it sends it what is missing, as to any
// follower, without counting what it answers; and once the suspect holds all that the leader had
// when it heard of it, it says so.

/** The term is the current one. */
export function handleSuspectResponse(
  state: RaftState,
  nowMs: number,
  response: SuspectResponse,
): void {
  const progress = state.peer(response.from)!;
  if (!isOfThisLife(state, progress, response)) return;
  if (state.role !== 'leader') {
    hearSuspect(state, response);
    return;
  }
  // Overtaken: it has been reinstated since.
  if (progress.standing === 'sound') return;

  if (progress.standing === 'unheard') {
    progress.standing = 'suspect';
    // Whatever it has ever acknowledged in this term is in this log, up to its end.
    progress.wholeIndex = state.log.lastIndex;
  }
  progress.lastHeardMs = nowMs;
  followResponse(state, progress, response);
  const isWhole = response.success && response.matchIndex >= progress.wholeIndex;
  if (isWhole && mayReinstate(state)) reinstate(state, progress);
}

/** On nodes that don't lead, of whatever term: it says why nobody can be elected. */
export function hearSuspect(state: RaftState, { from }: SuspectResponse): void {
  if (state.role !== 'leader') state.peer(from)!.standing = 'suspect';
}

/** Repeated with every answer, until one comes that is no suspect's. */
function reinstate(state: RaftState, progress: Progress): void {
  state.outbox.send({
    kind: 'Reinstate',
    from: state.id,
    to: progress.peer,
    term: state.currentTerm,
    incarnation: progress.incarnation,
    wholeIndex: progress.wholeIndex,
  });
}
