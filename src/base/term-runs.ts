import { assert } from './assert.ts';
import { INDEX_ZERO, type Index, indexPlus, TERM_ZERO, type Term } from './ids.ts';

/** Entries from `from` on, up to the next run or the end of the log, are of this term. */
export interface TermRun {
  readonly term: Term;
  readonly from: Index;
}

/**
 * The term of every entry of a log, as runs. Terms never decrease along a log (S18), so a log of
 * millions of entries has as many runs as it has seen leaders, and the consistency check of §5.3
 * needs neither the entries in memory nor the disk.
 */
export class TermRuns {
  /** Invariant: both `term` and `from` strictly ascend. */
  private readonly runs: TermRun[] = [];

  constructor(runs: readonly TermRun[] = []) {
    for (const run of runs) {
      assert(
        run.term > this.lastTerm && run.from > (this.runs.at(-1)?.from ?? 0),
        () => `S18: term runs must ascend, term ${run.term} from ${run.from} does not`,
      );
      this.runs.push(run);
    }
    assert(this.runs.length === 0 || this.runs[0]!.from === 1, () => 'S18: the log starts at 1');
  }

  /** The term of the last entry; 0 in an empty log. */
  get lastTerm(): Term {
    return this.runs.length === 0 ? TERM_ZERO : this.runs[this.runs.length - 1]!.term;
  }

  /** The term of the entry at `index`; 0 at index 0. The caller keeps to 0..lastIndex. */
  termAt(index: Index): Term {
    const at = this.runAt(index);
    return at < 0 ? TERM_ZERO : this.runs[at]!.term;
  }

  /** Says that the log now ends with an entry of this term at this index. */
  append(index: Index, term: Term): void {
    if (term === this.lastTerm) return;
    assert(term > this.lastTerm, () => `S18: term ${term} at ${index} behind ${this.lastTerm}`);
    this.runs.push({ term, from: index });
  }

  /** Forgets every entry from `from` on. */
  truncate(from: Index): void {
    while (this.runs.length > 0 && this.runs[this.runs.length - 1]!.from >= from) this.runs.pop();
  }

  /**
   * The largest index, `index` at most, whose term is `term` at most: where this log may still
   * agree with one that has `term` at `index` (§5.3, the fast back-up). Called on both sides in
   * turn, it skips a whole term of either log with each refusal.
   */
  findConflictByTerm(index: Index, term: Term): Index {
    let end = index;
    for (let at = this.runAt(index); at >= 0; at--) {
      const run = this.runs[at]!;
      if (run.term <= term) return end;
      end = indexPlus(run.from, -1);
    }
    return INDEX_ZERO;
  }

  /** The runs as they are now, for whoever wants to compare them later. */
  copy(): readonly TermRun[] {
    return this.runs.slice();
  }

  /** Which run holds the index; -1 for index 0. From the back: that is where the questions are. */
  private runAt(index: Index): number {
    let at = this.runs.length - 1;
    while (at >= 0 && this.runs[at]!.from > index) at--;
    return at;
  }
}
