import { INDEX_ZERO, type Index, indexPlus, TERM_ZERO, type Term } from '../base/ids.ts';

/** Entries of one term: from `from` up to where the next run starts, or the log ends. */
export interface TermRun {
  readonly term: Term;
  readonly from: Index;
}

/** The terms of a log, in as few words as it has terms. */
export class TermRuns {
  lastIndex: Index = INDEX_ZERO;
  /** Ascending, in both term and index. */
  readonly runs: TermRun[] = [];

  get lastTerm(): Term {
    return this.runs.length === 0 ? TERM_ZERO : this.runs[this.runs.length - 1]!.term;
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

  append(entryTerm: Term): void {
    this.lastIndex = indexPlus(this.lastIndex, 1);
    if (entryTerm !== this.lastTerm) this.runs.push({ term: entryTerm, from: this.lastIndex });
  }

  /** Removes every entry from `from` on. */
  truncate(from: Index): void {
    this.lastIndex = indexPlus(from, -1);
    while (this.runs.length > 0 && this.runs[this.runs.length - 1]!.from >= from) this.runs.pop();
  }
}
