import { unreachable } from '../base/assert.ts';
import {
  handlePreVote,
  handlePreVoteResponse,
  handleRequestVote,
  handleRequestVoteResponse,
  ignoresCampaign,
  refuseEarlierTerm,
} from './election.ts';
import { handleAppendEntries, refuse } from './follower.ts';
import type { Message } from './messages.ts';
import { handleSuspectResponse, hearSuspect } from './reinstate.ts';
import { handleAppendEntriesResponse, handleInstallSnapshotResponse } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { handleInstallSnapshot } from './snapshot-receiver.ts';
import type { RaftState } from './state.ts';
import { handleReinstate, hearSound } from './suspect.ts';
import { handleTimeoutNow } from './transfer.ts';

/** A message has come from a peer: the rules for terms, once for all roles (§5.1), and then whoever
 *  deals with it. */
export function step(state: RaftState, nowMs: number, message: Message): void {
  // Not for us, or not from one who has a say.
  if (message.to !== state.id || state.peer(message.from) === null) return;

  if (message.term < state.currentTerm) {
    answerEarlierTerm(state, nowMs, message);
    return;
  }
  if (message.kind === 'RequestVote' && ignoresCampaign(state, nowMs, message)) return;
  if (message.term > state.currentTerm && raisesTerm(message)) {
    becomeFollower(state, nowMs, message.term, `saw term ${message.term}`);
  }
  hearSound(state, message);
  dispatch(state, nowMs, message);
}

/** The sender is behind. Where that keeps it from working, it learns our term from the answer. */
function answerEarlierTerm(state: RaftState, nowMs: number, message: Message): void {
  switch (message.kind) {
    case 'AppendEntries':
      // §5.1: a leader of an earlier term steps down. It must be told even though it would not
      // hear our campaigns: leaders ignore those (§6).
      refuse(state, message.from, message.prevLogIndex, message.prevLogTerm);
      return;
    case 'InstallSnapshot':
      refuse(state, message.from, message.snapshot.index, message.snapshot.term);
      return;
    case 'RequestVote':
      refuseEarlierTerm(state, message.from);
      return;
    case 'PreVote':
      handlePreVote(state, nowMs, message);
      return;
    case 'SuspectResponse':
      // Refused a pre-vote, it has not adopted our term.
      hearSuspect(state, message);
      return;
    default:
      // An answer to what we asked in an earlier term: it counts for nothing in this one.
      return;
  }
}

function dispatch(state: RaftState, nowMs: number, message: Message): void {
  switch (message.kind) {
    case 'PreVote':
      handlePreVote(state, nowMs, message);
      return;
    case 'PreVoteResponse':
      handlePreVoteResponse(state, nowMs, message);
      return;
    case 'RequestVote':
      handleRequestVote(state, nowMs, message);
      return;
    case 'RequestVoteResponse':
      handleRequestVoteResponse(state, nowMs, message);
      return;
    case 'AppendEntries':
      handleAppendEntries(state, nowMs, message);
      return;
    case 'AppendEntriesResponse':
      handleAppendEntriesResponse(state, nowMs, message);
      return;
    case 'TimeoutNow':
      handleTimeoutNow(state, nowMs, message);
      return;
    case 'SuspectResponse':
      handleSuspectResponse(state, nowMs, message);
      return;
    case 'Reinstate':
      handleReinstate(state, message);
      return;
    case 'InstallSnapshot':
      handleInstallSnapshot(state, nowMs, message);
      return;
    case 'InstallSnapshotResponse':
      handleInstallSnapshotResponse(state, nowMs, message);
      return;
    default:
      unreachable(message);
  }
}

/** §5.1: a later term is adopted, except from messages that carry one which nobody has yet. */
function raisesTerm(message: Message): boolean {
  switch (message.kind) {
    case 'PreVote':
      // It names the term that its sender would campaign in.
      return false;
    case 'PreVoteResponse':
      // Granted, it repeats that term. Refused, it names the responder's own: we are behind, and
      // until we catch up nobody would grant us anything.
      return !message.voteGranted;
    default:
      return true;
  }
}
