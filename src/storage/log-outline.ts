import { INDEX_ZERO, type Index, indexPlus, type Term } from '../base/ids.ts';
import { type TermRun, TermRuns } from '../base/term-runs.ts';

/** How far a log goes, in which terms, and what may follow: kept while it is read and written. */
export class LogOutline {
  lastIndex: Index = INDEX_ZERO;
  private readonly terms = new TermRuns();

  get lastTerm(): Term {
    return this.terms.lastTerm;
  }

  /** The terms of the log as they are now. */
  get termRuns(): readonly TermRun[] {
    return this.terms.copy();
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
}
