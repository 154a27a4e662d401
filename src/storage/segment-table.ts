import type { Index } from '../base/ids.ts';
import type { LogPoint } from '../base/snapshot.ts';

/** What a cut of the log's beginning must know of a segment. */
interface SegmentRow {
  readonly segmentId: number;
  /** The last entry before it. */
  readonly base: LogPoint;
  /** The lowest entry that a truncation in it removes; infinity: there is none. */
  lowestRemoved: number;
}

/** The segments of the log, and where its beginning may be cut off. */
export class SegmentTable {
  private rows: SegmentRow[] = [];

  /** The log goes on in this segment, behind `base`. */
  enter(segmentId: number, base: LogPoint): void {
    this.rows.push({ segmentId, base, lowestRemoved: Number.POSITIVE_INFINITY });
  }

  /** A truncation in the current segment removes every entry from `from` on. */
  truncate(from: Index): void {
    const row = this.rows.at(-1)!;
    row.lowestRemoved = Math.min(row.lowestRemoved, from);
  }

  get count(): number {
    return this.rows.length;
  }

  /**
   * The segment that the log should begin with, once no entry up to `upTo` is needed, and what it
   * then goes on from; null: with the one that it begins with. A truncation that stays must only
   * name entries that stay, or those between were gone for whoever reads the log from its new
   * beginning; so more of the log is kept where there is one.
   */
  cutFor(upTo: Index): { readonly segmentId: number; readonly base: LogPoint } | null {
    let lowestRemoved = Number.POSITIVE_INFINITY;
    for (let at = this.rows.length - 1; at > 0; at--) {
      const row = this.rows[at]!;
      lowestRemoved = Math.min(lowestRemoved, row.lowestRemoved);
      if (row.base.index <= upTo && lowestRemoved > row.base.index) return row;
    }
    return null;
  }

  /** Forgets the segments before this one, and answers which those are. */
  dropBefore(segmentId: number): readonly number[] {
    const gone = this.rows.filter((row) => row.segmentId < segmentId);
    this.rows = this.rows.filter((row) => row.segmentId >= segmentId);
    return gone.map((row) => row.segmentId);
  }
}
