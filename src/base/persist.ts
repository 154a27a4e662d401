import type { Entry } from './entry.ts';
import type { Index, NodeId, Term, WalSequence } from './ids.ts';

/** Figure 2's persistent state on all servers, but for the log. */
export interface HardState {
  readonly currentTerm: Term;
  /** NOBODY while no vote was given in `currentTerm`. */
  readonly votedFor: NodeId;
}

/**
 * What must become durable, in this order: the hard state, then the cut, then the entries. When all
 * of it is, the host calls `raft.persisted(sequence)`, which covers every earlier sequence too.
 */
export interface Persist {
  readonly sequence: WalSequence;
  readonly hardState: HardState | null;
  /** Every entry from here on is removed first. INDEX_ZERO: none. */
  readonly truncateFrom: Index;
  readonly entries: readonly Entry[];
  /** How far the log is known to be committed; a hint for the next start, no promise. */
  readonly commitIndex: Index;
}
