import { assert } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from '../storage/disk.ts';
import { crashInode, Inode, overwritten, type PendingWrite } from './inode.ts';

export type DiskOperation = 'read' | 'write' | 'sync' | 'create' | 'rename' | 'remove';

/** A simulated power cut: what a synchronous call throws once the disk has stopped. Not a DiskError:
 *  no code under test may go on after it. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** A change of the directory that no sync covers yet. */
type NameChange =
  | { readonly kind: 'create'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly name: string };

interface Fault {
  readonly operation: DiskOperation;
  readonly code: string;
  readonly file: string;
  /** So many go well before. */
  after: number;
}

/**
 * A data directory in memory, with a page cache that a crash empties: of the writes that no sync
 * covers, any subset of their sectors survives; of the un-synced changes of names, any subset.
 */
export class SimDisk implements Disk {
  /** Writes that would make the files longer than this in all fail with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Operations that change something, counted since the disk was made. */
  operations = 0;
  /** The operation with this number, and all after it, no longer happen: the power is cut. */
  cutPowerAt = Number.POSITIVE_INFINITY;

  private readonly later: (callback: () => void) => void;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private nameChanges: NameChange[] = [];
  private faults: Fault[] = [];
  /** Grows at each crash: what was under way before never calls back. */
  private epoch = 0;

  /** @param later calls back later, in the order and at the time that the simulation likes. */
  constructor(later: (callback: () => void) => void) {
    this.later = later;
  }

  list(): readonly string[] {
    this.throwIfCut();
    return [...this.names.keys()].sort();
  }

  open(name: string): DiskFile {
    this.throwIfCut();
    const inode = this.names.get(name);
    if (inode === undefined) throw new DiskError('ENOENT', 'open', name);
    return new SimFile(this, name, inode);
  }

  create(name: string): DiskFile {
    this.change('create', name);
    const existing = this.names.get(name);
    if (existing !== undefined) {
      // Emptied at once, durably or not, as a journal may have it.
      existing.cached = EMPTY_BYTES;
      existing.durable = EMPTY_BYTES;
      existing.pending = [];
      return new SimFile(this, name, existing);
    }
    const inode = new Inode();
    this.names.set(name, inode);
    this.nameChanges.push({ kind: 'create', name, inode });
    return new SimFile(this, name, inode);
  }

  rename(from: string, to: string): void {
    this.change('rename', from);
    const inode = this.names.get(from);
    if (inode === undefined) throw new DiskError('ENOENT', 'rename', from);
    this.names.delete(from);
    this.names.set(to, inode);
    this.nameChanges.push({ kind: 'rename', from, to, inode });
  }

  remove(name: string): void {
    this.change('remove', name);
    if (!this.names.delete(name)) throw new DiskError('ENOENT', 'remove', name);
    this.nameChanges.push({ kind: 'remove', name });
  }

  syncDirectorySync(): void {
    this.change('sync', '.');
    applyNames(this.durableNames, this.nameChanges);
    this.nameChanges = [];
  }

  syncDirectory(done: DiskDone): void {
    this.start('sync', '.', done, () => {
      const covered = this.nameChanges.length;
      return () => applyNames(this.durableNames, this.nameChanges.splice(0, covered));
    });
  }

  /** The next operation of this kind (on this file, or any) fails with this code. */
  failNext(operation: DiskOperation, code: string, file = ''): void {
    this.faults.push({ operation, code, file, after: 0 });
  }

  /** As `failNext`, but `after` operations of this kind go well first. */
  failLater(operation: DiskOperation, code: string, after: number): void {
    this.faults.push({ operation, code, file: '', after });
  }

  /** Whether bytes were written that no sync covers yet: a power loss now could tear them. */
  get hasUnsynced(): boolean {
    for (const { pending } of this.names.values()) if (pending.length > 0) return true;
    return false;
  }

  /** A power loss: keeps what is durable, and of the rest what chance leaves of it. Every file that
   *  was open is closed, and nothing that was under way calls back. */
  crash(prng: Prng): void {
    const survived = this.nameChanges.filter(() => prng.chance(0.5));
    const inodes = new Set([...this.durableNames.values(), ...survived.flatMap(inodeOf)]);
    applyNames(this.durableNames, survived);
    this.nameChanges = [];
    for (const inode of inodes) crashInode(inode, prng);
    this.stop();
    this.names = new Map(this.durableNames);
  }

  /** kill -9: the process is gone, the page cache is not. */
  kill(): void {
    this.stop();
  }

  /** Every file's bytes as a read would see them. */
  image(): Map<string, Uint8Array> {
    return new Map([...this.names].map(([name, inode]) => [name, inode.cached.slice()]));
  }

  /** A disk on which these files, and nothing else, are durable. */
  static of(
    image: ReadonlyMap<string, Uint8Array>,
    later: (callback: () => void) => void,
  ): SimDisk {
    const disk = new SimDisk(later);
    for (const [name, bytes] of image) {
      const inode = new Inode();
      inode.cached = bytes.slice();
      inode.durable = bytes.slice();
      disk.names.set(name, inode);
      disk.durableNames.set(name, inode);
    }
    return disk;
  }

  /** @internal Counts an operation that changes something, and fails it where a fault is due. */
  change(operation: DiskOperation, file: string): void {
    this.operations++;
    this.throwIfCut();
    const error = this.dueFault(operation, file);
    if (error !== null) throw error;
  }

  /** @internal Fails a read where a fault is due. */
  failRead(file: string): DiskError | null {
    return this.dueFault('read', file);
  }

  /** @internal Starts an operation, which takes effect only when it calls back without an error. */
  start(operation: DiskOperation, file: string, done: DiskDone, begin: () => () => void): void {
    this.operations++;
    if (this.isCut) return;
    const error = this.dueFault(operation, file);
    const effect = error === null || operation === 'sync' ? begin() : () => {};
    this.soon(() => {
      if (error === null) effect();
      done(error);
    });
  }

  /** @internal */
  soon(callback: () => void): void {
    const { epoch } = this;
    this.later(() => {
      if (this.epoch === epoch && !this.isCut) callback();
    });
  }

  /** @internal */
  throwIfCut(): void {
    if (this.isCut) throw new PowerCut();
  }

  /** @internal */
  throwIfFull(more: number, file: string): void {
    if (more <= 0 || this.capacityBytes === Number.POSITIVE_INFINITY) return;
    let bytes = more;
    for (const inode of this.names.values()) bytes += inode.cached.length;
    if (bytes > this.capacityBytes) throw new DiskError('ENOSPC', 'write', file);
  }

  private get isCut(): boolean {
    return this.operations >= this.cutPowerAt;
  }

  private stop(): void {
    this.epoch++;
    this.cutPowerAt = Number.POSITIVE_INFINITY;
    this.faults = [];
  }

  private dueFault(operation: DiskOperation, file: string): DiskError | null {
    const at = this.faults.findIndex(
      (fault) => fault.operation === operation && (fault.file === '' || fault.file === file),
    );
    if (at < 0) return null;
    if (this.faults[at]!.after-- > 0) return null;
    const [fault] = this.faults.splice(at, 1);
    return new DiskError(fault!.code, operation, file, 'injected');
  }
}

class SimFile implements DiskFile {
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

  readSync(offset: number, length: number): Uint8Array {
    this.checkOpen();
    this.disk.throwIfCut();
    const error = this.disk.failRead(this.name);
    if (error !== null) throw error;
    return this.inode.cached.slice(offset, offset + length);
  }

  writeSync(offset: number, bytes: Uint8Array): void {
    this.checkOpen();
    this.disk.change('write', this.name);
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
    const finish: DiskDone = (error) => done(error ?? full);
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

  private put(offset: number, bytes: Uint8Array): void {
    const { inode } = this;
    const end = offset + bytes.length;
    this.disk.throwIfFull(end - inode.cached.length, this.name);
    inode.cached = overwritten(inode.cached, offset, bytes);
    inode.pending.push({ offset, bytes: bytes.slice() });
  }

  private settle(writes: readonly PendingWrite[]): void {
    const { inode } = this;
    for (const { offset, bytes } of writes) {
      inode.durable = overwritten(inode.durable, offset, bytes);
    }
  }

  private forget(writes: readonly PendingWrite[]): void {
    this.inode.pending = this.inode.pending.filter((write) => !writes.includes(write));
  }

  private checkOpen(): void {
    assert(!this.closed, () => `${this.name} is closed`);
  }
}

function inodeOf(change: NameChange): Inode[] {
  return change.kind === 'remove' ? [] : [change.inode];
}

function applyNames(names: Map<string, Inode>, changes: readonly NameChange[]): void {
  for (const change of changes) {
    switch (change.kind) {
      case 'create':
        names.set(change.name, change.inode);
        break;
      case 'rename':
        if (names.get(change.from) === change.inode) names.delete(change.from);
        names.set(change.to, change.inode);
        break;
      case 'remove':
        names.delete(change.name);
        break;
    }
  }
}
