import type { Index, NodeId, WalSequence } from '../base/ids.ts';
import type { Persist } from '../base/persist.ts';
import type {
  AppendEntries,
  AppendEntriesResponse,
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
  | Reinstate;

/** What promises that something is durable: a term, a vote, entries (§5.2: "responds to RPCs only
 *  after updating on stable storage"). */
export type PromiseMessage =
  | RequestVote
  | RequestVoteResponse
  | AppendEntriesResponse
  | PreVoteResponse
  | SuspectResponse;

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

/** What the host must carry out, made by one call of `raft.takeEffects`. */
export interface Effects {
  /** May leave at once, before anything of this `Effects` is durable. */
  readonly messages: readonly FreeMessage[];
  readonly persist: Persist | null;
  /** Leave only when `promisesAfter` (and so everything before it) is durable. */
  readonly promises: readonly PromiseMessage[];
  readonly promisesAfter: WalSequence;
  /** Entries up to here may be applied. Grows only; the host remembers what it has applied. */
  readonly commitIndex: Index;
  readonly reads: readonly ReadEntries[];
}
