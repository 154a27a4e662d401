import { NOBODY, type NodeId, type Term, term } from '../base/ids.ts';
import { startTerm } from './leader.ts';
import type { PreVote, PreVoteResponse, RequestVote, RequestVoteResponse } from './messages.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import { type RaftState, VOTERS_MAX } from './state.ts';
import { answerAsSuspect } from './suspect.ts';

// Leader election (§5.2, §5.4.1), with the pre-vote of dissertation §9.6 in front.

/** The election timer has run out: no leader was heard, or no election was won. */
export function electionTimeout(state: RaftState, nowMs: number): void {
  // It may lack what is committed, so it can't lead; it only no longer believes in the old leader.
  if (state.isSuspect) {
    state.leaderId = NOBODY;
    state.armElectionTimer(nowMs);
    return;
  }
  // L10: whoever cannot make a vote durable can't lead.
  if (state.isStorageStalled(nowMs)) {
    state.armElectionTimer(nowMs);
    return;
  }
  startPreVote(state, nowMs, state.leaderProcessGone ? 'leader process gone' : 'election timeout');
}

/**
 * There is evidence, not only silence, that the leader is no more: nobody owes it loyalty, and
 * nobody needs to wait for the election timeout. The others see it too, maybe a moment later.
 */
export function loseLeader(state: RaftState, nowMs: number): void {
  const lost = state.leaderId;
  state.leaderId = NOBODY;
  state.leaderProcessGone = true;
  const dueMs = nowMs + campaignDelayMs(state, lost);
  if (dueMs < state.electionDeadlineMs) state.electionDeadlineMs = dueMs;
  answerEarlyPreVote(state, nowMs);
}

/** All have seen it at the same moment, so they go one after another, the highest id first as in
 *  `goesFirst`: mostly the next ones hear of a campaign before it would be their turn. */
function campaignDelayMs(state: RaftState, lost: NodeId): number {
  let before = 0;
  for (const { peer } of state.peers) if (peer > state.id && peer !== lost) before++;
  return Math.floor((before * state.timing.processGoneDelayMaxMs) / (VOTERS_MAX - 2));
}

/** Somebody has seen the loss before this node, and was refused only out of loyalty: to be asked again
 *  would take another heartbeat. The refusal made nobody do anything, so it may be taken back. */
function answerEarlyPreVote(state: RaftState, nowMs: number): void {
  const early = state.earlyPreVote;
  state.earlyPreVote = null;
  if (early === null || nowMs > early.atMs + state.timing.heartbeatMs) return;
  handlePreVote(state, nowMs, early.request);
}

/**
 * §9.6: before a node raises its term, which would depose a healthy leader, it asks whether it
 * could win. Asking promises nothing and changes nothing, so it needs no disk and may be repeated
 * freely.
 */
function startPreVote(state: RaftState, nowMs: number, reason: string): void {
  becomePreCandidate(state, nowMs, reason);
  if (state.leaderProcessGone) {
    // Who has not seen yet what this node saw refuses: ask again soon.
    const { heartbeatMs, processGoneDelayMaxMs } = state.timing;
    state.electionDeadlineMs = nowMs + heartbeatMs + state.random.below(processGoneDelayMaxMs + 1);
  }
  state.votes.add(state.id);
  for (const progress of state.peers) sendPreVote(state, progress.peer);
  if (state.votes.size >= state.quorum) startElection(state, nowMs, false);
}

/** §5.2, "to begin an election…". `leadershipTransfer`: the leader asked for it (§3.10). */
export function startElection(state: RaftState, nowMs: number, leadershipTransfer: boolean): void {
  becomeCandidate(state, nowMs, leadershipTransfer ? 'leadership transfer' : 'won the pre-vote');
  for (const progress of state.peers) promiseRequestVote(state, progress.peer, leadershipTransfer);
}

/** The stream to a peer stands anew: what was asked may have been lost with the old one. */
export function repeatCampaign(state: RaftState, peer: NodeId): void {
  if (state.votes.has(peer)) return;
  if (state.role === 'precandidate') sendPreVote(state, peer);
  else if (state.role === 'candidate') promiseRequestVote(state, peer, false);
}

export function handlePreVote(state: RaftState, nowMs: number, request: PreVote): void {
  if (state.isSuspect) {
    answerAsSuspect(state, request.from);
    return;
  }
  // §9.6: "have not received a heartbeat from a valid leader for at least a baseline timeout".
  const isLoyal = state.isLoyal(nowMs);
  if (isLoyal && state.role !== 'leader') state.earlyPreVote = { request, atMs: nowMs };
  const granted =
    // Whoever is behind in terms learns ours from the refusal.
    request.term > state.currentTerm &&
    // §5.4.1: it could not win a real election.
    state.log.isUpToDate(request.lastLogIndex, request.lastLogTerm) &&
    !isLoyal &&
    !state.isStorageStalled(nowMs) &&
    !goesFirst(state, nowMs, request);

  if (granted) {
    // Leave the other time to be elected, instead of splitting the vote: bounded, so that a node
    // which asks again and again and never wins delays nobody for long.
    const untilMs = nowMs + state.timing.processGoneDelayMaxMs;
    if (state.electionDeadlineMs < untilMs) state.electionDeadlineMs = untilMs;
  }
  const response: PreVoteResponse = {
    kind: 'PreVoteResponse',
    from: state.id,
    to: request.from,
    term: granted ? request.term : state.currentTerm,
    voteGranted: granted,
  };
  // A grant names a term that nobody has; a refusal names ours, which must be durable first (S3).
  if (granted || state.durability.isTermDurable(state.currentTerm)) state.outbox.send(response);
  else state.outbox.promise(response);
}

/**
 * Two that ask for pre-votes at the same moment would grant them to each other and then split the
 * real vote: the one with the better log, or else the higher id, goes first. Only for a moment: if
 * it does not win, it must not stand in the way of one that can.
 */
function goesFirst(state: RaftState, nowMs: number, rival: PreVote): boolean {
  if (state.role !== 'precandidate' || rival.term !== state.currentTerm + 1) return false;
  if (nowMs >= state.preVoteSinceMs + state.timing.processGoneDelayMaxMs) return false;
  // The rival's log is at least as up-to-date as ours, or the question would not arise.
  const sameLog =
    rival.lastLogTerm === state.log.lastTerm && rival.lastLogIndex === state.log.lastIndex;
  return sameLog && state.id > rival.from;
}

export function handlePreVoteResponse(
  state: RaftState,
  nowMs: number,
  response: PreVoteResponse,
): void {
  // A refusal that named a higher term has been dealt with by the rules for terms: we were behind.
  if (!response.voteGranted) return;
  // Late: we have moved on, or asked in another term.
  if (state.role !== 'precandidate' || response.term !== state.currentTerm + 1) return;

  state.votes.add(response.from);
  if (state.votes.size >= state.quorum) startElection(state, nowMs, false);
}

/** The term is the current one, and loyalty has been asked for: see `ignoresCampaign`. */
export function handleRequestVote(state: RaftState, nowMs: number, request: RequestVote): void {
  if (state.isSuspect) {
    answerAsSuspect(state, request.from);
    return;
  }
  const granted =
    // §5.2: one vote a term, first come, first served; the same candidate may ask again.
    (state.votedFor === NOBODY || state.votedFor === request.from) &&
    // §5.4.1: only a log that is at least as up-to-date may lead.
    state.log.isUpToDate(request.lastLogIndex, request.lastLogTerm) &&
    !state.isStorageStalled(nowMs);

  if (granted) {
    if (state.votedFor === NOBODY) castVote(state, request.from);
    becomeFollower(state, nowMs, state.currentTerm, 'voted for another');
    // Figure 2, Followers: granting a vote puts off one's own campaign.
    state.armElectionTimer(nowMs);
  }
  answerRequestVote(state, request.from, granted);
}

/** §6, and §4.2.3 of the dissertation: while a leader is alive nobody helps to depose it, unless it
 *  asked for that itself. */
export function ignoresCampaign(state: RaftState, nowMs: number, request: RequestVote): boolean {
  return !request.leadershipTransfer && state.isLoyal(nowMs);
}

export function handleRequestVoteResponse(
  state: RaftState,
  nowMs: number,
  response: RequestVoteResponse,
): void {
  // The answer's term is the current one: the rules for terms have dropped what was meant for an
  // earlier candidacy.
  if (state.role !== 'candidate' || !response.voteGranted) return;
  state.votes.add(response.from);
  becomeLeaderIfWon(state, nowMs);
}

/** A candidate's own vote counts like any other: once it is durable. */
export function countOwnVote(state: RaftState, nowMs: number): void {
  if (state.role !== 'candidate' || !state.durability.isVoteDurable(state.hardState)) return;
  state.votes.add(state.id);
  becomeLeaderIfWon(state, nowMs);
}

function becomeLeaderIfWon(state: RaftState, nowMs: number): void {
  if (state.votes.size < state.quorum) return;
  becomeLeader(state, nowMs);
  startTerm(state);
}

/** A campaign of an earlier term. */
export function refuseEarlierTerm(state: RaftState, to: NodeId): void {
  if (state.isSuspect) answerAsSuspect(state, to);
  else answerRequestVote(state, to, false);
}

function answerRequestVote(state: RaftState, to: NodeId, voteGranted: boolean): void {
  const response: RequestVoteResponse = {
    kind: 'RequestVoteResponse',
    from: state.id,
    to,
    term: state.currentTerm,
    voteGranted,
  };
  // §5.2, D1: a grant promises the vote, and any answer the term; neither may be forgotten.
  const durable = voteGranted
    ? state.durability.isVoteDurable(state.hardState)
    : state.durability.isTermDurable(state.currentTerm);
  if (durable) state.outbox.send(response);
  else state.outbox.promise(response);
}

function castVote(state: RaftState, candidate: NodeId): void {
  state.hardState = { ...state.hardState, votedFor: candidate };
  state.trace?.({ kind: 'vote', node: state.id, term: state.currentTerm, candidate });
}

function sendPreVote(state: RaftState, to: NodeId): void {
  const nextTerm: Term = term(state.currentTerm + 1);
  state.outbox.send({
    kind: 'PreVote',
    from: state.id,
    to,
    term: nextTerm,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: state.log.lastTerm,
  });
}

function promiseRequestVote(state: RaftState, to: NodeId, leadershipTransfer: boolean): void {
  state.outbox.promise({
    kind: 'RequestVote',
    from: state.id,
    to,
    term: state.currentTerm,
    lastLogIndex: state.log.lastIndex,
    lastLogTerm: state.log.lastTerm,
    leadershipTransfer,
  });
}
