import { readU32 } from '../../base/bytes.ts';
import type { Entry } from '../../base/entry.ts';
import { mix } from '../../kv/murmur3.ts';

/**
 * A log as a judge needs it: for every index the term, and a hash of everything up to there. Two
 * logs with the same hash at an index are the same up to it, so "is a prefix of" is one comparison.
 */
export class LogModel {
  /** By index; 0 stands for the position before the first entry. */
  private readonly terms: number[] = [0];
  private readonly prefixes: number[] = [0];

  get lastIndex(): number {
    return this.terms.length - 1;
  }

  get lastTerm(): number {
    return this.terms[this.terms.length - 1]!;
  }

  /** -1 where there is no entry. */
  termAt(index: number): number {
    return this.terms[index] ?? -1;
  }

  /** Of entries 1 to `index`; NaN, which equals nothing, where there is no entry. */
  prefixAt(index: number): number {
    return this.prefixes[index] ?? Number.NaN;
  }

  /** Whether this log has everything that the other one has up to there. */
  sharesPrefix(other: LogModel, index: number): boolean {
    return this.prefixAt(index) === other.prefixAt(index);
  }

  /** @param crc of the whole record, which covers its index and its term too. */
  append(term: number, crc: number): void {
    this.prefixes.push(mix(this.prefixes[this.prefixes.length - 1]!, crc));
    this.terms.push(term);
  }

  /** Takes over one more entry of another log. */
  extendBy(other: LogModel): void {
    const index = this.lastIndex + 1;
    this.terms.push(other.termAt(index));
    this.prefixes.push(other.prefixAt(index));
  }

  /** Removes every entry from `from` on. */
  truncate(from: number): void {
    if (from > this.lastIndex) return;
    this.terms.length = from;
    this.prefixes.length = from;
  }

  /** @param upTo how much of it, if not all. */
  becomeCopyOf(other: LogModel, upTo = other.lastIndex): void {
    this.truncate(1);
    while (this.lastIndex < upTo) this.extendBy(other);
  }
}

/** The checksum that stands in the entry's record. */
export function crcOf(entry: Entry): number {
  return readU32(entry.record, 0);
}
