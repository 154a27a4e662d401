import type { Entry } from './entry.ts';
import type { Index, NodeId, Term, WalSequence } from './ids.ts';
import type { SnapshotInfo } from './snapshot.ts';

/** Figure 2's persistent state on all servers, but for the log. */
export interface HardState {
  readonly currentTerm: Term;
  /** NOBODY while no vote was given in `currentTerm`. */
  readonly votedFor: NodeId;
  /** Rot was found in the log: it may lack what this node has acknowledged. Until a leader has made
   *  it whole again, the node counts for nothing (docs/suspect-mode.md). */
  readonly suspect: boolean;
}

/**
 * What must become durable, in this order: the hard state, then the reset or the cut, then the
 * entries. When all of it is, the host calls `raft.persisted(sequence)`, which covers every earlier
 * sequence too.
 */
export interface Persist {
  readonly sequence: WalSequence;
  readonly hardState: HardState | null;
  /** This snapshot, received and verified by the host, takes the place of the whole log, which begins
   *  anew behind it (§7: "discard the entire log"). Null: none. Then `truncateFrom` is INDEX_ZERO. */
  readonly reset: SnapshotInfo | null;
  /** Every entry from here on is removed first. INDEX_ZERO: none. */
  readonly truncateFrom: Index;
  readonly entries: readonly Entry[];
  /** How far the log is known to be committed; a hint for the next start, no promise. */
  readonly commitIndex: Index;
}
