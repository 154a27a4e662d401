import { decodeEntry, Entry } from '../base/entry.ts';
import { INDEX_ZERO, type Index, index, indexPlus } from '../base/ids.ts';
import type { TermRun } from '../base/term-runs.ts';
import { type BatchHeader, batchExtent, type Chain } from './batch.ts';
import { type Damage, isDamage } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { type DurableState, SLOT_NAMES, type StateImage } from './hard-state.ts';
import { LogIndex } from './log-index.ts';
import type { LogOutline } from './log-outline.ts';
import { LogScanner, type LogVisitor, manifestOf, type ScannedSegment } from './log-scanner.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { isZero } from './sectors.ts';
import {
  decodeSegmentHeader,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
  segmentIdOf,
  segmentName,
} from './segment.ts';
import { readSlots, type SlotsRead, StateFiles } from './state-files.ts';
import { becomeSuspect } from './suspicion.ts';

/** What a start found in the log. */
export interface Recovered {
  readonly lastIndex: Index;
  readonly termRuns: readonly TermRun[];
  /** A hint from the last run: entries up to here were known to be committed. */
  readonly commitIndex: Index;
  /** Entry 1: the first configuration. */
  readonly firstEntry: Entry | null;
  readonly segments: number;
  readonly batches: number;
  /** Cut off the end: a batch that a crash had left unfinished. */
  readonly tornBytes: number;
  /** Cut off because it had rotted: the node is a suspect from now on. Null: nothing was. */
  readonly rot: Rot | null;
}

export interface Rot extends Damage {
  /** The files that hold what was cut off. */
  readonly kept: readonly string[];
}

/** Everything the storage goes on from. */
export interface Recovery {
  readonly files: StateFiles;
  readonly recovered: Recovered;
  readonly log: LogOutline;
  readonly index: LogIndex;
  readonly chain: Chain;
  readonly segment: DiskFile;
  readonly segmentBytes: number;
  /** Where the next batch goes. All before it is durable. */
  readonly end: LogPosition;
  /** Whether the last batch holds records: the log has no mark behind them. */
  readonly dirty: boolean;
}

/**
 * Brings a directory back after whatever ended the last run: hard state, log, in this order. When
 * it returns, all that it found is durable (again), so promises may be built on it.
 * @param segmentBytes for a log of which nothing is left.
 * @throws DiskError
 */
export function recover(disk: Disk, segmentBytes: number): Recovery | Refusal {
  const slots = readSlots(disk);
  if (isRefusal(slots)) return slots;
  const unfit = findUnfit(disk, slots.image);
  if (unfit !== null) return unfit;
  const found = recoverLog(disk, slots);
  if (!isDamage(found)) return found;

  // What is left after that is scanned like any other log: nothing is believed that was not read.
  const kept = becomeSuspect(disk, slots, found, segmentBytes);
  if (isRefusal(kept)) return kept;
  const again = readSlots(disk);
  if (isRefusal(again)) return again;
  const recovery = recoverLog(disk, again);
  if (isDamage(recovery)) {
    return refusal('rot', recovery.file, recovery.offset, `${recovery.what}; it has just been cut`);
  }
  if (isRefusal(recovery)) return recovery;
  return { ...recovery, recovered: { ...recovery.recovered, rot: { ...found, kept } } };
}

/** Why a start must not touch the directory, whatever its log is like. */
export function findUnfit(disk: Disk, image: StateImage): Refusal | null {
  if (image.lastSegment < image.firstSegment) {
    return refusal('state', SLOT_NAMES[0], 0, 'the manifest names no segment');
  }
  return findDisowned(image.state) ?? findStraySegment(disk, image.lastSegment);
}

function recoverLog(disk: Disk, slots: SlotsRead): Recovery | Damage | Refusal {
  const { image } = slots;
  const found = new Found();
  const scanner = new LogScanner(disk, manifestOf(image), found);
  let last = scanner.scan(image.firstSegment);
  for (let id = image.firstSegment; id < image.lastSegment; id++) {
    if (isRefusal(last) || isDamage(last)) return last;
    found.index.endSegment(id, last.end.offset);
    last = scanner.scan(id + 1);
  }
  if (isRefusal(last) || isDamage(last)) return last;

  const files = StateFiles.settle(disk, slots);
  dropSegmentsAfter(disk, image.lastSegment);
  const segment = disk.open(segmentName(image.lastSegment));
  settleLog(segment, last, found.lastBatch);
  return {
    files,
    recovered: found.summary(scanner.log, image.lastSegment - image.firstSegment + 1, last),
    log: scanner.log,
    index: found.index,
    chain: scanner.chain,
    segment,
    segmentBytes: Math.max(segment.size(), last.header.segmentBytes),
    end: { segmentId: image.lastSegment, offset: last.end.offset },
    dirty: found.lastBatch !== null && found.lastBatch.records > 0,
  };
}

/**
 * Makes the end of the log what the scan says it is. A torn batch becomes zeros again: before that
 * is durable nothing may be written there, or the next crash could mix the two. Then the last good
 * batch is written anew and synced: no later batch proves that it was, and what reads well may only
 * be a page whose sync failed.
 */
function settleLog(segment: DiskFile, last: ScannedSegment, lastBatch: BatchHeader | null): void {
  const { end, bytes, header } = last;
  if (end.kind === 'torn') {
    segment.writeSync(end.offset, new Uint8Array(end.endOffset - end.offset));
  }
  if (bytes.length < header.segmentBytes) {
    segment.writeSync(bytes.length, new Uint8Array(header.segmentBytes - bytes.length));
  }
  if (lastBatch !== null && lastBatch.segmentId === header.segmentId) {
    const to = lastBatch.offset + batchExtent(lastBatch.bodyBytes);
    segment.writeSync(lastBatch.offset, bytes.subarray(lastBatch.offset, to));
  }
  segment.syncSync();
}

/**
 * A segment behind the manifest is what a crash leaves in the middle of a roll: no batch went there
 * yet. One that holds more contradicts the manifest, which then is an old copy.
 */
function findStraySegment(disk: Disk, lastSegment: number): Refusal | null {
  for (const name of segmentsAfter(disk, lastSegment)) {
    const file = disk.open(name);
    const bytes = file.readSync(0, file.size());
    file.close();
    const from = Math.min(SEGMENT_HEADER_BYTES, bytes.length);
    if (isZero(bytes, from, bytes.length)) continue;
    const known = typeof decodeSegmentHeader(bytes) === 'object';
    const what = `the hard state does not know this segment, yet ${known ? 'batches' : 'bytes'} lie in it`;
    return refusal('state', name, from, what);
  }
  return null;
}

/** An old copy stays one, however often it is started; and it is not even counted as a start, so that
 *  the starts that the others know never drop out of its history. */
function findDisowned({ name, incarnation, disowned }: DurableState): Refusal | null {
  if (!disowned) return null;
  const what =
    `at start ${incarnation} the others knew ${name} with a later state of this directory, or with ` +
    'another one: this is an old copy, which has forgotten promises';
  return refusal('stale', SLOT_NAMES[0], 0, what);
}

function dropSegmentsAfter(disk: Disk, lastSegment: number): void {
  const names = segmentsAfter(disk, lastSegment);
  for (const name of names) disk.remove(name);
  if (names.length > 0) disk.syncDirectorySync();
}

function segmentsAfter(disk: Disk, lastSegment: number): string[] {
  return disk.list().filter((name) => segmentIdOf(name) > lastSegment);
}

/** Gathers, from a scan, what the storage needs to go on. */
class Found implements LogVisitor {
  readonly index = new LogIndex();
  lastBatch: BatchHeader | null = null;
  private batches = 0;
  private commitIndex: Index = INDEX_ZERO;
  private firstEntry: Entry | null = null;
  private nextIndex: Index = index(1);

  segment(): void {}

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
    this.nextIndex = from;
    if (from === 1) this.firstEntry = null;
  }

  summary(log: LogOutline, segments: number, last: ScannedSegment): Recovered {
    const { end } = last;
    return {
      lastIndex: log.lastIndex,
      termRuns: log.termRuns,
      commitIndex: index(Math.min(this.commitIndex, log.lastIndex)),
      firstEntry: this.firstEntry,
      segments,
      batches: this.batches,
      tornBytes: end.kind === 'torn' ? end.endOffset - end.offset : 0,
      rot: null,
    };
  }
}
