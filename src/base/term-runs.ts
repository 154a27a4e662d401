import { assert } from './assert.ts';
import { type Index, indexPlus, type Term } from './ids.ts';
import { LOG_START, type LogPoint } from './snapshot.ts';

/** Entries from `from` on, up to the next run or the end of the log, are of this term. */
export interface TermRun {
  readonly term: Term;
  readonly from: Index;
}

/**
 * The term of every entry of a log, as runs. Terms never decrease along a log (S18), so a log of
 * millions of entries has as many runs as it has seen leaders, and the consistency check of §5.3
 * needs neither the entries in memory nor the disk. What lies before the base is in a snapshot, and
 * its terms are forgotten; that of the base itself is known (§7).
 */
export class TermRuns {
  /** The first run begins behind the base, or goes on with its term. */
  private from: LogPoint;
  /** Invariant: both `term` and `from` strictly ascend, from those of the base on. */
  private readonly runs: TermRun[] = [];

  constructor(runs: readonly TermRun[] = [], base: LogPoint = LOG_START) {
    this.from = base;
    for (const run of runs) {
      assert(
        run.term > this.lastTerm && run.from > (this.runs.at(-1)?.from ?? base.index),
        () => `S18: term runs must ascend, term ${run.term} from ${run.from} does not`,
      );
      this.runs.push(run);
    }
    const isWhole = base.index > 0 || this.runs.length === 0 || this.runs[0]!.from === 1;
    assert(isWhole, () => 'S18: the log starts at 1');
  }

  /** What the log goes on from: the last entry that is no longer in it. */
  get base(): LogPoint {
    return this.from;
  }

  /** The term of the last entry; that of the base where there is none. */
  get lastTerm(): Term {
    return this.runs.length === 0 ? this.from.term : this.runs[this.runs.length - 1]!.term;
  }

  /** The term of the entry at `index`; 0 at index 0. The caller keeps to base.index..lastIndex. */
  termAt(index: Index): Term {
    assert(index >= this.from.index, () => `the term at ${index} is behind ${this.from.index}`);
    const at = this.runAt(index);
    return at < 0 ? this.from.term : this.runs[at]!.term;
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

  /** Forgets the terms of everything before `index`, an entry of the log, which becomes the base. */
  compact(index: Index): void {
    this.from = { index, term: this.termAt(index) };
    let gone = 0;
    while (gone < this.runs.length && this.runs[gone]!.from <= index) gone++;
    this.runs.splice(0, gone);
  }

  /** Forgets everything: the log begins behind `base`. */
  reset(base: LogPoint): void {
    this.from = base;
    this.runs.length = 0;
  }

  /**
   * The largest index, `index` at most, whose term is `term` at most: where this log may still
   * agree with one that has `term` at `index` (§5.3, the fast back-up). Called on both sides in
   * turn, it skips a whole term of either log with each refusal. It never goes back behind the base:
   * what a snapshot covers is committed, so that all logs agree there.
   */
  findConflictByTerm(index: Index, term: Term): Index {
    const { base } = this;
    if (index <= base.index) return index;
    let end = index;
    for (let at = this.runAt(index); at >= 0; at--) {
      const run = this.runs[at]!;
      if (run.term <= term) return end;
      end = indexPlus(run.from, -1);
    }
    return end > base.index && base.term <= term ? end : base.index;
  }

  /** The runs as they are now, for whoever wants to compare them later. */
  copy(): readonly TermRun[] {
    return this.runs.slice();
  }

  /** Which run holds the index; -1 for one that has the base's term. From the back: that is where
   *  the questions are. */
  private runAt(index: Index): number {
    let at = this.runs.length - 1;
    while (at >= 0 && this.runs[at]!.from > index) at--;
    return at;
  }
}
