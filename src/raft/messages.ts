import type { Entry } from '../base/entry.ts';
import type { Incarnation, Index, NodeId, Term } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';

/** What nodes say to each other. One variant a message; the header's fields come first, always in
 *  the same order, so that each variant is one hidden class. */
export type Message =
  | PreVote
  | PreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | TimeoutNow
  | SuspectResponse
  | Reinstate
  | InstallSnapshot
  | InstallSnapshotResponse;

/** Asks, without any change of state, whether an election would be won (dissertation §9.6). */
export interface PreVote {
  readonly kind: 'PreVote';
  readonly from: NodeId;
  readonly to: NodeId;
  /** The term the sender would campaign in: its current term + 1. Nobody has it yet. */
  readonly term: Term;
  readonly lastLogIndex: Index;
  readonly lastLogTerm: Term;
}

export interface PreVoteResponse {
  readonly kind: 'PreVoteResponse';
  readonly from: NodeId;
  readonly to: NodeId;
  /** Granted: the term that was asked for. Refused: the responder's current term. */
  readonly term: Term;
  readonly voteGranted: boolean;
}

/** §5.2, §5.4.1. */
export interface RequestVote {
  readonly kind: 'RequestVote';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly lastLogIndex: Index;
  readonly lastLogTerm: Term;
  /** Set when the leader itself asked for this election: loyalty to it is no reason to refuse
   *  (dissertation §4.2.3). */
  readonly leadershipTransfer: boolean;
}

export interface RequestVoteResponse {
  readonly kind: 'RequestVoteResponse';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly voteGranted: boolean;
}

/** §5.3. With no entries it is a heartbeat, and still a check of the log at `prevLogIndex`. */
export interface AppendEntries {
  readonly kind: 'AppendEntries';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly prevLogIndex: Index;
  readonly prevLogTerm: Term;
  readonly leaderCommit: Index;
  readonly entries: readonly Entry[];
}

export interface AppendEntriesResponse {
  readonly kind: 'AppendEntriesResponse';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  /** The life of the sender's process. What an earlier one acknowledged may be lost by now. */
  readonly incarnation: Incarnation;
  readonly success: boolean;
  /** Success: every entry up to here is durable on the sender and equal to the leader's. Refused:
   *  the `prevLogIndex` that did not match, so that a late refusal is recognised. */
  readonly matchIndex: Index;
  /** Refused: where the leader may try next (§5.3, the fast back-up), as the largest index at which
   *  the logs may still agree, and the sender's term there. */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}

/** Asks the receiver to campaign at once (dissertation §3.10). */
export interface TimeoutNow {
  readonly kind: 'TimeoutNow';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

/**
 * The only answer of a suspect (docs/suspect-mode.md), be it to AppendEntries or to a campaign. A
 * type of its own, so that nobody can take it for a vote or for an acknowledgement that counts. To
 * AppendEntries it says what an AppendEntriesResponse would, so that the leader can send what is
 * missing; to a campaign it is a refusal, and the numbers are zeros.
 */
export interface SuspectResponse {
  readonly kind: 'SuspectResponse';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  /** The life of the sender's process. Only a start makes a suspect, so an AppendEntriesResponse of
   *  the same life is a later one. */
  readonly incarnation: Incarnation;
  readonly success: boolean;
  readonly matchIndex: Index;
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}

/** A leader that has committed an entry of its own term tells a suspect that it is whole again. */
export interface Reinstate {
  readonly kind: 'Reinstate';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  /** The life of the receiver's process that has answered so: another one may have rotted since. */
  readonly incarnation: Incarnation;
  /** The leader's last index at a moment when the receiver was a suspect already, in that life. The
   *  receiver has said that it holds everything up to here, durably. */
  readonly wholeIndex: Index;
}

/**
 * §7, Figure 13: a piece of a snapshot, for a follower that needs what the log no longer holds.
 * Without bytes it is a question: how much of what was sent up to `offset` is there? That is how a
 * transfer begins, goes on after a broken connection, and finds out what was lost.
 */
export interface InstallSnapshot {
  readonly kind: 'InstallSnapshot';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly snapshot: SnapshotInfo;
  /** Where in the file the bytes begin. */
  readonly offset: number;
  /** Whole blocks of the file. */
  readonly bytes: Uint8Array;
}

/**
 * How much of a snapshot the sender has; it promises nothing. Once it has all of it and begins its
 * log behind it, durably, it says so like any acknowledgement: AppendEntriesResponse, or
 * SuspectResponse, with the snapshot's index.
 */
export interface InstallSnapshotResponse {
  readonly kind: 'InstallSnapshotResponse';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  /** The life of the sender's process: an earlier one's unfinished files are gone. */
  readonly incarnation: Incarnation;
  readonly snapshotIndex: Index;
  readonly snapshotId: number;
  /** It has every byte before this one. */
  readonly offset: number;
  /** Where the piece ended that this answers, so that a late answer is recognised. */
  readonly sentOffset: number;
}
