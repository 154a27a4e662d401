import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import { type Index, indexPlus } from '../base/ids.ts';
import type { LogPoint } from '../base/snapshot.ts';
import { BATCH_HEADER_BYTES, BatchBuilder, type Chain } from './batch.ts';
import type { DiskDone, DiskFile } from './disk.ts';
import type { LogIndex } from './log-index.ts';
import type { LogOutline } from './log-outline.ts';
import { sectorsDown } from './sectors.ts';
import { type LogPosition, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment.ts';
import type { SegmentTable } from './segment-table.ts';
import { step } from './step.ts';

/**
 * Up to here a batch is written by a synchronous call: it only copies into the page cache, some
 * 20 µs for this much, less than the two thread switches of an asynchronous write. Beyond, the copy
 * would hold up the event loop for too long.
 */
const WRITE_SYNC_BYTES_MAX = 64 * 1024;

/** Where a log goes on. */
export interface LogTail {
  readonly segment: DiskFile;
  readonly segmentBytes: number;
  readonly end: LogPosition;
  readonly chain: Chain;
  readonly log: LogOutline;
  readonly index: LogIndex;
  readonly segments: SegmentTable;
}

/** Appends batches to the current segment, one at a time: write, sync, done. */
export class LogWriter {
  /** The batch being built: `begin` it, add records, `write` it. */
  readonly batch = new BatchBuilder();
  /** The log as far as it has been added to batches, so at most one batch beyond `end`. */
  readonly log: LogOutline;
  /** All before it is durable. */
  end: LogPosition;
  private readonly salt: number;
  private readonly index: LogIndex;
  private readonly segments: SegmentTable;
  private readonly chain: Chain;
  private segment: DiskFile;
  private segmentBytes: number;

  constructor(tail: LogTail, salt: number) {
    this.log = tail.log;
    this.end = tail.end;
    this.salt = salt;
    this.index = tail.index;
    this.segments = tail.segments;
    this.chain = tail.chain;
    this.segment = tail.segment;
    this.segmentBytes = tail.segmentBytes;
  }

  /** How long a batch's body may be in this segment; negative when no batch fits at all. */
  get room(): number {
    return sectorsDown(this.segmentBytes - this.end.offset) - BATCH_HEADER_BYTES;
  }

  /** Starts a batch of at most `batchBytesMax` bytes in all. */
  begin(batchBytesMax: number): void {
    this.batch.begin(Math.min(this.room, sectorsDown(batchBytesMax) - BATCH_HEADER_BYTES));
  }

  addEntry(entry: Entry): void {
    const { log } = this;
    assert(log.follows(entry.index, entry.term), () => log.gap(entry.index, entry.term));
    this.indexBatch();
    log.append(entry.term);
    this.batch.addEntry(entry.record);
  }

  addTruncation(from: Index): void {
    const { log } = this;
    const isThere = from > log.base.index && from <= log.lastIndex;
    assert(isThere, () => `a cut at ${from} of ${log.base.index}..${log.lastIndex}`);
    this.indexBatch();
    log.truncate(from);
    this.segments.truncate(from);
    this.index.truncate(this.end, this.chain.sequence + 1, from);
    this.batch.addTruncation(from);
  }

  /** Writes and syncs the batch; answers how long it is. `end` has moved when `done` is called. */
  write(commitIndex: Index, done: DiskDone): number {
    const { segment, chain, end } = this;
    const { bytes, headerCrc } = this.batch.seal(end, chain, this.salt, commitIndex);
    const synced: DiskDone = (error) => {
      if (error !== null) return done(error);
      chain.sequence++;
      chain.headerCrc = headerCrc;
      this.index.grew(bytes.length);
      this.end = { segmentId: end.segmentId, offset: end.offset + bytes.length };
      done(null);
    };
    step(done, () => {
      if (bytes.length > WRITE_SYNC_BYTES_MAX) {
        segment.write(end.offset, bytes, (error) => {
          if (error !== null) return done(error);
          step(done, () => segment.sync(synced));
        });
      } else {
        segment.writeSync(end.offset, bytes);
        segment.sync(synced);
      }
    });
    return bytes.length;
  }

  /** The header that continues this log in another segment, behind its last entry, or behind `from`
   *  in its stead. */
  nextHeader(
    directoryId: Uint8Array,
    segmentBytes: number,
    from: LogPoint = { index: this.log.lastIndex, term: this.log.lastTerm },
  ): SegmentHeader {
    return {
      segmentId: this.end.segmentId + 1,
      directoryId,
      segmentBytes,
      firstSequence: this.chain.sequence + 1,
      previousCrc: this.chain.headerCrc,
      lastIndex: from.index,
      lastTerm: from.term,
    };
  }

  /** Goes on in the next segment, which the manifest names by now. */
  enter(segment: DiskFile, segmentBytes: number): void {
    const { segmentId, offset } = this.end;
    this.index.endSegment(segmentId, offset);
    this.segment.close();
    this.segment = segment;
    this.segmentBytes = segmentBytes;
    this.end = { segmentId: segmentId + 1, offset: SEGMENT_HEADER_BYTES };
    this.segments.enter(segmentId + 1, { index: this.log.lastIndex, term: this.log.lastTerm });
  }

  /** Forgets the entries up to `base`, with the segments before this one, which the manifest no
   *  longer names. Answers those. */
  compact(segmentId: number, base: LogPoint): readonly number[] {
    this.log.compact(base.index);
    this.index.dropBefore(segmentId);
    return this.segments.dropBefore(segmentId);
  }

  /** Begins the log anew behind `base` in the next segment, which is the only one that the manifest
   *  names by now. Answers those before. */
  restart(segment: DiskFile, segmentBytes: number, base: LogPoint): readonly number[] {
    this.log.reset(base);
    this.enter(segment, segmentBytes);
    this.index.dropBefore(this.end.segmentId);
    return this.segments.dropBefore(this.end.segmentId);
  }

  close(): void {
    this.segment.close();
  }

  private indexBatch(): void {
    if (this.batch.records > 0) return;
    this.index.batch(this.end, this.chain.sequence + 1, indexPlus(this.log.lastIndex, 1));
  }
}
