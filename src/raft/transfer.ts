import { NOBODY, type NodeId } from '../base/ids.ts';
import { startElection } from './election.ts';
import type { TimeoutNow } from './messages.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';

// Leadership transfer (dissertation §3.10): stop taking proposals, bring the target up to date, and
// ask it to campaign at once. Its election is an ordinary one; only loyalty does not stand against
// it.

/** Starts to hand over to `to`, or, with null, to the most up-to-date follower that is heard from.
 *  False when this node does not lead, hands over already, or has nobody to hand over to. */
export function startTransfer(state: RaftState, nowMs: number, to: NodeId | null): boolean {
  if (state.role !== 'leader' || state.transfer !== null) return false;
  const heir = to === null ? mostUpToDate(state, nowMs) : state.peer(to);
  if (heir === null || !isEligible(heir)) return false;
  state.transfer = {
    to: heir.peer,
    deadlineMs: nowMs + state.timing.electionTimeoutMinMs,
    asked: false,
  };
  continueTransfer(state);
  return true;
}

/** A suspect may not lead; and who needs a snapshot first would keep the proposals waiting for it. */
function isEligible({ standing, state }: Progress): boolean {
  return standing !== 'suspect' && state !== 'snapshot';
}

function mostUpToDate(state: RaftState, nowMs: number): Progress | null {
  let best: Progress | null = null;
  for (const progress of state.peers) {
    const mayLead =
      isEligible(progress) && nowMs - progress.lastHeardMs < state.timing.electionTimeoutMinMs;
    if (mayLead && (best === null || progress.matchIndex > best.matchIndex)) best = progress;
  }
  return best;
}

/** Asks the heir to campaign, once it has all of the log: with less it could not be elected. */
export function continueTransfer(state: RaftState): void {
  const { transfer } = state;
  if (transfer === null || transfer.asked) return;
  if (state.peer(transfer.to)!.countedIndex < state.log.lastIndex) return;
  transfer.asked = true;
  state.outbox.send({
    kind: 'TimeoutNow',
    from: state.id,
    to: transfer.to,
    term: state.currentTerm,
  });
}

/** The term is the current one. */
export function handleTimeoutNow(state: RaftState, nowMs: number, request: TimeoutNow): void {
  // It was asked before it rotted.
  if (state.isSuspect) return;
  // Whoever campaigns already needs no asking, and whoever cannot write can't lead (L10).
  if (state.role !== 'follower' || state.isStorageStalled(nowMs)) return;
  // A leader of another name can't have sent it in this term.
  if (state.leaderOfTerm !== NOBODY && state.leaderOfTerm !== request.from) return;
  startElection(state, nowMs, true);
}
