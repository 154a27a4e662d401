import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import { type Index, indexPlus, type Term } from '../base/ids.ts';
import { Queue } from '../base/queue.ts';
import type { LogPoint } from '../base/snapshot.ts';
import { type TermRun, TermRuns } from '../base/term-runs.ts';

/**
 * The log as the core sees it (§5.3): the term of every entry, and the youngest entries themselves
 * in a window that is trimmed from the front only. What the window no longer holds is on disk, and
 * what lies before the base is in a snapshot (§7).
 */
export class RaftLog {
  private readonly runs: TermRuns;
  private readonly window = new Queue<Entry>();
  private windowFrom: Index;
  private windowBytes = 0;

  /** Everything recovered is on disk, and nothing is in memory. */
  constructor(base: LogPoint, lastIndex: Index, termRuns: readonly TermRun[]) {
    this.runs = new TermRuns(termRuns, base);
    const isCovered = base.index > 0 || lastIndex === 0 || termRuns.length > 0;
    assert(
      isCovered && (termRuns.at(-1)?.from ?? base.index) <= lastIndex,
      () => `S18: term runs do not fit a log from ${base.index} to ${lastIndex}`,
    );
    this.windowFrom = indexPlus(lastIndex, 1);
  }

  /** What the log goes on from: the last entry that only a snapshot holds (§7). */
  get base(): LogPoint {
    return this.runs.base;
  }

  /** The first index that is in memory; lastIndex + 1 when none is. */
  get firstIndexInMemory(): Index {
    return this.windowFrom;
  }

  get lastIndex(): Index {
    return indexPlus(this.windowFrom, this.window.length - 1);
  }

  get lastTerm(): Term {
    return this.runs.lastTerm;
  }

  /** Bytes of the entries in memory. */
  get bytesInMemory(): number {
    return this.windowBytes;
  }

  /** The term of an entry from the base on. */
  termAt(index: Index): Term {
    assert(index <= this.lastIndex, () => `no entry ${index} in a log up to ${this.lastIndex}`);
    return this.runs.termAt(index);
  }

  /** §5.3: whether the log holds an entry of this term at this index. What lies before the base is
   *  committed, so whoever has anything there has the same; index 0 matches always. */
  matches(index: Index, term: Term): boolean {
    if (index < this.base.index) return true;
    return index <= this.lastIndex && this.runs.termAt(index) === term;
  }

  /** §5.4.1: whether a log that ends so is at least as up-to-date as this one. */
  isUpToDate(lastLogIndex: Index, lastLogTerm: Term): boolean {
    // The later term wins; only among equal terms does the length count.
    if (lastLogTerm !== this.lastTerm) return lastLogTerm > this.lastTerm;
    return lastLogIndex >= this.lastIndex;
  }

  /** See TermRuns: the largest index up to `index` at which an entry of `term` may precede. */
  findConflictByTerm(index: Index, term: Term): Index {
    const end = Math.min(index, this.lastIndex) as Index;
    return this.runs.findConflictByTerm(end, term);
  }

  append(entry: Entry): void {
    assert(
      entry.index === this.lastIndex + 1,
      () => `S18: entry ${entry.index} does not follow ${this.lastIndex}`,
    );
    this.runs.append(entry.index, entry.term);
    this.window.push(entry);
    this.windowBytes += entry.record.length;
  }

  /** Removes every entry from `from` on. Only a follower in conflict with its leader may (§5.3). */
  truncate(from: Index): void {
    while (this.window.length > 0 && this.lastIndex >= from) {
      this.windowBytes -= this.window.pop()!.record.length;
    }
    if (this.windowFrom > from) this.windowFrom = from;
    this.runs.truncate(from);
  }

  /** The log begins behind this entry of it from now on: a snapshot holds the rest. */
  compact(index: Index): void {
    assert(
      index >= this.base.index && index <= this.lastIndex,
      () => `S18: a log from ${this.base.index} to ${this.lastIndex} can't begin behind ${index}`,
    );
    this.runs.compact(index);
    this.evict(index, -1);
  }

  /** The log is empty, and begins behind `base` (§7: "discard the entire log"). */
  reset(base: LogPoint): void {
    this.runs.reset(base);
    this.window.clear();
    this.windowBytes = 0;
    this.windowFrom = indexPlus(base.index, 1);
  }

  /** Lets go of the oldest entries up to `upTo` while the window holds more than `bytesMax`. */
  evict(upTo: Index, bytesMax: number): void {
    while (this.windowBytes > bytesMax && this.windowFrom <= upTo) {
      this.windowBytes -= this.window.shift()!.record.length;
      this.windowFrom = indexPlus(this.windowFrom, 1);
    }
  }

  /** An entry that is in memory. */
  entryAt(index: Index): Entry {
    return this.window.at(index - this.windowFrom);
  }

  /** Entries [from, to], all of them in memory, at least one, and `bytesMax` at most but for
   *  that. */
  slice(from: Index, to: Index, bytesMax: number): readonly Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= to; index = indexPlus(index, 1)) {
      const entry = this.entryAt(index);
      bytes += entry.record.length;
      if (bytes > bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  /** For invariants: the term of every entry, as runs. */
  termRuns(): readonly TermRun[] {
    return this.runs.copy();
  }
}
