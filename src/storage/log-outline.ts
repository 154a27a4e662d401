import { type Index, indexPlus, type Term } from '../base/ids.ts';
import { LOG_START, type LogPoint } from '../base/snapshot.ts';
import { type TermRun, TermRuns } from '../base/term-runs.ts';

/** How far a log goes, in which terms, and what may follow: kept while it is read and written. */
export class LogOutline {
  lastIndex: Index = LOG_START.index;
  private readonly terms = new TermRuns();

  /** What the log goes on from: the last entry that is no longer in it. */
  get base(): LogPoint {
    return this.terms.base;
  }

  get lastTerm(): Term {
    return this.terms.lastTerm;
  }

  /** The terms of the log as they are now. */
  get termRuns(): readonly TermRun[] {
    return this.terms.copy();
  }

  /** Whether the log goes up to this entry at least, and has it, or goes on from it. */
  has({ index, term }: LogPoint): boolean {
    return index >= this.base.index && index <= this.lastIndex && this.terms.termAt(index) === term;
  }

  /** Whether the entry can be the next one. The log is contiguous, terms never decrease (§5.3),
   *  and both start at 1. */
  follows(entryIndex: Index, entryTerm: Term): boolean {
    return entryIndex === this.lastIndex + 1 && entryTerm >= this.lastTerm && entryTerm > 0;
  }

  /** What is wrong with an entry that does not follow. */
  gap(entryIndex: Index, entryTerm: Term): string {
    const last = `entry ${this.lastIndex} of term ${this.lastTerm}`;
    return `entry ${entryIndex} of term ${entryTerm} does not follow ${last}`;
  }

  /** The log has one entry more. */
  append(entryTerm: Term): void {
    this.lastIndex = indexPlus(this.lastIndex, 1);
    this.terms.append(this.lastIndex, entryTerm);
  }

  /** Removes every entry from `from` on. */
  truncate(from: Index): void {
    this.lastIndex = indexPlus(from, -1);
    this.terms.truncate(from);
  }

  /** Forgets every entry up to `index`, which the log has. */
  compact(index: Index): void {
    this.terms.compact(index);
  }

  /** Forgets everything: the log begins behind `base`. */
  reset(base: LogPoint): void {
    this.terms.reset(base);
    this.lastIndex = base.index;
  }
}
