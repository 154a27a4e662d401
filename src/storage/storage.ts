import { assert } from '../base/assert.ts';
import { type Index, NO_SEQUENCE, type Term, type WalSequence } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { HardState, Persist } from '../base/persist.ts';
import type { LogPoint } from '../base/snapshot.ts';
import { SpareSegment } from './allocation.ts';
import { batchExtent, directorySalt } from './batch.ts';
import { createDirectory, isEmptyDirectory } from './create.ts';
import { type Disk, type DiskDone, DiskError } from './disk.ts';
import type { Recovered } from './found-log.ts';
import type { DurableState, NewDirectory, StateImage } from './hard-state.ts';
import { LogBeginning } from './log-beginning.ts';
import { LogReader, type ReadDone } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { PersistQueue } from './persist-queue.ts';
import { type Recovery, recover, recoverOptions } from './recovery.ts';
import { isRefusal, type Refusal, refusalOf } from './refusal.ts';
import {
  comparePositions,
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './segment.ts';
import type { SnapshotSink } from './snapshot-shelf.ts';
import { Snapshots } from './snapshots.ts';
import { type IdentityChange, stateAfter } from './state-change.ts';
import type { StateFiles } from './state-files.ts';
import { step } from './step.ts';
import type { StorageStats } from './storage-stats.ts';

/** One round: an update of the hard state, then a batch, each only where there is one. */
interface Round {
  readonly image: StateImage | null;
  readonly batch: boolean;
  readonly completes: WalSequence;
  readonly saved: readonly (() => void)[];
}

/**
 * The durable half of a replica: hard state and log in one data directory (DESIGN §5). One thing at
 * a time is on its way to the disk: an update of the hard state, a batch, or a roll into the next
 * segment. What is asked for meanwhile waits, and is merged.
 *
 * A failed write or sync is final: `onFatal` is called once, perhaps from inside a call, and no
 * other callback after it.
 */
export class Storage {
  readonly recovered: Recovered;
  readonly snapshots: Snapshots;
  readonly stats: StorageStats;
  /** Everything up to this sequence is durable. */
  onPersisted: (sequence: WalSequence) => void = () => {};
  onFatal: (error: DiskError) => void = () => {};

  private readonly disk: Disk;
  private readonly limits: Limits;
  private readonly now: () => number;
  private readonly files: StateFiles;
  private readonly writer: LogWriter;
  private readonly reader: LogReader;
  private readonly beginning: LogBeginning;
  private readonly spare: SpareSegment;
  private readonly queue = new PersistQueue();
  private identityChanges: { change: IdentityChange; done: () => void }[] = [];
  /** The last batch holds records, so no mark behind them proves that they were synced. */
  private dirty: boolean;
  private markWanted = false;
  private busy = false;
  /** The log is to be reset, and the disk had no room for a sector. */
  private resetLacksRoom = false;
  /** Closed, or an error was final: nothing goes on. */
  private ended = false;
  private closing: (() => void) | null = null;

  /** Whether this is a first start: the directory is to be made by `create`. */
  static isEmpty(disk: Disk): boolean {
    return isEmptyDirectory(disk);
  }

  /**
   * Makes an empty directory a data directory, durably.
   * @throws DiskError
   */
  static create(disk: Disk, limits: Limits, directory: NewDirectory): void {
    createDirectory(disk, limits, directory);
  }

  /**
   * Recovers what is there and counts this start, durably. What it finds wrong is a refusal, and
   * so is an error of the disk.
   * @param startId random bytes that no other start has (base/start-history.ts).
   * @param now milliseconds of a monotonic clock, for `stats` only.
   * @param sink takes what `recovered.snapshot` holds, if there is one.
   */
  static open(
    disk: Disk,
    limits: Limits,
    startId: Uint8Array,
    now: () => number = () => 0,
    sink: SnapshotSink | null = null,
  ): Storage | Refusal {
    try {
      const recovery = recover(disk, { ...recoverOptions(limits), sink });
      if (isRefusal(recovery)) return recovery;
      recovery.files.countStart(startId, recovery.end);
      return new Storage(disk, limits, now, recovery);
    } catch (error) {
      if (error instanceof DiskError) return refusalOf(error);
      throw error;
    }
  }

  private constructor(disk: Disk, limits: Limits, now: () => number, recovery: Recovery) {
    const { files, recovered } = recovery;
    const salt = directorySalt(files.image.state.directoryId);
    this.disk = disk;
    this.limits = limits;
    this.now = now;
    this.files = files;
    this.recovered = recovered;
    this.dirty = recovery.dirty;
    this.writer = new LogWriter(recovery, salt);
    const { readAheadBytes } = limits;
    this.reader = new LogReader(disk, recovery.index, salt, readAheadBytes, () => this.writer.end);
    const failed = (error: DiskError) => this.fail(error);
    this.snapshots = new Snapshots(disk, limits, recovery.snapshots, failed);
    const { snapshots, writer } = this;
    this.beginning = new LogBeginning({ disk, snapshots, writer }, recovery.segments, {
      nextImage: () => this.nextImage(this.state),
      save: (image, next) => this.saveImage(image, next),
      unlessEnded: (next) => this.unlessEnded(next),
      failed,
    });
    this.spare = new SpareSegment(disk, limits.segmentBytes, (error) => {
      if (error !== null) this.fail(error);
      else this.advance();
    });
    this.queue.commitIndex = recovered.commitIndex;
    this.stats = { batches: 0, bytes: 0, syncs: 0, lastSyncMs: 0, segments: recovered.segments };
  }

  /** The hard state and identity as they are durable now. */
  get state(): DurableState {
    return this.files.image.state;
  }

  /** `full`: there was no room for the next segment. What fits in the current one still goes on;
   *  the rest waits, and `retryAllocation` tries again. */
  get space(): 'ok' | 'full' {
    return this.spare.lacksRoom || this.resetLacksRoom ? 'full' : 'ok';
  }

  retryAllocation(): void {
    if (this.ended || this.closing !== null) return;
    // A reset needs one sector, and makes room for all else.
    if (this.resetLacksRoom) {
      this.resetLacksRoom = false;
      this.advance();
    } else if (this.spare.state === 'full') {
      this.spare.allocate();
    }
  }

  /** Makes it durable, after everything asked for before: `onPersisted` says when. */
  persist(request: Persist): void {
    for (const { record } of request.entries) {
      const extent = batchExtent(record.length);
      assert(extent <= this.limits.batchBytesMax, () => `a record of ${record.length} bytes`);
    }
    for (const needless of this.queue.push(request)) this.snapshots.forget(needless);
    this.advance();
  }

  /** Makes the change durable, then calls back. Hard state on its way is never mixed up with it. */
  saveIdentity(change: IdentityChange, done: () => void): void {
    this.identityChanges.push({ change, done });
    this.advance();
  }

  /**
   * Reads the durable entries [from, to] back, verified. An entry counts only where `termAt` tells
   * its term: so removed versions of an index are passed over. It must answer for every index
   * asked for, 0 where the log no longer has one; fewer entries come back then. Stops after the
   * entry that reaches `bytesMax`, or from half of that on where it had to go to the disk again.
   */
  readEntries(
    from: Index,
    to: Index,
    bytesMax: number,
    termAt: (at: Index) => Term,
    done: ReadDone,
  ): void {
    this.reader.read({ from, to, bytesMax, termAt, done });
  }

  /** What the log goes on from: entries up to here are in a snapshot only. */
  get base(): LogPoint {
    return this.writer.log.base;
  }

  /** How much of the durable log lies behind this entry, in bytes, give or take a little. */
  logBytesBehind(at: Index): number {
    if (at >= this.writer.log.lastIndex) return 0;
    return this.reader.index.bytesBehind(at, this.writer.end);
  }

  /**
   * Drops the log's first segments as far as no entry behind `upTo` is in them, which a durable
   * snapshot must cover. Calls back, perhaps at once, when they are gone for good: `base` tells what
   * the log goes on from then.
   */
  compact(upTo: Index, done: () => void): void {
    this.beginning.compact(upTo, done);
    this.advance();
  }

  /** Whether the last records have no durable mark behind them yet. */
  get dirtySinceMark(): boolean {
    return this.dirty;
  }

  /** Writes a mark behind the last records: bad bytes before it can never pass for a torn write.
   *  To be called when nothing has been written for a while. */
  writeMark(): void {
    this.markWanted = true;
    this.advance();
  }

  /** Finishes what was asked for, marks the log, and lets go of the files. What waits for room on
   *  a full disk is given up: nobody was told that it is durable. */
  close(done: () => void): void {
    assert(this.closing === null, () => 'closed twice');
    this.closing = done;
    this.markWanted = true;
    this.advance();
  }

  /** Starts the next thing to do, unless one is under way. */
  private advance(): void {
    if (this.busy || this.ended) return;
    if (this.queue.resetIsNext && !this.resetLacksRoom) {
      this.reset();
      return;
    }
    if (this.beginning.cutIsNext) {
      this.cutBeginning();
      return;
    }
    const waitsForRoom = this.needsRoll();
    if (waitsForRoom && this.spare.state === 'ready') {
      this.roll();
      return;
    }
    if (waitsForRoom && this.spare.state === 'none') this.spare.allocate();
    // An allocation that fails at once has advanced already.
    if (this.busy || this.ended) return;
    const round = this.nextRound();
    const allocating = waitsForRoom && this.spare.state === 'allocating';
    if (round !== null) this.carryOut(round);
    else if (this.closing !== null && !allocating) this.finishClose(this.closing);
  }

  private needsRoll(): boolean {
    if (this.queue.isEmpty && !(this.markWanted && this.dirty)) return false;
    return this.queue.nextRecordBytes > this.writer.room;
  }

  private nextRound(): Round | null {
    this.writer.begin(this.limits.batchBytesMax);
    const filled = this.queue.fill(this.writer);
    const changes = this.identityChanges;
    const mark = !filled.any && this.markWanted && this.dirty && this.writer.room >= 0;
    if (!filled.any) this.markWanted = false;
    if (!filled.any && !mark && changes.length === 0) return null;
    this.identityChanges = [];
    return {
      image: this.imageAfter(
        filled.hardState,
        changes.map(({ change }) => change),
      ),
      // A request for nothing but the commit index is a batch without records, like a mark.
      batch: this.writer.batch.records > 0 || mark || (filled.any && filled.hardState === null),
      completes: filled.completes,
      saved: changes.map(({ done }) => done),
    };
  }

  private carryOut(round: Round): void {
    this.busy = true;
    const finish = () => this.finish(round);
    const writeBatch = () => (round.batch ? this.writeBatch(finish) : finish());
    if (round.image === null) writeBatch();
    else this.saveImage(round.image, writeBatch);
  }

  private saveImage(image: StateImage, next: () => void): void {
    this.stats.syncs += 2;
    this.files.save(image, this.unlessEnded(next));
  }

  private writeBatch(next: () => void): void {
    const startedMs = this.now();
    const { records } = this.writer.batch;
    const written = this.unlessEnded(() => {
      this.dirty = records > 0;
      this.stats.lastSyncMs = this.now() - startedMs;
      next();
    });
    this.stats.batches++;
    this.stats.syncs++;
    this.stats.bytes += this.writer.write(this.queue.commitIndex, written);
  }

  /** Tells who waits. Whatever they ask for meanwhile goes into one next round. */
  private finish(round: Round): void {
    if (round.completes !== NO_SEQUENCE) this.onPersisted(round.completes);
    for (const done of round.saved) done();
    this.busy = false;
    this.advance();
    this.prepareSpare(round.batch);
  }

  /** Into the next segment: its name durable, then in the manifest, then batches. */
  private roll(): void {
    this.busy = true;
    const { segmentBytes } = this.limits;
    const header = this.writer.nextHeader(this.state.directoryId, segmentBytes);
    const { segmentId } = header;
    const name = segmentName(segmentId);
    const mark = { segmentId, offset: SEGMENT_HEADER_BYTES };
    const renamed = this.unlessEnded(() => {
      const image = { ...this.nextImage(this.state), lastSegment: segmentId, mark };
      this.saveImage(image, () => {
        this.writer.enter(this.disk.open(name), segmentBytes);
        this.stats.segments = this.beginning.segmentCount;
        this.busy = false;
        this.advance();
        this.prepareSpare(true);
      });
    });
    this.spare.take(encodeSegmentHeader(header), name, renamed);
  }

  private reset(): void {
    this.busy = true;
    const { reset, hardState } = this.queue.takeReset();
    const image = this.imageAfter(hardState, []);
    const done = () => {
      this.dirty = false;
      this.stats.segments = this.beginning.segmentCount;
      const completes = this.queue.settleReset();
      this.finish({ image: null, batch: true, completes, saved: [] });
    };
    const restart = this.unlessEnded(() =>
      this.beginning.reset(reset, done, () => this.postponeReset()),
    );
    if (image === null) restart(null);
    else this.saveImage(image, () => restart(null));
  }

  /** What is nothing yet gives its room, and then it is tried again. */
  private postponeReset(): void {
    this.queue.putBackReset();
    this.resetLacksRoom = true;
    this.busy = false;
    this.spare.giveUp();
    this.advance();
  }

  private cutBeginning(): void {
    this.busy = true;
    this.beginning.cutNext(() => {
      this.stats.segments = this.beginning.segmentCount;
      this.busy = false;
      this.advance();
    });
  }

  /** A log that grows will need another segment. */
  private prepareSpare(grown: boolean): void {
    if (grown && this.spare.state === 'none' && this.closing === null) this.spare.allocate();
  }

  /** The last act: the hard state takes the end of the log as its mark, so that not even zeros
   *  over a whole batch pass for a log that ends earlier. */
  private finishClose(done: () => void): void {
    this.busy = true;
    const letGo = () => {
      this.files.close();
      this.writer.close();
      this.reader.close();
      this.ended = true;
      done();
    };
    const release = () =>
      this.spare.close(() => this.snapshots.stop(() => this.beginning.stop(letGo)));
    if (comparePositions(this.files.image.mark, this.writer.end) === 0) release();
    else this.saveImage(this.nextImage(this.state), release);
  }

  private imageAfter(
    hardState: HardState | null,
    changes: readonly IdentityChange[],
  ): StateImage | null {
    if (hardState === null && changes.length === 0) return null;
    return this.nextImage(stateAfter(this.state, hardState, changes));
  }

  private nextImage(state: DurableState): StateImage {
    const { image } = this.files;
    return { ...image, sequence: image.sequence + 1, mark: this.writer.end, state };
  }

  /** The next step of what is under way, unless an error ends it. */
  private unlessEnded(next: () => void): DiskDone {
    return (error) => {
      if (this.ended) return;
      if (error !== null) this.fail(error);
      else step((thrown) => this.fail(thrown), next);
    };
  }

  private fail(error: DiskError): void {
    if (this.ended) return;
    this.ended = true;
    this.reader.close();
    this.snapshots.stop(() => {});
    this.beginning.stop(() => {});
    this.onFatal(error);
  }
}
