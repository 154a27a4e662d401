import { bytesEqual, EMPTY_BYTES } from '../base/bytes.ts';
import { INDEX_ZERO, type Index, type Term } from '../base/ids.ts';
import { LOG_START } from '../base/snapshot.ts';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type Chain,
  directorySalt,
  type RecordVisitor,
  walkRecords,
} from './batch.ts';
import { type Damage, isDamage } from './damage.ts';
import { type Disk, DiskError, type DiskFile } from './disk.ts';
import type { StateImage } from './hard-state.ts';
import type { LogOutline } from './log-outline.ts';
import { readSegment } from './read-segment.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { type SegmentEnd, scanBatches } from './scan.ts';
import {
  decodeSegmentHeader,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from './segment.ts';

/** Takes what is good in a log, in the order in which it was written. */
export interface LogVisitor {
  segment(file: string, header: SegmentHeader): void;
  batch(file: string, header: BatchHeader): void;
  /** The record stands at bytes[at, at + length) of the whole file's bytes. */
  entry(bytes: Uint8Array, at: number, length: number, entryIndex: Index, entryTerm: Term): void;
  truncation(at: number, from: Index): void;
}

/** What a scan must find: the manifest of the hard state. */
export interface Manifest {
  readonly directoryId: Uint8Array;
  readonly firstSegment: number;
  readonly lastSegment: number;
  /** All of the log before it was synced when the hard state was written. */
  readonly mark: LogPosition;
  /** A start that found rot may have been interrupted: it moves segments aside (suspicion.ts). */
  readonly suspect: boolean;
}

export function manifestOf(image: StateImage): Manifest {
  const { directoryId, suspect } = image.state;
  return { ...image, directoryId, suspect };
}

export interface ScannedSegment {
  readonly header: SegmentHeader;
  readonly bytes: Uint8Array;
  readonly end: SegmentEnd & { kind: 'end' | 'torn' };
}

/**
 * Reads the segments of a log one after the other and verifies that each continues the one before.
 * Recovery and `dkvs wal` both look at a log through it. It changes nothing.
 */
export class LogScanner {
  /** The log up to what has been scanned. */
  readonly log: LogOutline;
  readonly chain: Chain = { sequence: 0, headerCrc: 0 };
  /** The last entry of the last good batch, and where that ends. */
  private goodIndex: Index = INDEX_ZERO;
  private goodEnd: LogPosition | null = null;
  private readonly disk: Disk;
  private readonly manifest: Manifest;
  private readonly visitor: LogVisitor;
  private readonly salt: number;
  /** What holds the segment that is being looked at, and then the next one. */
  private buffer: Uint8Array = EMPTY_BYTES;

  /** @param log an empty one, to be filled. */
  constructor(disk: Disk, manifest: Manifest, log: LogOutline, visitor: LogVisitor) {
    this.disk = disk;
    this.log = log;
    this.manifest = manifest;
    this.visitor = visitor;
    this.salt = directorySalt(manifest.directoryId);
  }

  /** What it answers with is good until the next segment is scanned. @throws DiskError */
  scan(segmentId: number): ScannedSegment | Damage | Refusal {
    const name = segmentName(segmentId);
    const file = openIfThere(this.disk, name);
    if (file === null) {
      const what = 'this segment of the log is missing';
      // Disks lose sectors, not files: this is a hand's work, which a hand may undo.
      return this.manifest.suspect ? this.damage(name, 0, what) : refusal('missing', name, 0, what);
    }
    const bytes = readSegment(file, this.buffer);
    if (bytes.length > this.buffer.length) this.buffer = bytes;
    file.close();
    const header = this.readHeader(name, segmentId, bytes);
    if (isRefusal(header) || isDamage(header)) return header;
    if (segmentId === this.manifest.firstSegment) this.beginWith(header);
    this.visitor.segment(name, header);
    const { mark } = this.manifest;
    const segment = {
      bytes,
      header,
      salt: this.salt,
      isLast: segmentId === this.manifest.lastSegment,
      markOffset: mark.segmentId === segmentId ? mark.offset : 0,
    };
    const records = this.recordVisitor(bytes);
    const end = scanBatches(segment, this.chain, (batch) => {
      this.visitor.batch(name, batch);
      const defect = walkRecords(bytes, batch.offset + BATCH_HEADER_BYTES, batch, records);
      if (defect === null) this.goodIndex = this.log.lastIndex;
      return defect;
    });
    this.goodEnd = { segmentId, offset: end.offset };
    if (end.kind === 'end' || end.kind === 'torn') return { header, bytes, end };
    if (end.kind === 'rot') return this.damage(name, end.offset, end.what);
    return refusal('version', name, end.offset, end.what);
  }

  private damage(file: string, offset: number, what: string): Damage {
    return { file, offset, what, goodIndex: this.goodIndex, cut: this.goodEnd };
  }

  private readHeader(
    name: string,
    segmentId: number,
    bytes: Uint8Array,
  ): SegmentHeader | Damage | Refusal {
    const header = decodeSegmentHeader(bytes.subarray(0, SEGMENT_HEADER_BYTES));
    if (header === 'version') {
      return refusal('version', name, 0, 'the segment has a format version unknown here');
    }
    if (typeof header === 'string') {
      return this.damage(name, 0, `the segment's header is bad (${header})`);
    }
    const isIt =
      header.segmentId === segmentId && bytesEqual(header.directoryId, this.manifest.directoryId);
    // What was before the first one is in a snapshot, and its header alone tells where that ended.
    if (isIt && segmentId === this.manifest.firstSegment && segmentId > 1) return header;
    const continues =
      isIt &&
      header.firstSequence === this.chain.sequence + 1 &&
      header.previousCrc === this.chain.headerCrc &&
      header.lastIndex === this.log.lastIndex &&
      header.lastTerm === this.log.lastTerm;
    if (continues) return header;
    return this.damage(name, 0, 'the segment does not continue the log before it');
  }

  /** The log goes on from what this header says. */
  private beginWith({ lastIndex, lastTerm, firstSequence, previousCrc }: SegmentHeader): void {
    this.log.reset(lastIndex === 0 ? LOG_START : { index: lastIndex, term: lastTerm });
    this.goodIndex = lastIndex;
    this.chain.sequence = firstSequence - 1;
    this.chain.headerCrc = previousCrc;
  }

  private recordVisitor(bytes: Uint8Array): RecordVisitor {
    const { log, visitor } = this;
    return {
      entry(at, length, entryIndex, entryTerm) {
        if (!log.follows(entryIndex, entryTerm)) return log.gap(entryIndex, entryTerm);
        log.append(entryTerm);
        visitor.entry(bytes, at, length, entryIndex, entryTerm);
        return null;
      },
      truncation(at, from) {
        if (from <= log.base.index || from > log.lastIndex)
          return `a cut at ${from} of ${log.lastIndex}`;
        log.truncate(from);
        visitor.truncation(at, from);
        return null;
      },
    };
  }
}

/** Null when there is no such file. */
export function openIfThere(disk: Disk, name: string): DiskFile | null {
  try {
    return disk.open(name);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'ENOENT') return null;
    throw error;
  }
}
