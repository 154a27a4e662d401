import { type Index, indexPlus } from '../base/ids.ts';
import { comparePositions, type LogPosition, SEGMENT_HEADER_BYTES } from './segment.ts';

/** Every entry from `firstIndex` on that is still in the log stands at or behind `position`, where
 *  the batch with this sequence begins. */
export interface IndexRow extends LogPosition {
  readonly firstIndex: Index;
  readonly sequence: number;
}

/** A row costs a few words, a look-up at most this much reading too early. */
export const ROW_EVERY_BYTES = 64 * 1024;

/**
 * Where in the files to start looking for an entry: sparse, in memory, made anew at each start.
 * Rows ascend in both index and position.
 */
export class LogIndex {
  private rows: IndexRow[] = [];
  private readonly rowEveryBytes: number;
  private bytesSinceRow = Number.POSITIVE_INFINITY;
  /** Where the batches of the segments end that are behind us. */
  private readonly segmentEnds = new Map<number, number>();
  /** What lies in earlier segments is gone. */
  private firstSegment = 0;

  constructor(rowEveryBytes = ROW_EVERY_BYTES) {
    this.rowEveryBytes = rowEveryBytes;
  }

  /** A batch begins here, and the next new entry will have this index. */
  batch(position: LogPosition, sequence: number, nextIndex: Index): void {
    if (this.bytesSinceRow >= this.rowEveryBytes) this.addRow(position, sequence, nextIndex);
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

  /** Whether the log no longer has what stood in this segment. */
  isGone(segmentId: number): boolean {
    return segmentId < this.firstSegment;
  }

  /** How much of the log lies behind this entry, in bytes, up to `end`; too much by what a look-up
   *  reads too early. */
  bytesBehind(at: Index, end: LogPosition): number {
    const row = this.find(indexPlus(at, 1)) ?? this.rows[0];
    if (row === undefined || comparePositions(row, end) >= 0) return 0;
    let bytes = end.offset - row.offset;
    for (let id = row.segmentId; id < end.segmentId; id++) {
      bytes += (this.segmentEnds.get(id) ?? 0) - SEGMENT_HEADER_BYTES;
    }
    return bytes;
  }

  /** Forgets what lies in segments before this one. */
  dropBefore(segmentId: number): void {
    this.firstSegment = segmentId;
    this.rows = this.rows.filter((row) => row.segmentId >= segmentId);
    for (const id of this.segmentEnds.keys()) if (id < segmentId) this.segmentEnds.delete(id);
    // Where nothing of the log is left, what comes next needs a row.
    this.bytesSinceRow = Number.POSITIVE_INFINITY;
  }

  private addRow(position: LogPosition, sequence: number, firstIndex: Index): void {
    const { rows } = this;
    while (rows.length > 0 && rows[rows.length - 1]!.firstIndex >= firstIndex) rows.pop();
    const { segmentId, offset } = position;
    rows.push({ segmentId, offset, firstIndex, sequence });
    this.bytesSinceRow = 0;
  }
}
