import { type Disk, type DiskDone, DiskError, type DiskFile } from '../../storage/disk.ts';
import { overwritten } from '../inode.ts';

/** A file, whatever its name. */
export type InodeId = number;
export type Image = ReadonlyMap<string, Uint8Array>;

/**
 * What was done to a disk, in order. A sync stands where it has ended: it covers what had been done
 * to its file, or to the names, when it began.
 */
export type Operation =
  | { readonly kind: 'write'; readonly inode: InodeId; readonly offset: number; bytes: Uint8Array }
  | { readonly kind: 'sync'; readonly inode: InodeId; readonly covers: number }
  | { readonly kind: 'empty'; readonly inode: InodeId }
  | { readonly kind: 'create'; readonly name: string; readonly inode: InodeId }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: InodeId }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'sync-names'; readonly covers: number };

/** The end of a process: what a call throws once the disk is told to stop. Not a DiskError: no code
 *  under test may go on after it. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A disk in memory that writes down all that is done to it. Nothing on it ever fails, but for want
 *  of room; asynchronous calls call back in order, from `run`. */
export class RecordingDisk implements Disk {
  readonly operations: Operation[] = [];
  /** As it was before the first operation: all of it durable. */
  readonly before: Image;
  capacityBytes = Number.POSITIVE_INFINITY;
  /** The operation with this number no longer happens: the process is killed there. */
  killAt = Number.POSITIVE_INFINITY;
  private readonly names = new Map<string, InodeId>();
  private readonly contents: Uint8Array[] = [];
  private callbacks: (() => void)[] = [];

  constructor(before: Image = new Map()) {
    this.before = before;
    for (const [name, bytes] of before) this.names.set(name, this.contents.push(bytes.slice()) - 1);
  }

  /** What was begun first ends; false when there is nothing. */
  step(): boolean {
    const next = this.callbacks.shift();
    next?.();
    return next !== undefined;
  }

  /** Everything that was begun ends. */
  run(): void {
    while (this.step()) {}
  }

  /** kill -9: nothing that was under way calls back; what was written stays in the page cache. */
  kill(): void {
    this.killAt = Number.POSITIVE_INFINITY;
    this.callbacks = [];
  }

  /** Every file as a read would see it. */
  image(): Image {
    return new Map([...this.names].map(([name, inode]) => [name, this.contents[inode]!.slice()]));
  }

  list(): readonly string[] {
    return [...this.names.keys()].sort();
  }

  open(name: string): DiskFile {
    const inode = this.names.get(name);
    if (inode === undefined) throw new DiskError('ENOENT', 'open', name);
    return new RecordingFile(this, name, inode);
  }

  create(name: string): DiskFile {
    let inode = this.names.get(name);
    if (inode === undefined) {
      inode = this.contents.length;
      this.record({ kind: 'create', name, inode });
      this.contents.push(new Uint8Array(0));
      this.names.set(name, inode);
    } else {
      this.record({ kind: 'empty', inode });
      this.contents[inode] = new Uint8Array(0);
    }
    return new RecordingFile(this, name, inode);
  }

  rename(from: string, to: string): void {
    const inode = this.names.get(from);
    if (inode === undefined) throw new DiskError('ENOENT', 'rename', from);
    this.record({ kind: 'rename', from, to, inode });
    this.names.delete(from);
    this.names.set(to, inode);
  }

  remove(name: string): void {
    if (!this.names.has(name)) throw new DiskError('ENOENT', 'remove', name);
    this.record({ kind: 'remove', name });
    this.names.delete(name);
  }

  removeIfThere(name: string): void {
    if (this.names.has(name)) this.remove(name);
  }

  syncDirectorySync(): void {
    this.record({ kind: 'sync-names', covers: this.operations.length });
  }

  syncDirectory(done: DiskDone): void {
    const covers = this.operations.length;
    this.later(() => {
      this.record({ kind: 'sync-names', covers });
      done(null);
    });
  }

  /** @internal */
  record(operation: Operation): void {
    if (this.operations.length >= this.killAt) throw new Killed();
    this.operations.push(operation);
  }

  /** @internal */
  bytesOf(inode: InodeId): Uint8Array {
    return this.contents[inode]!;
  }

  /** @internal */
  write(name: string, inode: InodeId, offset: number, bytes: Uint8Array): void {
    const more = Math.max(0, offset + bytes.length - this.contents[inode]!.length);
    let used = more;
    for (const id of this.names.values()) used += this.contents[id]!.length;
    if (more > 0 && used > this.capacityBytes) throw new DiskError('ENOSPC', 'write', name);
    this.record({ kind: 'write', inode, offset, bytes: bytes.slice() });
    this.contents[inode] = overwritten(this.contents[inode]!, offset, bytes);
  }

  /** @internal */
  sync(inode: InodeId, covers: number): void {
    this.record({ kind: 'sync', inode, covers });
  }

  /** @internal */
  later(callback: () => void): void {
    this.callbacks.push(callback);
  }
}

class RecordingFile implements DiskFile {
  readonly name: string;
  private readonly disk: RecordingDisk;
  private readonly inode: InodeId;

  constructor(disk: RecordingDisk, name: string, inode: InodeId) {
    this.disk = disk;
    this.name = name;
    this.inode = inode;
  }

  size(): number {
    return this.disk.bytesOf(this.inode).length;
  }

  readSync(offset: number, length: number): Uint8Array {
    return this.disk.bytesOf(this.inode).slice(offset, offset + length);
  }

  writeSync(offset: number, bytes: Uint8Array): void {
    this.disk.write(this.name, this.inode, offset, bytes);
  }

  syncSync(): void {
    this.disk.sync(this.inode, this.disk.operations.length);
  }

  read(
    offset: number,
    length: number,
    done: (error: DiskError | null, bytes: Uint8Array) => void,
  ): void {
    this.disk.later(() => done(null, this.readSync(offset, length)));
  }

  write(offset: number, bytes: Uint8Array, done: DiskDone): void {
    let failed: DiskError | null = null;
    try {
      this.writeSync(offset, bytes);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      failed = error;
    }
    this.disk.later(() => done(failed));
  }

  sync(done: DiskDone): void {
    const covers = this.disk.operations.length;
    this.disk.later(() => {
      this.disk.sync(this.inode, covers);
      done(null);
    });
  }

  close(): void {}
}
