import { EMPTY_BYTES } from '../base/bytes.ts';
import { type Entry, entryOfVerified } from '../base/entry.ts';
import { type Index, indexPlus, type Term } from '../base/ids.ts';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchExtent,
  bodyIsWhole,
  decodeBatchHeader,
  type RecordVisitor,
  walkRecords,
} from './batch.ts';
import { type Disk, DiskError, type DiskFile } from './disk.ts';
import type { IndexRow, LogIndex } from './log-index.ts';
import {
  comparePositions,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './segment.ts';
import { step } from './step.ts';

export interface ReadRequest {
  readonly from: Index;
  readonly to: Index;
  readonly bytesMax: number;
  readonly termAt: (at: Index) => Term;
  readonly done: ReadDone;
}

/** The entries, later; none, perhaps at once; or an error, perhaps at once: the disk's, or one with the code `ROT` when
 *  what was read is not what was written. */
export type ReadDone = (result: readonly Entry[] | DiskError) => void;

/** Read at once, of what is still wanted. A batch that is longer is read whole. */
const CHUNK_BYTES_MAX = 1024 * 1024;

/** Reads entries back from the log, for followers that memory no longer serves. Only what was
 *  verified as it was read is handed out, and only what is durable is read. */
export class LogReader {
  readonly disk: Disk;
  readonly index: LogIndex;
  readonly salt: number;
  readonly readAheadBytes: number;
  /** Where the durable log ends now. */
  readonly end: () => LogPosition;
  closed = false;

  constructor(
    disk: Disk,
    index: LogIndex,
    salt: number,
    readAheadBytes: number,
    end: () => LogPosition,
  ) {
    this.disk = disk;
    this.index = index;
    this.salt = salt;
    this.readAheadBytes = readAheadBytes;
    this.end = end;
  }

  read(request: ReadRequest): void {
    const row = this.index.find(request.from);
    // Cut off: those who ask hear of a cut only when the files are gone.
    if (row === null) request.done([]);
    else new Reading(this, request, row).readChunk(0);
  }

  /** What is under way ends without calling back. */
  close(): void {
    this.closed = true;
  }
}

/** One request under way: it goes through the log forward, batch by batch. */
class Reading implements RecordVisitor {
  private readonly reader: LogReader;
  private readonly request: ReadRequest;
  private readonly entries: Entry[] = [];
  private entriesBytes = 0;
  private wanted: Index;
  /** Where the next batch begins, and its sequence. */
  private position: LogPosition;
  private sequence: number;
  private file: DiskFile | null = null;
  private fileSegment = 0;
  /** What is being walked. */
  private chunk: Uint8Array = EMPTY_BYTES;

  constructor(reader: LogReader, request: ReadRequest, row: IndexRow) {
    this.reader = reader;
    this.request = request;
    this.wanted = request.from;
    this.position = row;
    this.sequence = row.sequence;
  }

  /** Reads on from `position`, at least `bytesMin` where the log has them. */
  readChunk(bytesMin: number): void {
    if (this.reader.index.isGone(this.position.segmentId)) {
      // The log's beginning was cut off meanwhile: what was asked for is in a snapshot.
      this.finish(null);
      return;
    }
    let segmentEnd = this.reader.index.segmentEnd(this.position.segmentId);
    while (segmentEnd === this.position.offset) {
      const segmentId = this.position.segmentId + 1;
      this.position = { segmentId, offset: SEGMENT_HEADER_BYTES };
      segmentEnd = this.reader.index.segmentEnd(segmentId);
    }
    const { segmentId, offset } = this.position;
    const available = (segmentEnd ?? this.reader.end().offset) - offset;
    const wantedBytes = Math.min(this.request.bytesMax - this.entriesBytes, CHUNK_BYTES_MAX);
    const chunk = wantedBytes + this.reader.readAheadBytes;
    const length = Math.min(Math.max(chunk, bytesMin), available);
    step(
      (error) => this.finish(error),
      () =>
        this.openSegment(segmentId).read(offset, length, (error, bytes) => {
          if (this.reader.closed) this.closeFile();
          else if (error !== null) this.finish(error);
          else if (bytes.length < length || length < bytesMin) this.rot('the log is cut off');
          else this.takeBatches(bytes);
        }),
    );
  }

  entry(at: number, length: number, entryIndex: Index, entryTerm: Term): string | null {
    const { wanted, request } = this;
    if (entryIndex !== wanted || this.isDone || entryTerm !== request.termAt(wanted)) return null;
    this.entries.push(entryOfVerified(this.chunk, at, length, entryIndex, entryTerm));
    this.entriesBytes += length;
    this.wanted = indexPlus(wanted, 1);
    return null;
  }

  truncation(): null {
    return null;
  }

  private get isDone(): boolean {
    return this.wanted > this.request.to || this.entriesBytes >= this.request.bytesMax;
  }

  /** Enough to be worth an answer, rather than to read and verify a second time. */
  private get isMuch(): boolean {
    return this.entriesBytes >= this.request.bytesMax / 2;
  }

  private takeBatches(bytes: Uint8Array): void {
    this.chunk = bytes;
    for (let at = 0; at < bytes.length; ) {
      const taken = this.takeBatch(at);
      if (typeof taken === 'string') {
        this.rot(taken);
        return;
      }
      if (taken < 0) {
        if (this.isMuch) this.finish(null);
        else this.readChunk(-taken);
        return;
      }
      if (this.isDone) break;
      at += taken;
      const { segmentId, offset } = this.position;
      this.position = { segmentId, offset: offset + taken };
      this.sequence++;
      if (this.skipRemoved()) break;
    }
    // At the end of the log: an entry that is not there was removed since it was asked for.
    const atEnd = comparePositions(this.position, this.reader.end()) >= 0;
    if (this.isDone || this.isMuch || atEnd) this.finish(null);
    else this.readChunk(0);
  }

  /** The extent of the batch at `at`, its wanted entries taken; negative: that many bytes of the
   *  log are needed to see it whole; or what is wrong with it. */
  private takeBatch(at: number): number | string {
    if (at + BATCH_HEADER_BYTES > this.chunk.length) return -BATCH_HEADER_BYTES;
    const header = this.decodeHeader(at);
    if (typeof header === 'string') return `bad batch (${header})`;
    const extent = batchExtent(header.bodyBytes);
    if (at + extent > this.chunk.length) return -extent;
    if (!bodyIsWhole(this.chunk, at, header)) return 'bad batch (body)';
    return walkRecords(this.chunk, at + BATCH_HEADER_BYTES, header, this) ?? extent;
  }

  private decodeHeader(at: number): BatchHeader | string {
    const { segmentId, offset } = this.position;
    const header = decodeBatchHeader(this.chunk, at, this.reader.salt);
    if (typeof header === 'string') return header;
    const isAsked = header.segmentId === segmentId && header.offset === offset;
    return isAsked && header.sequence === this.sequence ? header : 'not the one asked for';
  }

  /** Behind entries that were removed later, the next one wanted may stand much further on. */
  private skipRemoved(): boolean {
    const row = this.reader.index.find(this.wanted);
    if (row === null || comparePositions(row, this.position) <= 0) return false;
    this.position = row;
    this.sequence = row.sequence;
    return true;
  }

  private openSegment(segmentId: number): DiskFile {
    if (this.file !== null && this.fileSegment === segmentId) return this.file;
    this.closeFile();
    this.file = this.reader.disk.open(segmentName(segmentId));
    this.fileSegment = segmentId;
    return this.file;
  }

  private rot(what: string): void {
    const { segmentId, offset } = this.position;
    this.finish(new DiskError('ROT', 'read', segmentName(segmentId), `byte ${offset}: ${what}`));
  }

  private finish(error: DiskError | null): void {
    this.closeFile();
    this.request.done(error ?? this.entries);
  }

  private closeFile(): void {
    this.file?.close();
    this.file = null;
  }
}
