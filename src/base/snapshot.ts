import { INDEX_ZERO, type Index, TERM_ZERO, type Term } from './ids.ts';

/** A place in the log: its entry at `index` is of `term`. */
export interface LogPoint {
  readonly index: Index;
  readonly term: Term;
}

/** Before the first entry. */
export const LOG_START: LogPoint = { index: INDEX_ZERO, term: TERM_ZERO };

/** Which snapshot: the state behind every entry up to `index`, inclusive (§7: lastIncludedIndex and
 *  lastIncludedTerm), as one node has written it down. */
export interface SnapshotInfo extends LogPoint {
  /** Random, below 2^53, drawn when it was made. Two nodes' snapshots of the same index hold the
   *  same state in different bytes: the id tells whether two pieces are of the same file. */
  readonly id: number;
  /** The length of its file. */
  readonly bytes: number;
}

/** Whether both are the same file's. */
export function isSameSnapshot(a: SnapshotInfo, b: SnapshotInfo): boolean {
  return a.index === b.index && a.term === b.term && a.id === b.id && a.bytes === b.bytes;
}
