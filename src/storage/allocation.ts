import { type Disk, type DiskDone, DiskError, type DiskFile } from './disk.ts';
import { openIfThere } from './log-scanner.ts';
import { SPARE_NAME } from './segment.ts';
import { step } from './step.ts';

/** Written and synced piece by piece, so that the log's own syncs never queue behind much. */
const PIECE_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(PIECE_BYTES);

/**
 * The next segment, allocated with zeros in the background before it is needed: so the sync of a
 * batch does not also have to journal a new file size, and a full disk is noticed while there is
 * still room in the current segment. One that an earlier run left behind is written anew, even where
 * it reads as zeros: if a sync of that run failed, they may be pages that look clean and are on no disk.
 */
export class SpareSegment {
  /** `full`: the disk had no room; `allocate` tries again. `leaving`: on its way to a new name;
   *  until that is durable there can't be another. */
  state: 'none' | 'allocating' | 'ready' | 'leaving' | 'full' = 'none';
  /** The last attempt found no room; it stands while the next one is under way. */
  lacksRoom = false;
  private readonly disk: Disk;
  private readonly segmentBytes: number;
  private readonly settled: (error: DiskError | null) => void;
  private file: DiskFile | null = null;
  private isFirst = true;
  private stopped: (() => void) | null = null;

  /** @param settled called after each `allocate`, perhaps at once: null when `state` says how it
   *  went, or an error that is final. */
  constructor(disk: Disk, segmentBytes: number, settled: (error: DiskError | null) => void) {
    this.disk = disk;
    this.segmentBytes = segmentBytes;
    this.settled = settled;
  }

  /** Begins to allocate, unless there is a spare or one is on its way. */
  allocate(): void {
    if (this.state !== 'none' && this.state !== 'full') return;
    this.state = 'allocating';
    this.attempt(null, () => this.openFile());
  }

  /** The spare under its new name, durably; its header must be there already. */
  take(header: Uint8Array, name: string, done: DiskDone): void {
    const file = this.file!;
    this.file = null;
    this.state = 'leaving';
    step(done, () => {
      file.writeSync(0, header);
      file.sync((error) => {
        if (error !== null) return done(error);
        step(done, () => {
          file.close();
          this.disk.rename(SPARE_NAME, name);
          this.disk.syncDirectory((failed) => {
            this.state = 'none';
            done(failed);
          });
        });
      });
    });
  }

  /** Others need the room more: it is as if there had been none. */
  giveUp(): void {
    if (this.state === 'ready') this.giveBack();
  }

  /** Stops allocating. Calls back, perhaps at once, when the file is no longer in use. */
  close(done: () => void): void {
    if (this.state === 'allocating') {
      this.stopped = done;
      return;
    }
    this.closeFile();
    done();
  }

  private closeFile(): void {
    this.file?.close();
    this.file = null;
  }

  private openFile(): void {
    // Only an earlier run can have left one: what this one makes, it takes or gives back.
    let file = this.isFirst ? openIfThere(this.disk, SPARE_NAME) : null;
    this.isFirst = false;
    if (file !== null && file.size() > this.segmentBytes) {
      file.close();
      file = null;
    }
    this.file = file ?? this.disk.create(SPARE_NAME);
    this.piece(0);
  }

  private piece(offset: number): void {
    const file = this.file!;
    const length = Math.min(PIECE_BYTES, this.segmentBytes - offset);
    if (length === 0) {
      // Its name needs no sync yet: the one that makes the next name durable covers this one.
      this.state = 'ready';
      this.lacksRoom = false;
      this.settled(null);
      return;
    }
    file.write(offset, ZEROS.subarray(0, length), (error) =>
      this.attempt(error, () => this.sync(offset + length)),
    );
  }

  private sync(offset: number): void {
    this.file!.sync((error) => this.attempt(error, () => this.piece(offset)));
  }

  /** Goes on with `next`, unless there is an error or nobody wants the spare any more. */
  private attempt(error: DiskError | null, next: () => void): void {
    if (this.stopped !== null) {
      this.closeFile();
      this.stopped();
    } else if (error === null) {
      step((thrown) => this.attempt(thrown, next), next);
    } else if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
      // No room is a state, not a failure: nothing in here was promised.
      this.giveBack();
    } else {
      this.settled(error);
    }
  }

  /** Others need room on a full disk too, their logs first of all. */
  private giveBack(): void {
    this.closeFile();
    this.state = 'full';
    this.lacksRoom = true;
    try {
      this.disk.remove(SPARE_NAME);
      this.settled(null);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.settled(error.code === 'ENOENT' ? null : error);
    }
  }
}
