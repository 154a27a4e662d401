import { EMPTY_BYTES } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from '../storage/disk.ts';
import { SimFile } from './file.ts';
import { crashInode, Inode, overwritten } from './inode.ts';
import type { DurableChange } from './observer.ts';

export type DiskOperation = 'read' | 'write' | 'sync' | 'create' | 'rename' | 'remove';

/** A simulated power cut: what a synchronous call throws once the disk has stopped. Not a DiskError:
 *  no code under test may go on after it. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** Sees what becomes durable, and what is lost. */
export interface DiskWatch {
  durable(change: DurableChange): void;
  /** @param names the watch's to keep: they don't change any more. */
  directory(names: ReadonlyMap<string, number>): void;
}

/** Lets operations fail by chance. */
export interface DiskFaults {
  /** The code with which this operation fails; null: it does not. */
  errorOf(operation: DiskOperation, file: string): string | null;
  /** How much of a write that fails has been written nevertheless. */
  partOf(length: number): number;
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
  /** Called once, inside the operation that no longer happens. */
  onPowerCut: () => void = () => {};
  faults: DiskFaults | null = null;

  private readonly later: (callback: () => void) => void;
  private readonly watch: DiskWatch | null;
  private inodes = 0;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private nameChanges: NameChange[] = [];
  private planned: Fault[] = [];
  /** Grows at each crash: what was under way before never calls back. */
  private epoch = 0;

  /** @param later calls back later, in the order and at the time that the simulation likes. */
  constructor(later: (callback: () => void) => void, watch: DiskWatch | null = null) {
    this.later = later;
    this.watch = watch;
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
      this.tell(existing, 0, EMPTY_BYTES, 'sync');
      return new SimFile(this, name, existing);
    }
    const inode = new Inode(++this.inodes, name);
    this.names.set(name, inode);
    this.nameChanges.push({ kind: 'create', name, inode });
    return new SimFile(this, name, inode);
  }

  rename(from: string, to: string): void {
    this.change('rename', from);
    const inode = this.names.get(from);
    if (inode === undefined) throw new DiskError('ENOENT', 'rename', from);
    const replaced = this.names.get(to);
    if (replaced !== undefined) replaced.path = '';
    this.names.delete(from);
    this.names.set(to, inode);
    inode.path = to;
    this.nameChanges.push({ kind: 'rename', from, to, inode });
  }

  remove(name: string): void {
    if (!this.removed(name)) throw new DiskError('ENOENT', 'remove', name);
  }

  removeIfThere(name: string): void {
    this.removed(name);
  }

  syncDirectorySync(): void {
    this.change('sync', '.');
    this.settleNames(this.nameChanges.length);
  }

  syncDirectory(done: DiskDone): void {
    this.start('sync', '.', done, () => {
      const covered = this.nameChanges.length;
      return () => this.settleNames(covered);
    });
  }

  /** The next operation of this kind (on this file, or any) fails with this code. */
  failNext(operation: DiskOperation, code: string, file = ''): void {
    this.planned.push({ operation, code, file, after: 0 });
  }

  /** As `failNext`, but `after` operations of this kind go well first. */
  failLater(operation: DiskOperation, code: string, after: number): void {
    this.planned.push({ operation, code, file: '', after });
  }

  /** Whether bytes were written that no sync covers yet: a power loss now could tear them. */
  get hasUnsynced(): boolean {
    for (const { pending } of this.names.values()) if (pending.length > 0) return true;
    return false;
  }

  /** How long the longest write to such a file is that no sync covers yet; 0: there is none. */
  longestUnsynced(isIt: (name: string) => boolean): number {
    let longest = 0;
    for (const [name, { pending }] of this.names) {
      if (pending.length === 0 || !isIt(name)) continue;
      for (const { bytes } of pending) longest = Math.max(longest, bytes.length);
    }
    return longest;
  }

  /** A power loss: keeps what is durable, and of the rest what chance leaves of it. Every file that
   *  was open is closed, and nothing that was under way calls back. */
  crash(prng: Prng): void {
    const survived = this.nameChanges.filter(() => prng.chance(0.5));
    const inodes = new Set([...this.durableNames.values(), ...survived.flatMap(inodeOf)]);
    applyNames(this.durableNames, survived);
    this.nameChanges = [];
    for (const inode of inodes) {
      crashInode(inode, prng, (offset, bytes) => this.tell(inode, offset, bytes, 'crash'));
    }
    this.stop();
    this.names = new Map(this.durableNames);
    for (const [name, inode] of this.names) inode.path = name;
    this.tellNames();
  }

  /** Puts these bytes in the place of what was synced, and of what reads see. */
  damage(name: string, offset: number, bytes: Uint8Array): void {
    const inode = this.names.get(name);
    if (inode === undefined) throw new DiskError('ENOENT', 'write', name);
    inode.durable = overwritten(inode.durable, offset, bytes);
    inode.cached = overwritten(inode.cached, offset, bytes);
    this.tell(inode, offset, bytes, 'damage');
  }

  /** Exchanges everything for these files, all of them durable. */
  replace(image: ReadonlyMap<string, Uint8Array>): void {
    this.stop();
    this.names = new Map();
    this.durableNames = new Map();
    this.nameChanges = [];
    for (const [name, bytes] of image) {
      const inode = new Inode(++this.inodes, name);
      inode.cached = bytes.slice();
      inode.durable = bytes.slice();
      this.names.set(name, inode);
      this.durableNames.set(name, inode);
      this.tell(inode, 0, inode.durable, 'damage');
    }
    this.tellNames();
  }

  /** A file's contents as a crash now would leave them at the worst; null: no such durable file. */
  durableFile(name: string): Uint8Array | null {
    return this.durableNames.get(name)?.durable ?? null;
  }

  /** All that the files hold, in bytes. */
  get usedBytes(): number {
    let bytes = 0;
    for (const inode of this.names.values()) bytes += inode.cached.length;
    return bytes;
  }

  /** How long each file is, by its name. */
  get sizes(): ReadonlyMap<string, number> {
    return new Map([...this.names].map(([name, { cached }]) => [name, cached.length]));
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
    disk.replace(image);
    return disk;
  }

  /** @internal Counts an operation that changes something, and fails it where a fault is due. */
  change(operation: DiskOperation, file: string): void {
    this.count();
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
    this.count();
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

  /** @internal How much of so many more bytes there is room for. */
  roomFor(more: number): number {
    if (more <= 0 || this.capacityBytes === Number.POSITIVE_INFINITY) return more;
    return Math.max(0, Math.min(more, this.capacityBytes - this.usedBytes));
  }

  /** @internal */
  tell(inode: Inode, offset: number, bytes: Uint8Array, cause: DurableChange['cause']): void {
    if (this.watch === null) return;
    const { number, path, durable } = inode;
    this.watch.durable({ inode: number, path, offset, bytes, size: durable.length, cause });
  }

  /** Whether there was such a file. To ask is an operation, too. */
  private removed(name: string): boolean {
    this.change('remove', name);
    const inode = this.names.get(name);
    if (inode === undefined) return false;
    this.names.delete(name);
    inode.path = '';
    this.nameChanges.push({ kind: 'remove', name });
    return true;
  }

  private settleNames(count: number): void {
    applyNames(this.durableNames, this.nameChanges.splice(0, count));
    this.tellNames();
  }

  private tellNames(): void {
    if (this.watch === null) return;
    const names = new Map<string, number>();
    for (const [name, { number }] of this.durableNames) names.set(name, number);
    this.watch.directory(names);
  }

  private count(): void {
    this.operations++;
    if (this.operations === this.cutPowerAt) this.onPowerCut();
  }

  private get isCut(): boolean {
    return this.operations >= this.cutPowerAt;
  }

  private stop(): void {
    this.epoch++;
    this.cutPowerAt = Number.POSITIVE_INFINITY;
    this.planned = [];
  }

  private dueFault(operation: DiskOperation, file: string): DiskError | null {
    const at = this.planned.findIndex(
      (fault) => fault.operation === operation && (fault.file === '' || fault.file === file),
    );
    if (at < 0) {
      const code = this.faults?.errorOf(operation, file) ?? null;
      return code === null ? null : new DiskError(code, operation, file, 'injected');
    }
    if (this.planned[at]!.after-- > 0) return null;
    const [fault] = this.planned.splice(at, 1);
    return new DiskError(fault!.code, operation, file, 'injected');
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
