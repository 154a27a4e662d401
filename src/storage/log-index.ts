import type { Index } from '../base/ids.ts';
import type { LogPosition } from './segment.ts';

/** Every entry from `firstIndex` on that is still in the log stands at or behind `position`, where
 *  the batch with this sequence begins. */
export interface IndexRow extends LogPosition {
  readonly firstIndex: Index;
  readonly sequence: number;
}

/** A row costs a few words, a look-up at most this much reading too early. */
const ROW_EVERY_BYTES = 64 * 1024;

/**
 * Where in the files to start looking for an entry: sparse, in memory, made anew at each start.
 * Rows ascend in both index and position.
 */
export class LogIndex {
  private readonly rows: IndexRow[] = [];
  private bytesSinceRow = Number.POSITIVE_INFINITY;
  /** Where the batches of the segments end that are behind us. */
  private readonly segmentEnds = new Map<number, number>();

  /** A batch begins here, and the next new entry will have this index. */
  batch(position: LogPosition, sequence: number, nextIndex: Index): void {
    if (this.bytesSinceRow >= ROW_EVERY_BYTES) this.addRow(position, sequence, nextIndex);
  }

  /** A batch has been added to the log. */
  grew(extent: number): void {
    this.bytesSinceRow += extent;
  }

  /** The batch that begins here cuts the log: older versions of `from` and later lie before it. */
  truncate(position: LogPosition, sequence: number, from: Index): void {
    this.addRow(position, sequence, from);
  }

  endSegment(segmentId: number, endOffset: number): void {
    this.segmentEnds.set(segmentId, endOffset);
    this.bytesSinceRow = Number.POSITIVE_INFINITY;
  }

  /** Where to start reading for `wanted`: the last row that does not come after it. */
  find(wanted: Index): IndexRow | null {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.rows[middle]!.firstIndex <= wanted) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.rows[low - 1]!;
  }

  /** Where the batches of a segment end that is behind us; undefined for the current one. */
  segmentEnd(segmentId: number): number | undefined {
    return this.segmentEnds.get(segmentId);
  }

  private addRow(position: LogPosition, sequence: number, firstIndex: Index): void {
    const { rows } = this;
    while (rows.length > 0 && rows[rows.length - 1]!.firstIndex >= firstIndex) rows.pop();
    const { segmentId, offset } = position;
    rows.push({ segmentId, offset, firstIndex, sequence });
    this.bytesSinceRow = 0;
  }
}
