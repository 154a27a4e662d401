import { decodeEntry, Entry } from '../base/entry.ts';
import { INDEX_ZERO, type Index, index, indexPlus } from '../base/ids.ts';
import type { LogPoint } from '../base/snapshot.ts';
import type { TermRun } from '../base/term-runs.ts';
import { type BatchHeader, batchExtent } from './batch.ts';
import type { Damage } from './damage.ts';
import { LogIndex } from './log-index.ts';
import type { LogOutline } from './log-outline.ts';
import type { LogVisitor, ScannedSegment } from './log-scanner.ts';
import type { SegmentHeader } from './segment.ts';
import { SegmentTable } from './segment-table.ts';
import type { Snapshot } from './snapshot-file.ts';
import type { SettledShelf } from './snapshot-shelf.ts';

/** What a start found in the log. */
export interface Recovered {
  /** What the log goes on from: entries up to here are in the snapshot only. */
  readonly base: LogPoint;
  readonly lastIndex: Index;
  readonly termRuns: readonly TermRun[];
  /** The newest good one. The log has its last entry, or goes on from it. Null: there is none. */
  readonly snapshot: Snapshot | null;
  /** The files that hold damaged ones. */
  readonly snapshotsDamaged: readonly string[];
  /** A hint from the last run: entries up to here were known to be committed; and what the snapshot
   *  covers is. */
  readonly commitIndex: Index;
  /** Entry 1: the first configuration. Null when the log no longer has it: then the snapshot does. */
  readonly firstEntry: Entry | null;
  readonly segments: number;
  readonly batches: number;
  /** Cut off the end: a batch that a crash had left unfinished. */
  readonly tornBytes: number;
  /** The log had been about to be reset to `snapshot`, and now was. */
  readonly finishedInstall: boolean;
  /** Cut off because it had rotted: the node is a suspect from now on. Null: nothing was. */
  readonly rot: Rot | null;
}

/** What was cut off. */
export interface Rot extends Damage {
  /** The files that hold what was cut off. */
  readonly kept: readonly string[];
}

/** Gathers, from a scan, what the storage needs to go on. */
export class FoundLog implements LogVisitor {
  readonly index: LogIndex;
  readonly segments = new SegmentTable();
  lastBatch: BatchHeader | null = null;
  private batches = 0;
  private commitIndex: Index = INDEX_ZERO;
  private firstEntry: Entry | null = null;
  private nextIndex: Index = index(1);
  private readonly log: LogOutline;

  /** @param log as far as it has been scanned. */
  constructor(log: LogOutline, rowEveryBytes: number) {
    this.log = log;
    this.index = new LogIndex(rowEveryBytes);
  }

  segment(_file: string, { segmentId, lastIndex, lastTerm }: SegmentHeader): void {
    this.segments.enter(segmentId, { index: lastIndex, term: lastTerm });
    this.nextIndex = indexPlus(lastIndex, 1);
  }

  batch(_file: string, header: BatchHeader): void {
    this.batches++;
    this.lastBatch = header;
    if (header.commitIndex > this.commitIndex) this.commitIndex = header.commitIndex;
    this.index.batch(header, header.sequence, this.nextIndex);
    this.index.grew(batchExtent(header.bodyBytes));
  }

  entry(bytes: Uint8Array, at: number, length: number, entryIndex: Index): void {
    this.nextIndex = indexPlus(entryIndex, 1);
    if (entryIndex !== 1) return;
    const entry = decodeEntry(bytes.slice(at, at + length), 0, length, length);
    this.firstEntry = entry instanceof Entry ? entry : null;
  }

  truncation(_at: number, from: Index): void {
    const batch = this.lastBatch!;
    this.index.truncate(batch, batch.sequence, from);
    this.segments.truncate(from);
    this.nextIndex = from;
    if (from === 1) this.firstEntry = null;
  }

  /** Up to here entries were known to be committed, and are there. */
  get committed(): Index {
    return index(Math.min(this.commitIndex, this.log.lastIndex));
  }

  summary(last: ScannedSegment, shelf: SettledShelf): Recovered {
    const { end } = last;
    const { log, committed } = this;
    const snapshot = shelf.good.at(-1)?.snapshot ?? null;
    return {
      base: log.base,
      snapshot,
      snapshotsDamaged: shelf.kept,
      lastIndex: log.lastIndex,
      termRuns: log.termRuns,
      // S8: what a snapshot covers is committed, whatever the log remembers.
      commitIndex: snapshot !== null && snapshot.index > committed ? snapshot.index : committed,
      firstEntry: this.firstEntry,
      segments: this.segments.count,
      batches: this.batches,
      tornBytes: end.kind === 'torn' ? end.endOffset - end.offset : 0,
      finishedInstall: false,
      rot: null,
    };
  }
}
