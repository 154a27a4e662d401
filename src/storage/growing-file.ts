import type { Disk, DiskDone, DiskError, DiskFile } from './disk.ts';
import { step } from './step.ts';

/** So much is written and then synced, so that the log's own syncs never queue behind much. */
const SYNC_EVERY_BYTES = 1024 * 1024;

/** Whom a growing file tells; after either, nothing else is called. */
export interface GrowingFileEvents {
  /** The disk has no room. The file is gone: nothing in it was promised. */
  noRoom(error: DiskError): void;
  /** Any other error: final. */
  failed(error: DiskError): void;
}

interface Task {
  readonly run: (done: DiskDone) => void;
  readonly done: () => void;
}

/** A file in the making: it grows from its beginning, is synced all along, and gets its name when it
 *  is whole and durable. What is asked for is done in order, one thing at a time. */
export class GrowingFile {
  private readonly disk: Disk;
  private readonly name: string;
  private readonly events: GrowingFileEvents;
  private file: DiskFile | null = null;
  private tasks: Task[] = [];
  private busy = false;
  private over = false;
  private offset = 0;
  private unsyncedBytes = 0;
  private onIdle: () => void = () => {};

  /** Nothing is done to the disk before the first call. */
  constructor(disk: Disk, name: string, events: GrowingFileEvents) {
    this.disk = disk;
    this.name = name;
    this.events = events;
  }

  /** The bytes must not change before `done`. */
  append(bytes: Uint8Array, done: () => void): void {
    const run = (ended: DiskDone) => {
      const file = this.openFile();
      const { offset } = this;
      this.offset += bytes.length;
      this.unsyncedBytes += bytes.length;
      file.write(offset, bytes, (error) => {
        if (error !== null || this.over || this.unsyncedBytes < SYNC_EVERY_BYTES) ended(error);
        else step(ended, () => this.syncNow(ended));
      });
    };
    this.enqueue({ run, done });
  }

  /** Calls back when all that was appended is durable. */
  sync(done: () => void): void {
    this.enqueue({ run: (ended) => this.syncNow(ended), done });
  }

  /** Gives the synced file another name, durably. Then this is over. */
  rename(to: string, done: () => void): void {
    const run = (ended: DiskDone) => {
      this.disk.rename(this.name, to);
      this.disk.syncDirectory(ended);
    };
    const renamed = () => {
      this.stop(() => {});
      done();
    };
    this.enqueue({ run, done: renamed });
  }

  /** Removes the file, also one that was stopped. Nothing is called any more. */
  abandon(): void {
    if (!this.over) this.stop(() => {});
    step(
      (error) => this.events.failed(error),
      () => this.disk.removeIfThere(this.name),
    );
  }

  /** Leaves the file as it is. Nothing is called any more but `idle`, perhaps at once: when nothing
   *  is done to the file any longer. */
  stop(idle: () => void): void {
    this.over = true;
    this.tasks = [];
    this.onIdle = idle;
    if (!this.busy) this.letGo();
  }

  private openFile(): DiskFile {
    if (this.file !== null) return this.file;
    // Never an inode to which an attempt before may still be writing.
    this.disk.removeIfThere(this.name);
    this.file = this.disk.create(this.name);
    return this.file;
  }

  private syncNow(done: DiskDone): void {
    this.unsyncedBytes = 0;
    this.file!.sync(done);
  }

  private enqueue(task: Task): void {
    if (this.over) return;
    this.tasks.push(task);
    this.next();
  }

  private next(): void {
    if (this.busy || this.over) return;
    const task = this.tasks.shift();
    if (task === undefined) return;
    this.busy = true;
    const ended: DiskDone = (error) => {
      this.busy = false;
      if (this.over) {
        this.letGo();
      } else if (error !== null) {
        this.fail(error);
      } else {
        task.done();
        this.next();
      }
    };
    step(ended, () => task.run(ended));
  }

  private fail(error: DiskError): void {
    if (isFull(error)) {
      this.abandon();
      this.events.noRoom(error);
    } else {
      this.stop(() => {});
      this.events.failed(error);
    }
  }

  private letGo(): void {
    this.file?.close();
    this.file = null;
    this.onIdle();
  }
}

/** No room is a state of the disk, not a failure. */
export function isFull(error: DiskError): boolean {
  return error.code === 'ENOSPC' || error.code === 'EDQUOT';
}
