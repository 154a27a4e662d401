import { assert } from '../base/assert.ts';
import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  NO_INCARNATION,
  NOBODY,
  type NodeId,
  type Term,
} from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { HardState } from '../base/persist.ts';
import type { Prng } from '../base/prng.ts';
import type { LogPoint, SnapshotInfo } from '../base/snapshot.ts';
import type { TermRun } from '../base/term-runs.ts';
import { Durability } from './durability.ts';
import type { ReadSnapshot } from './effects.ts';
import { RaftLog } from './log.ts';
import type { PreVote } from './messages.ts';
import { Outbox } from './outbox.ts';
import { Progress } from './progress.ts';
import { majorityOf } from './quorum.ts';
import { checkTiming, type RaftTiming } from './timing.ts';
import type { Role, Trace } from './trace.ts';

export interface RaftOptions {
  readonly id: NodeId;
  /** Who votes, this node among them: 1 to 7 of them. */
  readonly voters: readonly NodeId[];
  readonly hardState: HardState;
  /** This life of the process: how often the directory has been opened. */
  readonly incarnation: Incarnation;
  /** The log as recovered: all of it durable, none of it in memory. It begins behind `base`. */
  readonly log: {
    readonly base: LogPoint;
    readonly lastIndex: Index;
    readonly termRuns: readonly TermRun[];
  };
  /** The newest good snapshot, one that the log covers: the host has restored it. Null: none. */
  readonly snapshot: SnapshotInfo | null;
  /** How far the log was known to be committed; 0 if unknown. */
  readonly commitIndex: Index;
  /** What a leader that finds its log empty appends as entry 1. */
  readonly firstConfiguration: Uint8Array | null;
  readonly timing: RaftTiming;
  readonly limits: Limits;
  /** For the jitter of elections. */
  readonly random: Prng;
  readonly trace: Trace | null;
  readonly nowMs: number;
}

/** A hand-over of leadership that is under way (dissertation §3.10). */
export interface Transfer {
  readonly to: NodeId;
  /** From here on the leader goes on leading. */
  readonly deadlineMs: number;
  /** TimeoutNow has been sent. */
  asked: boolean;
}

export const VOTERS_MAX = 7;

/**
 * Everything one node knows: the state of Figure 2, and what a real node needs beside it. It holds
 * state, not behaviour; the files around it are the behaviour, one file a part of the paper.
 */
export class RaftState {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly voters: readonly NodeId[];
  /** How many voters, this node included, make a majority. */
  readonly quorum: number;
  readonly timing: RaftTiming;
  readonly limits: Limits;
  readonly random: Prng;
  readonly trace: Trace | null;
  readonly firstConfiguration: Uint8Array | null;

  // Persistent state on all servers (Figure 2), and how much of it has become durable.
  hardState: HardState;
  readonly log: RaftLog;
  readonly durability: Durability;

  // Volatile state on all servers.
  /** Written by `become*` in roles.ts, nowhere else. */
  role: Role = 'follower';
  commitIndex: Index;
  /** Up to here the log was on disk at the start, or came in a snapshot: never in memory, unless sent
   *  anew. */
  recoveredIndex: Index;
  /** The host's state machine has everything up to here. Invariant: <= commitIndex. */
  appliedIndex: Index;
  /** The newest snapshot of this node. Invariant: log.base.index <= its index <= commitIndex; null
   *  only while the log begins at 1. */
  snapshot: SnapshotInfo | null;
  /** The leader this node follows, itself when it leads. NOBODY while it doubts that there is
   *  one. */
  leaderId: NodeId = NOBODY;
  /** The life of the leader's process in which it was last heard. */
  leaderIncarnation: Incarnation = NO_INCARNATION;
  /** Who has led `currentTerm`, doubted or not: there is one at most (§5.2, S1). */
  leaderOfTerm: NodeId = NOBODY;
  /** Up to then the leader counts as alive, and campaigns against it are refused. */
  loyalUntilMs = 0;
  /** What made this node doubt its leader was evidence, not silence: campaigns repeat quickly. */
  leaderProcessGone = false;
  /** The last pre-vote that was refused out of loyalty, and when: by whom has seen what this node may
   *  be about to see. */
  earlyPreVote: { readonly request: PreVote; readonly atMs: number } | null = null;
  /** On everybody but a leader: when to campaign. */
  electionDeadlineMs = 0;
  readonly outbox = new Outbox();

  // Volatile state on candidates.
  /** Who has granted a vote, or a pre-vote; this node's own vote once it is durable. */
  readonly votes = new Set<NodeId>();
  /** When this node last asked for pre-votes. */
  preVoteSinceMs = 0;

  // Volatile state on leaders, reinitialized after election.
  /** One for each other voter. Followers keep only the incarnations in it. */
  readonly peers: readonly Progress[];
  /** The first entry of this leader's term. */
  termStart: Index = INDEX_ZERO;
  heartbeatDeadlineMs = 0;
  heartbeatDue = false;
  /** Bytes of what this leader appended and has not committed. */
  uncommittedBytes = 0;
  /** What it would cost to feed a follower with everything that this leader has appended: only
   *  differences mean anything. */
  grownCost = 0;
  /** When a follower that is fed at a pace may be fed again. */
  feedDueMs = Number.POSITIVE_INFINITY;
  /** The commitIndex that was seen when somebody was last fed at a pace, and since when it stands
   *  there with entries behind it. */
  seenCommitIndex: Index = INDEX_ZERO;
  seenCommitMs = 0;
  transfer: Transfer | null = null;
  /** The one piece of a snapshot that the host is reading, for whichever follower. */
  snapshotReading: ReadSnapshot | null = null;
  /** For whom it was read last: the others are next. */
  lastSnapshotReader: NodeId = NOBODY;

  constructor(options: RaftOptions) {
    const { id, voters, log, snapshot } = options;
    // S8: what a snapshot holds was committed.
    const snapshotIndex = snapshot?.index ?? INDEX_ZERO;
    const commitIndex = Math.max(options.commitIndex, snapshotIndex) as Index;
    checkTiming(options.timing);
    assert(
      voters.length >= 1 && voters.length <= VOTERS_MAX && new Set(voters).size === voters.length,
      () => `voters: 1 to ${VOTERS_MAX} distinct ones, not (${voters.join(',')})`,
    );
    assert(voters.includes(id), () => `node ${id} is not among the voters (${voters.join(',')})`);
    assert(commitIndex <= log.lastIndex, () => `S10: commit ${commitIndex} > ${log.lastIndex}`);
    assert(
      log.base.index <= snapshotIndex,
      () => `S10: the log begins behind ${log.base.index}, the snapshot ends at ${snapshotIndex}`,
    );
    this.id = id;
    this.incarnation = options.incarnation;
    this.voters = voters;
    this.quorum = majorityOf(voters.length);
    this.timing = options.timing;
    this.limits = options.limits;
    this.random = options.random;
    this.trace = options.trace;
    this.firstConfiguration = options.firstConfiguration;
    this.hardState = options.hardState;
    this.log = new RaftLog(log.base, log.lastIndex, log.termRuns);
    this.durability = new Durability(options.hardState, log.lastIndex);
    this.commitIndex = commitIndex;
    this.appliedIndex = snapshotIndex;
    this.snapshot = snapshot;
    this.recoveredIndex = log.lastIndex;
    this.peers = voters
      .filter((voter) => voter !== id)
      .map((voter) => new Progress(voter, options.limits.inflightMessagesMax));
  }

  get currentTerm(): Term {
    return this.hardState.currentTerm;
  }

  get votedFor(): NodeId {
    return this.hardState.votedFor;
  }

  /** Rot was found in this node's log, and it is not durable yet that it is whole again: it counts
   *  for nothing. */
  get isSuspect(): boolean {
    return this.durability.durable.suspect;
  }

  /** What is known of another voter; null when `peer` is none. */
  peer(peer: NodeId): Progress | null {
    for (const progress of this.peers) if (progress.peer === peer) return progress;
    return null;
  }

  /** Whether there is a leader that this node won't help to depose: itself, or one just heard. */
  isLoyal(nowMs: number): boolean {
    return this.role === 'leader' || (this.leaderId !== NOBODY && nowMs < this.loyalUntilMs);
  }

  /** The disk is taken to be broken: whoever leads must not, and nobody starts to (L10). */
  isStorageStalled(nowMs: number): boolean {
    return this.durability.waitingMs(nowMs) > this.timing.storageStallMs;
  }

  /** §5.2: a new random timeout each time, so that split votes are rare and don't repeat. */
  armElectionTimer(nowMs: number): void {
    const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max } = this.timing;
    this.electionDeadlineMs = nowMs + min + this.random.below(max - min + 1);
  }

  /** Everything up to `index` is committed; `index` is above commitIndex (S8). */
  commitTo(index: Index): void {
    assert(
      index > this.commitIndex && index <= this.log.lastIndex,
      () => `S8, S10: commit ${this.commitIndex} -> ${index}, last ${this.log.lastIndex}`,
    );
    this.commitIndex = index;
    if (this.trace !== null) {
      this.trace({
        kind: 'commit',
        node: this.id,
        term: this.currentTerm,
        commitIndex: index,
      });
    }
  }

  /** Keeps the log's window within its bound; only what is applied and durable may go. */
  trimWindow(): void {
    const upTo = Math.min(this.appliedIndex, this.durability.stableIndex) as Index;
    this.log.evict(upTo, this.limits.logWindowBytesMax);
  }
}
