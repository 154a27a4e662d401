import { assert } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import { type DiskDone, DiskError, type DiskFile } from '../storage/disk.ts';
import type { SimDisk } from './disk.ts';
import { type Inode, overwritten, type PendingWrite } from './inode.ts';

/** An open file of a simulated disk. */
export class SimFile implements DiskFile {
  readonly name: string;
  private readonly disk: SimDisk;
  private readonly inode: Inode;
  private closed = false;

  constructor(disk: SimDisk, name: string, inode: Inode) {
    this.disk = disk;
    this.name = name;
    this.inode = inode;
  }

  size(): number {
    this.disk.throwIfCut();
    return this.inode.cached.length;
  }

  readSync(offset: number, length: number, into?: Uint8Array): Uint8Array {
    this.checkOpen();
    this.disk.throwIfCut();
    const error = this.disk.failRead(this.name);
    if (error !== null) throw error;
    const bytes = this.inode.cached.subarray(offset, offset + length);
    if (into === undefined || into.length < length) return bytes.slice();
    into.set(bytes);
    return into.subarray(0, bytes.length);
  }

  writeSync(offset: number, bytes: Uint8Array): void {
    this.checkOpen();
    try {
      this.disk.change('write', this.name);
    } catch (error) {
      if (error instanceof DiskError) this.putPart(offset, bytes);
      throw error;
    }
    this.put(offset, bytes);
  }

  syncSync(): void {
    this.checkOpen();
    try {
      this.disk.change('sync', this.name);
    } catch (error) {
      if (error instanceof DiskError) this.inode.pending = [];
      throw error;
    }
    this.settle(this.inode.pending.splice(0));
  }

  read(
    offset: number,
    length: number,
    done: (error: DiskError | null, bytes: Uint8Array) => void,
  ): void {
    this.checkOpen();
    const error = this.disk.failRead(this.name);
    this.disk.soon(() => {
      if (error !== null) done(error, EMPTY_BYTES);
      else done(null, this.inode.cached.slice(offset, offset + length));
    });
  }

  write(offset: number, bytes: Uint8Array, done: DiskDone): void {
    this.checkOpen();
    let full: DiskError | null = null;
    const finish: DiskDone = (error) => {
      if (error !== null) this.putPart(offset, bytes);
      done(error ?? full);
    };
    this.disk.start('write', this.name, finish, () => {
      // It may reach the disk as soon as it is under way; the caller's buffer is still its own.
      try {
        this.put(offset, bytes);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        full = error;
      }
      return () => {};
    });
  }

  sync(done: DiskDone): void {
    this.checkOpen();
    const covered = this.inode.pending.slice();
    const drop: DiskDone = (error) => {
      if (error !== null) this.forget(covered);
      done(error);
    };
    this.disk.start('sync', this.name, drop, () => () => {
      this.settle(covered);
      this.forget(covered);
    });
  }

  close(): void {
    this.closed = true;
  }

  /** As far as there is room. */
  private put(offset: number, bytes: Uint8Array): void {
    const grows = offset + bytes.length - this.inode.cached.length;
    const room = this.disk.roomFor(grows);
    if (room >= grows) {
      this.overwrite(offset, bytes);
      return;
    }
    const fits = bytes.length - (grows - room);
    if (fits > 0) this.overwrite(offset, bytes.subarray(0, fits));
    throw new DiskError('ENOSPC', 'write', this.name);
  }

  /** A short write: some of it was written before the error. */
  private putPart(offset: number, bytes: Uint8Array): void {
    const length = this.disk.faults?.partOf(bytes.length) ?? 0;
    if (length > 0) this.overwrite(offset, bytes.subarray(0, length));
  }

  private overwrite(offset: number, bytes: Uint8Array): void {
    const { inode } = this;
    inode.cached = overwritten(inode.cached, offset, bytes);
    inode.pending.push({ offset, bytes: bytes.slice() });
  }

  private settle(writes: readonly PendingWrite[]): void {
    const { inode } = this;
    for (const { offset, bytes } of writes) {
      // A file's first sync, most often of a whole segment of zeros, need not be copied once more.
      const isWhole = offset === 0 && bytes.length >= inode.durable.length;
      inode.durable = isWhole ? bytes : overwritten(inode.durable, offset, bytes);
      this.disk.tell(inode, offset, bytes, 'sync');
    }
  }

  private forget(writes: readonly PendingWrite[]): void {
    if (writes.length === this.inode.pending.length) {
      this.inode.pending = [];
      return;
    }
    this.inode.pending = this.inode.pending.filter((write) => !writes.includes(write));
  }

  private checkOpen(): void {
    assert(!this.closed, () => `${this.name} is closed`);
  }
}
