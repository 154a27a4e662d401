import type { Prng } from '../../base/prng.ts';
import { overwritten } from '../inode.ts';
import type { Image, InodeId, Operation, RecordingDisk } from './recording-disk.ts';

const SECTOR_BYTES = 512;

/** How many of the states that a crash could leave at one instant are looked at. */
export interface Bounds {
  /** All of them, where there are no more than this; … */
  readonly statesMax: number;
  /** … of more, this many, drawn by chance: nothing and everything lost are always among them. */
  readonly samples: number;
}

interface Write {
  readonly at: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface File {
  durable: Uint8Array;
  pending: Write[];
}

type NameOperation = Extract<Operation, { kind: 'create' | 'rename' | 'remove' }>;

/** One thing that a crash decides, independently of the others: which of these it is. */
type Choice =
  | { readonly kind: 'sector'; readonly inode: InodeId; at: number; versions: Uint8Array[] }
  | { readonly kind: 'size'; readonly inode: InodeId; readonly versions: number[] }
  | { readonly kind: 'name'; readonly change: NameOperation; readonly versions: boolean[] };

/**
 * What a crash could leave of a recorded disk. It is walked from operation to operation; at each
 * instant, of all that no sync covers, a crash may keep any part: of each sector any version since
 * the durable one, of each file any length that it had, of the changes of names any subset.
 */
export class Reachable {
  private readonly operations: readonly Operation[];
  private readonly files = new Map<InodeId, File>();
  private readonly names = new Map<string, InodeId>();
  private changes: { readonly at: number; readonly change: NameOperation }[] = [];
  /** How many operations have been made. */
  private done = 0;

  constructor(disk: RecordingDisk) {
    this.operations = disk.operations;
    let inode = 0;
    for (const [name, bytes] of disk.before) {
      this.names.set(name, inode);
      this.files.set(inode, { durable: bytes.slice(), pending: [] });
      inode++;
    }
  }

  /** Makes the next operation; false when there is none. */
  step(): boolean {
    const operation = this.operations[this.done];
    if (operation === undefined) return false;
    this.make(operation);
    this.done++;
    return true;
  }

  /** The states that a crash could leave now. */
  *images(bounds: Bounds, random: Prng): Generator<Image> {
    const choices = this.choices();
    const count = choices.reduce((product, { versions }) => product * versions.length, 1);
    if (count <= bounds.statesMax) {
      for (let state = 0; state < count; state++)
        yield this.imageOf(choices, digits(choices, state));
      return;
    }
    yield this.imageOf(
      choices,
      choices.map(() => 0),
    );
    yield this.imageOf(
      choices,
      choices.map(({ versions }) => versions.length - 1),
    );
    for (let i = 2; i < bounds.samples; i++) {
      // Some crashes lose nearly everything, others nearly nothing.
      const keep = random.float();
      const picks = choices.map(({ versions }) =>
        random.chance(keep) ? versions.length - 1 : random.below(versions.length),
      );
      yield this.imageOf(choices, picks);
    }
  }

  private make(operation: Operation): void {
    switch (operation.kind) {
      case 'write': {
        const { inode, offset, bytes } = operation;
        this.files.get(inode)!.pending.push({ at: this.done, offset, bytes });
        return;
      }
      case 'sync': {
        const file = this.files.get(operation.inode)!;
        for (const { at, offset, bytes } of file.pending) {
          if (at < operation.covers) file.durable = overwritten(file.durable, offset, bytes);
        }
        file.pending = file.pending.filter(({ at }) => at >= operation.covers);
        return;
      }
      case 'empty':
        // At once, durably or not, as a journal may have it.
        this.files.set(operation.inode, { durable: new Uint8Array(0), pending: [] });
        return;
      case 'sync-names':
        for (const { at, change } of this.changes) {
          if (at < operation.covers) apply(this.names, change);
        }
        this.changes = this.changes.filter(({ at }) => at >= operation.covers);
        return;
      default:
        if (operation.kind === 'create') {
          this.files.set(operation.inode, { durable: new Uint8Array(0), pending: [] });
        }
        this.changes.push({ at: this.done, change: operation });
    }
  }

  private choices(): Choice[] {
    const choices: Choice[] = this.changes.map(({ change }) => {
      return { kind: 'name', change, versions: [false, true] };
    });
    for (const [inode, file] of this.files) {
      if (file.pending.length > 0) choices.push(...choicesOf(inode, file));
    }
    return choices;
  }

  private imageOf(choices: readonly Choice[], picks: readonly number[]): Image {
    const names = new Map(this.names);
    const contents = new Map<InodeId, Uint8Array>();
    const sizes = new Map<InodeId, number>();
    choices.forEach((choice, i) => {
      const pick = picks[i]!;
      if (choice.kind === 'name') {
        if (choice.versions[pick]!) apply(names, choice.change);
      } else if (choice.kind === 'size') {
        sizes.set(choice.inode, choice.versions[pick]!);
      } else if (pick > 0) {
        const { inode, at } = choice;
        const old = contents.get(inode) ?? this.files.get(inode)!.durable.slice();
        contents.set(inode, overwritten(old, at, choice.versions[pick]!));
      }
    });
    const image = new Map<string, Uint8Array>();
    for (const [name, inode] of names) {
      const bytes = contents.get(inode) ?? this.files.get(inode)!.durable;
      const whole = new Uint8Array(sizes.get(inode) ?? this.files.get(inode)!.durable.length);
      whole.set(bytes.subarray(0, whole.length));
      image.set(name, whole);
    }
    return image;
  }
}

function choicesOf(inode: InodeId, { durable, pending }: File): Choice[] {
  const sizes = [durable.length];
  const sectors = new Map<number, Uint8Array[]>();
  let cached: Uint8Array = durable.slice();
  for (const { offset, bytes } of pending) {
    const end = offset + bytes.length;
    if (end > cached.length) sizes.push(end);
    cached = overwritten(cached, offset, bytes);
    const first = Math.floor(offset / SECTOR_BYTES) * SECTOR_BYTES;
    for (let at = first; at < end; at += SECTOR_BYTES) {
      const versions = sectors.get(at) ?? [sectorOf(durable, at)];
      const version = sectorOf(cached, at);
      if (!versions.some((other) => same(other, version))) versions.push(version);
      sectors.set(at, versions);
    }
  }
  const choices: Choice[] = [];
  for (const [at, versions] of sectors) {
    if (versions.length > 1) choices.push({ kind: 'sector', inode, at, versions });
  }
  if (sizes.length > 1) choices.push({ kind: 'size', inode, versions: sizes });
  return choices;
}

/** What does not exist yet reads as zeros. */
function sectorOf(bytes: Uint8Array, at: number): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector.set(bytes.subarray(at, at + SECTOR_BYTES));
  return sector;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, i) => byte === other[i]);
}

function apply(names: Map<string, InodeId>, change: NameOperation): void {
  switch (change.kind) {
    case 'create':
      names.set(change.name, change.inode);
      return;
    case 'rename':
      if (names.get(change.from) === change.inode) names.delete(change.from);
      names.set(change.to, change.inode);
      return;
    case 'remove':
      names.delete(change.name);
      return;
  }
}

/** The picks that make up the state with this number. */
function digits(choices: readonly Choice[], state: number): number[] {
  let rest = state;
  return choices.map(({ versions }) => {
    const digit = rest % versions.length;
    rest = Math.floor(rest / versions.length);
    return digit;
  });
}
