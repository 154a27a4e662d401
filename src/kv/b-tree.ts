import { assert } from '../base/assert.ts';
import type { Address } from './slab.ts';

/** Cells of a leaf, and children of an inner node. */
export const NODE_MAX = 64;
/** Every node has at least that many but the root and the last leaf (see `splitLeaf`). */
const NODE_MIN = NODE_MAX / 2;

export interface Leaf {
  readonly leaf: true;
  readonly cells: Int32Array;
  count: number;
  /** The leaf to the right. */
  next: Leaf | null;
}

export interface Inner {
  readonly leaf: false;
  /** cells[i] is the first cell below children[i]; so a separator is never a copy of a key, nor of
   *  one that is gone. */
  readonly cells: Int32Array;
  readonly children: Node[];
  count: number;
}

export type Node = Leaf | Inner;

/** What tells cells apart: the order of their keys. */
export interface CellOrder {
  /** Below 0 when key[from, to) comes before the key of the cell, 0 when it is that key. */
  compare(key: Uint8Array, from: number, to: number, address: Address): number;
}

/**
 * Cells in the order of the bytes of their keys: a B+tree whose leaves are linked. It holds nothing
 * but addresses, in arrays that the garbage collector need not look into.
 */
export class BTree {
  private readonly order: CellOrder;
  private root: Node = newLeaf();
  private count = 0;
  // The key of the call that runs.
  private key: Uint8Array = new Uint8Array(0);
  private from = 0;
  private to = 0;

  constructor(order: CellOrder) {
    this.order = order;
  }

  get size(): number {
    return this.count;
  }

  /** The cell has the key[from, to), which must not be there yet. */
  add(address: Address, key: Uint8Array, from: number, to: number): void {
    this.search(key, from, to);
    const right = this.insert(this.root, address);
    if (right !== null) {
      const root = newInner();
      adopt(root, 0, this.root);
      adopt(root, 1, right);
      this.root = root;
    }
    this.count++;
  }

  /** The cell of key[from, to), which must be there, has moved. */
  move(address: Address, key: Uint8Array, from: number, to: number): void {
    this.search(key, from, to);
    let node = this.root;
    for (;;) {
      const at = this.notAbove(node) - 1;
      // The key is the first of everything below: so it is named on the whole way down.
      if (node.leaf || this.compareTo(node.cells[at]!) === 0) node.cells[at] = address;
      if (node.leaf) return;
      node = node.children[at]!;
    }
  }

  /** The key[from, to) must be there, and its cell not be given back yet. */
  remove(key: Uint8Array, from: number, to: number): void {
    this.search(key, from, to);
    this.takeOut(this.root);
    this.count--;
    if (!this.root.leaf && this.root.count === 1) this.root = this.root.children[0]!;
  }

  clear(): void {
    this.plant(newLeaf(), 0);
  }

  /** Holds what is below `root` from now on.
   *  @param count so many cells. */
  plant(root: Node, count: number): void {
    this.root = root;
    this.count = count;
  }

  /** The cells from the first whose key is not below key[from, to), in order. The tree must not
   *  change while this runs. */
  *notBelow(key: Uint8Array, from: number, to: number): Generator<Address, void> {
    this.search(key, from, to);
    let node = this.root;
    while (!node.leaf) node = node.children[Math.max(0, this.notAbove(node) - 1)]!;
    const upper = this.notAbove(node);
    let at = upper > 0 && this.compareTo(node.cells[upper - 1]!) === 0 ? upper - 1 : upper;
    for (let leaf: Leaf | null = node; leaf !== null; leaf = leaf.next, at = 0) {
      for (; at < leaf.count; at++) yield leaf.cells[at]!;
    }
  }

  /** Throws an AssertionError where the tree is not well-formed. For tests: it visits every cell.
   *  @returns how many leaves there are. */
  check(): number {
    const leaves: Leaf[] = [];
    const depths = new Set<number>();
    const visit = (node: Node, depth: number): void => {
      assert(node.count <= NODE_MAX, () => `a node of ${node.count}`);
      const least = node === this.root ? (node.leaf ? 0 : 2) : isLastLeaf(node) ? 1 : NODE_MIN;
      assert(node.count >= least, () => `a node of ${node.count}, not ${least}`);
      if (node.leaf) {
        depths.add(depth);
        leaves.push(node);
        return;
      }
      assert(node.children.length === node.count, () => 'children and count do not match');
      node.children.forEach((child, i) => {
        assert(child.cells[0] === node.cells[i], () => `child ${i} begins with another cell`);
        visit(child, depth + 1);
      });
    };
    visit(this.root, 0);
    assert(depths.size === 1, () => 'leaves at different depths');
    leaves.forEach((leaf, i) => {
      assert(leaf.next === (leaves[i + 1] ?? null), () => `leaf ${i} is linked wrongly`);
    });
    const total = leaves.reduce((sum, leaf) => sum + leaf.count, 0);
    assert(total === this.count, () => `${total} cells, but a count of ${this.count}`);
    return leaves.length;
  }

  private search(key: Uint8Array, from: number, to: number): void {
    this.key = key;
    this.from = from;
    this.to = to;
  }

  private compareTo(address: Address): number {
    return this.order.compare(this.key, this.from, this.to, address);
  }

  /** How many cells of the node do not come behind the key. */
  private notAbove(node: Node): number {
    const { cells } = node;
    let low = 0;
    let high = node.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compareTo(cells[middle]!) >= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @returns the new right neighbour of a node that had to be split. */
  private insert(node: Node, address: Address): Node | null {
    const behind = this.notAbove(node);
    if (node.leaf) {
      const split = node.count === NODE_MAX ? splitLeaf(node, behind) : null;
      if (split !== null && (behind > node.count || split.count === 0)) {
        insertCell(split, behind - node.count, address);
      } else insertCell(node, behind, address);
      return split;
    }
    const at = Math.max(0, behind - 1);
    const child = node.children[at]!;
    const right = this.insert(child, address);
    node.cells[at] = child.cells[0]!;
    if (right === null) return null;
    if (node.count < NODE_MAX) {
      insertChild(node, at + 1, right);
      return null;
    }
    const split = splitInner(node);
    if (at + 1 <= node.count) insertChild(node, at + 1, right);
    else insertChild(split, at + 1 - node.count, right);
    return split;
  }

  private takeOut(node: Node): void {
    const at = this.notAbove(node) - 1;
    if (node.leaf) {
      node.cells.copyWithin(at, at + 1, node.count);
      node.count--;
      return;
    }
    const child = node.children[at]!;
    this.takeOut(child);
    if (child.count > 0) node.cells[at] = child.cells[0]!;
    if (child.count < NODE_MIN) mend(node, at);
  }
}

export function newLeaf(): Leaf {
  return { leaf: true, cells: new Int32Array(NODE_MAX), count: 0, next: null };
}

export function newInner(): Inner {
  return { leaf: false, cells: new Int32Array(NODE_MAX), children: [], count: 0 };
}

function insertCell(node: Node, at: number, address: Address): void {
  node.cells.copyWithin(at + 1, at, node.count);
  node.cells[at] = address;
  node.count++;
}

function insertChild(inner: Inner, at: number, child: Node): void {
  insertCell(inner, at, child.cells[0]!);
  inner.children.splice(at, 0, child);
}

/** As the last child. */
export function adopt(inner: Inner, at: number, child: Node): void {
  inner.cells[at] = child.cells[0]!;
  inner.children[at] = child;
  inner.count = at + 1;
}

/** Keys that arrive in order fill their leaves: at the right end of the tree, a leaf that is full
 *  stays so, and what comes behind it begins a new one. Every other one is halved. */
function splitLeaf(leaf: Leaf, insertAt: number): Leaf {
  const appends = leaf.next === null && insertAt === leaf.count;
  const right = newLeaf();
  if (!appends) {
    right.cells.set(leaf.cells.subarray(NODE_MIN, leaf.count));
    right.count = leaf.count - NODE_MIN;
    leaf.count = NODE_MIN;
  }
  right.next = leaf.next;
  leaf.next = right;
  return right;
}

function splitInner(inner: Inner): Inner {
  const right = newInner();
  for (const child of inner.children.splice(NODE_MIN)) adopt(right, right.count, child);
  inner.count = NODE_MIN;
  return right;
}

/** Mends children[at], which has become too narrow: merges it with a neighbour, or, where one node
 *  can't hold both, shares out evenly. */
function mend(parent: Inner, at: number): void {
  const leftAt = at === 0 ? 0 : at - 1;
  const left = parent.children[leftAt]!;
  const right = parent.children[leftAt + 1]!;
  const total = left.count + right.count;
  const keep = total > NODE_MAX ? total >> 1 : total;
  const cells = new Int32Array(total);
  cells.set(left.cells.subarray(0, left.count));
  cells.set(right.cells.subarray(0, right.count), left.count);
  if (!left.leaf && !right.leaf) {
    const children = left.children.concat(right.children);
    right.children.length = 0;
    right.children.push(...children.splice(keep));
    left.children.length = 0;
    left.children.push(...children);
  }
  left.cells.set(cells.subarray(0, keep));
  left.count = keep;
  right.cells.set(cells.subarray(keep));
  right.count = total - keep;
  if (left.count > 0) parent.cells[leftAt] = left.cells[0]!;
  if (right.count > 0) {
    parent.cells[leftAt + 1] = right.cells[0]!;
    return;
  }
  if (left.leaf && right.leaf) left.next = right.next;
  parent.cells.copyWithin(leftAt + 1, leftAt + 2, parent.count);
  parent.children.splice(leftAt + 1, 1);
  parent.count--;
}

function isLastLeaf(node: Node): boolean {
  return node.leaf && node.next === null;
}
