import { INDEX_ZERO } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import { type BatchHeader, batchExtent, type Chain } from './batch.ts';
import { type Damage, isDamage } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FoundLog, type Recovered, type Rot } from './found-log.ts';
import { type DurableState, SLOT_NAMES, type StateImage } from './hard-state.ts';
import { type LogIndex, ROW_EVERY_BYTES } from './log-index.ts';
import { LogOutline } from './log-outline.ts';
import { resetLogSync } from './log-reset.ts';
import { LogScanner, manifestOf, type ScannedSegment } from './log-scanner.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { isZero } from './sectors.ts';
import {
  decodeSegmentHeader,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
  segmentIdOf,
  segmentName,
} from './segment.ts';
import type { SegmentTable } from './segment-table.ts';
import { snapshotName } from './snapshot-file.ts';
import type { ReadSnapshotFile } from './snapshot-reader.ts';
import {
  fitOf,
  readShelf,
  type SnapshotShelf,
  type SnapshotSink,
  settleShelf,
  syncShelf,
} from './snapshot-shelf.ts';
import { readSlots, type SlotsRead, StateFiles } from './state-files.ts';
import { becomeSuspect } from './suspicion.ts';

/** Everything the storage goes on from. */
export interface Recovery {
  readonly files: StateFiles;
  readonly recovered: Recovered;
  /** The oldest first. */
  readonly snapshots: readonly ReadSnapshotFile[];
  readonly log: LogOutline;
  readonly index: LogIndex;
  readonly segments: SegmentTable;
  readonly chain: Chain;
  readonly segment: DiskFile;
  readonly segmentBytes: number;
  /** Where the next batch goes. All before it is durable. */
  readonly end: LogPosition;
  /** Whether the last batch holds records: the log has no mark behind them. */
  readonly dirty: boolean;
}

/** Rot in the log, then a snapshot that turns out to be missing from what is left of it. */
const DAMAGES_MAX = 2;

/**
 * Brings a directory back after whatever ended the last run: hard state, snapshots, log, in this
 * order. When it returns, all that it found is durable (again), so promises may be built on it.
 *
 * A log that does not fit yet is changed, durably, and then read anew like any other: nothing is
 * believed that was not read. So a crash in between finds what the last step has left.
 * @param options.segmentBytes for a log of which nothing is left.
 * @throws DiskError
 */
export function recover(disk: Disk, options: RecoverOptions): Recovery | Refusal {
  let rot: Rot | null = null as Rot | null;
  let finishedInstall = false;
  for (let damages = 0; ; ) {
    const slots = readSlots(disk);
    if (isRefusal(slots)) return slots;
    const unfit = findUnfit(disk, slots.image);
    if (unfit !== null) return unfit;
    const shelf = readShelf(disk, options.sink);
    if (isRefusal(shelf)) return shelf;
    const found = recoverLog(disk, slots, shelf, options);
    if (isRefusal(found)) return found;
    if (isDamage(found)) {
      if (++damages > DAMAGES_MAX) {
        return refusal('rot', found.file, found.offset, `${found.what}; it has just been cut`);
      }
      const kept = becomeSuspect(disk, slots, found, options.segmentBytes);
      if (isRefusal(kept)) return kept;
      const { goodIndex, cut } = found;
      rot = { ...(rot ?? found), goodIndex, cut, kept: [...(rot?.kept ?? []), ...kept] };
    } else if ('log' in found) {
      return { ...found, recovered: { ...found.recovered, rot, finishedInstall } };
    } else {
      finishedInstall = rot === null;
    }
  }
}

/** What a recovery must know of the limits. */
export interface RecoverOptions {
  readonly segmentBytes: number;
  /** How coarse the log's index may be. */
  readonly rowEveryBytes?: number;
  /** Takes the snapshot that the log goes on from. */
  readonly sink?: SnapshotSink | null;
}

/** An index that is coarser than snapshots are frequent could not tell when one is due. */
export function recoverOptions({ segmentBytes, snapshotLogBytesMin }: Limits): RecoverOptions {
  const rowEveryBytes = Math.min(ROW_EVERY_BYTES, Math.ceil(snapshotLogBytesMin / 4));
  return { segmentBytes, rowEveryBytes };
}

/** Why a start must not touch the directory, whatever its log is like. */
export function findUnfit(disk: Disk, image: StateImage): Refusal | null {
  if (image.lastSegment < image.firstSegment) {
    return refusal('state', SLOT_NAMES[0], 0, 'the manifest names no segment');
  }
  return findDisowned(image.state) ?? findStraySegment(disk, image.lastSegment);
}

/** There is another log now. */
interface LogWasReset {
  readonly wasReset: true;
}

const logWasReset: LogWasReset = { wasReset: true };

function recoverLog(
  disk: Disk,
  slots: SlotsRead,
  shelf: SnapshotShelf,
  { rowEveryBytes = ROW_EVERY_BYTES }: RecoverOptions,
): Recovery | LogWasReset | Damage | Refusal {
  const { image } = slots;
  const log = new LogOutline();
  const found = new FoundLog(log, rowEveryBytes);
  const scanner = new LogScanner(disk, manifestOf(image), log, found);
  let last = scanner.scan(image.firstSegment);
  for (let id = image.firstSegment; id < image.lastSegment; id++) {
    if (isRefusal(last) || isDamage(last)) return last;
    found.index.endSegment(id, last.end.offset);
    last = scanner.scan(id + 1);
  }
  if (isRefusal(last) || isDamage(last)) return last;
  const fit = fitOf(log, shelf);
  if (fit === 'gap') return judgeGap(image, log, shelf);
  syncShelf(disk, shelf);
  if (fit === 'unfinished') {
    resetLogSync(disk, slots, scanner.chain, shelf.good.at(-1)!.snapshot);
    return logWasReset;
  }

  const files = StateFiles.settle(disk, slots);
  dropStraySegments(disk, image);
  const settled = settleShelf(disk, shelf, log, image.state.incarnation);
  if (isRefusal(settled)) {
    files.close();
    return settled;
  }
  const segment = disk.open(segmentName(image.lastSegment));
  settleLog(segment, last, found.lastBatch);
  return {
    files,
    recovered: found.summary(last, settled),
    snapshots: settled.good,
    log,
    index: found.index,
    segments: found.segments,
    chain: scanner.chain,
    segment,
    segmentBytes: Math.max(segment.size(), last.header.segmentBytes),
    end: { segmentId: image.lastSegment, offset: last.end.offset },
    dirty: found.lastBatch !== null && found.lastBatch.records > 0,
  };
}

/**
 * The log goes on from entries that no good snapshot holds. If a disk did that, the others have to
 * send everything again; if a hand, it may be undone.
 */
export function judgeGap(
  image: StateImage,
  log: LogOutline,
  { damaged }: SnapshotShelf,
): Damage | Refusal {
  const { index: at } = log.base;
  const first = damaged[0];
  if (first === undefined && !image.state.suspect) {
    const what = `the log begins behind entry ${at}, and no snapshot is there that goes so far`;
    return refusal('missing', snapshotName(at), 0, what);
  }
  const why =
    first === undefined ? 'the snapshot is missing' : `the snapshot is bad: ${first.what}`;
  const file = first?.file ?? snapshotName(at);
  const what = `${why}; the log, which begins behind entry ${at}, is nothing without it`;
  return { file, offset: 0, what, goodIndex: INDEX_ZERO, cut: null };
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

/** What a crash has left of a roll, of a cut of the log's beginning, or of a reset. */
function dropStraySegments(disk: Disk, { firstSegment, lastSegment }: StateImage): void {
  const names = disk.list().filter((name) => {
    const id = segmentIdOf(name);
    return id > lastSegment || (id > 0 && id < firstSegment);
  });
  for (const name of names) disk.remove(name);
  if (names.length > 0) disk.syncDirectorySync();
}

function segmentsAfter(disk: Disk, lastSegment: number): string[] {
  return disk.list().filter((name) => segmentIdOf(name) > lastSegment);
}
