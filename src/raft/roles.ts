import { assert } from '../base/assert.ts';
import { NO_INCARNATION, NOBODY, type Term, term } from '../base/ids.ts';
import type { RaftState } from './state.ts';
import type { Role } from './trace.ts';

/**
 * Figure 4, with the pre-vote in front (dissertation §9.6). A follower becomes a candidate directly
 * only when its leader asks it to. A leader only ever steps down.
 */
const legalEdges: Record<Role, Record<Role, boolean>> = {
  follower: { follower: true, precandidate: true, candidate: true, leader: false },
  precandidate: { follower: true, precandidate: true, candidate: true, leader: false },
  candidate: { follower: true, precandidate: true, candidate: false, leader: true },
  leader: { follower: true, precandidate: false, candidate: false, leader: false },
};

/** Follows nobody in particular, in `newTerm`, which is the current one or a later one. */
export function becomeFollower(
  state: RaftState,
  nowMs: number,
  newTerm: Term,
  reason: string,
): void {
  const before = state.role;
  if (newTerm > state.currentTerm) enterTerm(state, newTerm);
  if (before === 'follower') return;

  setRole(state, 'follower', reason);
  state.leaderId = NOBODY;
  state.votes.clear();
  state.transfer = null;
  state.heartbeatDue = false;
  // A leader has no election timer to go on with, and a candidate's has been for its own election.
  state.armElectionTimer(nowMs);
}

/** Asks whether an election would be won. Nothing that others could see changes. */
export function becomePreCandidate(state: RaftState, nowMs: number, reason: string): void {
  setRole(state, 'precandidate', reason);
  state.leaderId = NOBODY;
  state.votes.clear();
  state.preVoteSinceMs = nowMs;
  state.armElectionTimer(nowMs);
}

/** §5.2: increments its current term, votes for itself, and resets the election timer. */
export function becomeCandidate(state: RaftState, nowMs: number, reason: string): void {
  enterTerm(state, term(state.currentTerm + 1));
  setRole(state, 'candidate', reason);
  state.votes.clear();
  state.hardState = { ...state.hardState, votedFor: state.id };
  state.trace?.({
    kind: 'vote',
    node: state.id,
    term: state.currentTerm,
    candidate: state.id,
  });
  state.armElectionTimer(nowMs);
}

/** §5.2. What a leader appends and sends first is the business of leader.ts. */
export function becomeLeader(state: RaftState, nowMs: number): void {
  // S3: AppendEntries carry this term from now on, and they do not wait for the disk.
  assert(
    state.durability.isVoteDurable(state.hardState) && state.votedFor === state.id,
    () => `node ${state.id} won term ${state.currentTerm} before its own vote was durable`,
  );
  assert(
    state.leaderOfTerm === NOBODY,
    () => `S1: term ${state.currentTerm} is led by ${state.leaderOfTerm} and won by ${state.id}`,
  );
  setRole(state, 'leader', 'won the election');
  state.leaderId = state.id;
  state.leaderOfTerm = state.id;
  state.votes.clear();
  state.uncommittedBytes = 0;
  state.transfer = null;
  state.heartbeatDeadlineMs = nowMs + state.timing.heartbeatMs;
  state.heartbeatDue = false;
  state.feedDueMs = Number.POSITIVE_INFINITY;
  for (const progress of state.peers) {
    progress.startAnew(state.log.lastIndex);
    progress.readFailed = false;
    // A new leader has just been voted for by a quorum: it has one election timeout to be answered.
    progress.lastHeardMs = nowMs;
  }
}

/** §5.1: a later term wipes out what was known of the earlier one. */
function enterTerm(state: RaftState, newTerm: Term): void {
  assert(newTerm > state.currentTerm, () => `S3: term ${state.currentTerm} -> ${newTerm}`);
  state.hardState = { ...state.hardState, currentTerm: newTerm, votedFor: NOBODY };
  state.leaderId = NOBODY;
  state.leaderIncarnation = NO_INCARNATION;
  state.leaderOfTerm = NOBODY;
  state.leaderProcessGone = false;
  state.earlyPreVote = null;
  state.trace?.({ kind: 'term', node: state.id, term: newTerm });
}

function setRole(state: RaftState, role: Role, reason: string): void {
  assert(legalEdges[state.role][role], () => `illegal edge: ${state.role} -> ${role} (${reason})`);
  state.role = role;
  state.trace?.({ kind: 'role', node: state.id, term: state.currentTerm, role, reason });
}
