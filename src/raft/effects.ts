import type { Index, NodeId, WalSequence } from '../base/ids.ts';
import type { Persist } from '../base/persist.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  PreVote,
  PreVoteResponse,
  Reinstate,
  RequestVote,
  RequestVoteResponse,
  SuspectResponse,
  TimeoutNow,
} from './messages.ts';

/** What promises nothing that is not durable already. */
export type FreeMessage =
  | PreVote
  | PreVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | RequestVoteResponse
  | TimeoutNow
  | SuspectResponse
  | Reinstate
  | InstallSnapshot
  | InstallSnapshotResponse;

/** What promises that something is durable: a term, a vote, entries (§5.2: "responds to RPCs only
 *  after updating on stable storage"). */
export type PromiseMessage =
  | RequestVote
  | RequestVoteResponse
  | AppendEntriesResponse
  | PreVoteResponse
  | SuspectResponse
  | InstallSnapshotResponse;

/** Entries that a follower needs and memory no longer holds. The host answers with
 *  `raft.entriesRead`. At most one is under way for each follower. */
export interface ReadEntries {
  readonly follower: NodeId;
  /** The first index wanted. */
  readonly from: Index;
  /** The last index wanted. */
  readonly to: Index;
  /** Stop after the entry that reaches this many bytes; at least one entry is read. */
  readonly bytesMax: number;
}

/** A piece of a snapshot that a follower needs. The host answers with `raft.snapshotRead`. At most
 *  one is under way in all, so that memory does not grow with the number of laggards. */
export interface ReadSnapshot {
  readonly follower: NodeId;
  readonly snapshot: SnapshotInfo;
  readonly offset: number;
  /** Whole blocks, verified as they are read; together so many bytes at most. */
  readonly bytesMax: number;
}

/**
 * A piece of a snapshot has come from the leader; without bytes it only asks how much is there. The
 * host keeps one unfinished snapshot at a time, and another one takes its place. It writes the bytes
 * where they follow what it has, drops them where they don't, and answers with `raft.chunkTaken`; or,
 * once the snapshot is whole, verified and durable, with `raft.snapshotReceived`.
 */
export interface ReceivedChunk {
  readonly from: NodeId;
  readonly snapshot: SnapshotInfo;
  readonly offset: number;
  /** The host's from now on. */
  readonly bytes: Uint8Array;
}

/** What the host must carry out, made by one call of `raft.takeEffects`. */
export interface Effects {
  /** May leave at once, before anything of this `Effects` is durable. */
  readonly messages: readonly FreeMessage[];
  readonly persist: Persist | null;
  /** Leave only when `promisesAfter` (and so everything before it) is durable. */
  readonly promises: readonly PromiseMessage[];
  readonly promisesAfter: WalSequence;
  /** Entries up to here may be applied, those up to `install` being in that. Grows only; the host remembers what it has applied. */
  readonly commitIndex: Index;
  readonly reads: readonly ReadEntries[];
  readonly snapshotReads: readonly ReadSnapshot[];
  readonly chunks: readonly ReceivedChunk[];
  /** The state machine must jump to this snapshot before it applies anything behind it; `persist`
   *  resets the log to it. Null: none. */
  readonly install: SnapshotInfo | null;
}
