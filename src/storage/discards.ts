import type { Disk, DiskDone, DiskError } from './disk.ts';
import { step } from './step.ts';

interface Batch {
  readonly names: string[];
  readonly done: () => void;
}

/** Removes files that nothing needs any more, durably, in the background: one at a time, since to
 *  give back a large file's room may hold the caller up for a millisecond. */
export class Discards {
  private readonly disk: Disk;
  private readonly failed: (error: DiskError) => void;
  private batches: Batch[] = [];
  private busy = false;
  private ended = false;
  private onIdle: () => void = () => {};

  constructor(disk: Disk, failed: (error: DiskError) => void) {
    this.disk = disk;
    this.failed = failed;
  }

  /** Calls back, perhaps at once, when all of them are gone. */
  add(names: readonly string[], done: () => void = () => {}): void {
    this.batches.push({ names: [...names], done });
    this.next();
  }

  /** Removes nothing more. Calls back, perhaps at once, when nothing is under way. */
  stop(idle: () => void): void {
    this.ended = true;
    this.onIdle = idle;
    if (!this.busy) idle();
  }

  private next(): void {
    while (!this.busy && !this.ended) {
      const batch = this.batches[0];
      if (batch === undefined) return;
      const name = batch.names.shift();
      if (name === undefined) {
        this.batches.shift();
        batch.done();
      } else {
        this.remove(name);
      }
    }
  }

  private remove(name: string): void {
    this.busy = true;
    const removed: DiskDone = (error) => {
      this.busy = false;
      if (this.ended) this.onIdle();
      else if (error !== null) this.failed(error);
      else this.next();
    };
    step(removed, () => {
      this.disk.removeIfThere(name);
      this.disk.syncDirectory(removed);
    });
  }
}
