import { BTree } from './b-tree.ts';
import { buildTree } from './b-tree-builder.ts';
import type { Cells } from './cells.ts';
import type { CreationOrder } from './creation-order.ts';
import { KeySort } from './key-sort.ts';
import { type Address, NOWHERE } from './slab.ts';

/** What is done in one go, in cells looked at. */
const SLICE = 1024;
/** To add a cell to the tree costs as much as to look at so many. */
const ADD_UNITS = 16;
/** No serial is greater: every cell is in the tree. */
const ALL = Number.POSITIVE_INFINITY;

/**
 * The order of the keys: a tree, which may be postponed. To add a key to it costs more than all
 * else that a new key costs (some twenty looks at other keys, each somewhere else in memory), and
 * while a node replays its log nobody asks for the order. So the cells wait, and are sorted together
 * when the log is through, in slices, while commands are applied on: a third of the work, and none
 * of it between a start and its end.
 *
 * What has been replaced or removed while it is being sorted stays in memory until that is done, so
 * a sort never sees anything change.
 */
export class KeyOrder {
  private readonly cells: Cells;
  private readonly creation: CreationOrder;
  private readonly tree: BTree;
  /** Cells up to this serial are in the tree, and no others. */
  private upTo = ALL;
  /** Cells up to this serial are being sorted. */
  private sortingUpTo = 0;
  /** What became of those meanwhile: where each was, and where it is; NOWHERE: it is gone. */
  private changes: [before: Address, after: Address][] = [];
  private work: Generator<number, void> | null = null;

  /** @param tree of all cells in `creation`. */
  constructor(cells: Cells, creation: CreationOrder, tree = new BTree(cells)) {
    this.cells = cells;
    this.creation = creation;
    this.tree = tree;
  }

  /** Nothing is put in order until `arrange`. There must be nothing yet that is. */
  postpone(): void {
    this.upTo = 0;
  }

  /** The cell has the key[from, to), which must not be there yet, and the greatest serial. */
  add(address: Address, key: Uint8Array, from: number, to: number): void {
    if (this.upTo === ALL) this.tree.add(address, key, from, to);
  }

  /** The cell of key[from, to), which must be there, has moved. The one before is given back. */
  move(before: Address, after: Address, key: Uint8Array, from: number, to: number): void {
    if (this.isBeingSorted(before)) {
      this.changes.push([before, after]);
      return;
    }
    if (this.isInTree(before)) this.tree.move(after, key, from, to);
    this.cells.free(before);
  }

  /** The key[from, to) is gone. Its cell is given back. */
  remove(address: Address, key: Uint8Array, from: number, to: number): void {
    if (this.isBeingSorted(address)) {
      this.changes.push([address, NOWHERE]);
      return;
    }
    if (this.isInTree(address)) this.tree.remove(key, from, to);
    this.cells.free(address);
  }

  /** The cells from the first whose key is not below key[from, to), in order. Where the order was
   *  postponed, it is made first. Nothing may change while this runs. */
  notBelow(key: Uint8Array, from: number, to: number): Generator<Address, void> {
    while (this.arrange(Number.POSITIVE_INFINITY));
    return this.tree.notBelow(key, from, to);
  }

  /**
   * Puts in order what was postponed.
   * @param workMax about so much is done, in looks at a cell.
   * @returns whether there is more to do.
   */
  arrange(workMax: number): boolean {
    if (this.upTo === ALL) return false;
    this.work ??= this.arranging();
    for (let work = 0; work < workMax; ) {
      const step = this.work.next();
      if (step.done === true) return false;
      work += step.value;
    }
    return true;
  }

  /** As `arrange`, for who does it all. Yields what each slice has cost.
   *  @throws MalformedState where a key is there twice. */
  *arranging(): Generator<number, void> {
    if (this.creation.size > 0) yield* this.sortAll();
    yield* this.addYounger();
    this.work = null;
  }

  private isInTree(address: Address): boolean {
    return this.upTo === ALL || this.cells.serial(address) <= this.upTo;
  }

  private isBeingSorted(address: Address): boolean {
    return this.sortingUpTo > 0 && this.cells.serial(address) <= this.sortingUpTo;
  }

  private *sortAll(): Generator<number, void> {
    const { cells, creation, tree } = this;
    const addresses = creation.addresses();
    this.sortingUpTo = cells.serial(addresses.at(-1)!);
    const keys = new KeySort(cells, addresses.length);
    let shared = cells.keyLength(addresses[0]!);
    for (let at = 0; at < addresses.length; at++) {
      const address = addresses[at]!;
      keys.put(at, address);
      shared = cells.sharedBytes(addresses[0]!, address, 0, shared);
      if (at % SLICE === 0) yield SLICE;
    }
    yield* keys.sort(shared);
    yield* buildTree(tree, keys.addresses);
    this.catchUpWithChanges();
  }

  private catchUpWithChanges(): void {
    const { cells, tree, changes } = this;
    for (const [before, after] of changes) {
      const bytes = cells.bytes(before);
      const from = cells.keyFrom(before);
      const to = from + cells.keyLength(before);
      if (after === NOWHERE) tree.remove(bytes, from, to);
      else tree.move(after, bytes, from, to);
    }
    for (const [before] of changes) cells.free(before);
    this.changes = [];
    this.upTo = this.sortingUpTo;
    this.sortingUpTo = 0;
  }

  /** Those that came meanwhile, until there are no more. */
  private *addYounger(): Generator<number, void> {
    const { cells, creation, tree } = this;
    for (let more = true; more; ) {
      more = false;
      let work = 0;
      for (const address of creation.oldestFrom(this.upTo + 1)) {
        const from = cells.keyFrom(address);
        tree.add(address, cells.bytes(address), from, from + cells.keyLength(address));
        this.upTo = cells.serial(address);
        work += ADD_UNITS;
        more = work >= SLICE;
        if (more) break;
      }
      if (more) yield work;
    }
    this.upTo = ALL;
  }
}
