import { assert } from '../base/assert.ts';
import {
  type CellKeys,
  copyCells,
  forget,
  type Inner,
  inOrder,
  insertCell,
  isSound,
  type Leaf,
  learn,
  NODE_MAX,
  NODE_MIN,
  type Node,
  narrow,
  newInner,
  newLeaf,
  putCell,
  removeCell,
} from './b-tree-node.ts';
import type { Address } from './slab.ts';

/**
 * Cells in the order of the bytes of their keys: a B+tree whose leaves are linked. It holds nothing
 * but addresses and a word of each key, in arrays that the garbage collector need not look into.
 */
export class BTree {
  private readonly keys: CellKeys;
  private root: Node = newLeaf();
  private count = 0;
  // The key of the call that runs.
  private key: Uint8Array = new Uint8Array(0);
  private from = 0;
  private to = 0;

  constructor(keys: CellKeys) {
    this.keys = keys;
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
      assert(isSound(node, this.keys), () => 'words that are not those of the keys');
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
    return this.keys.compare(this.key, this.from, this.to, address);
  }

  /** How many cells of the node do not come behind the key. */
  private notAbove(node: Node): number {
    learn(node, this.keys);
    const { key, from, to } = this;
    const { cells, count, shared } = node;
    if (count === 0) return 0;
    if (shared > 0) {
      const side = this.keys.compareStart(key, from, to, cells[0]!, shared);
      if (side !== 0) return side < 0 ? 0 : count;
    }
    const word = inOrder(wordAt(key, from + shared, to));
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = cells[NODE_MAX + middle]!;
      const isAbove = other === word ? this.compareTo(cells[middle]!) < 0 : other > word;
      if (isAbove) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** @returns the new right neighbour of a node that had to be split. */
  private insert(node: Node, address: Address): Node | null {
    const behind = this.notAbove(node);
    if (node.leaf) {
      const split = node.count === NODE_MAX ? splitLeaf(node, behind) : null;
      if (split !== null && (behind > node.count || split.count === 0)) {
        insertCell(split, behind - node.count, address, this.keys);
      } else insertCell(node, behind, address, this.keys);
      return split;
    }
    const at = Math.max(0, behind - 1);
    const child = node.children[at]!;
    const right = this.insert(child, address);
    this.separate(node, at);
    if (right === null) return null;
    if (node.count < NODE_MAX) {
      this.insertChild(node, at + 1, right);
      return null;
    }
    const split = splitInner(node);
    if (at + 1 <= node.count) this.insertChild(node, at + 1, right);
    else this.insertChild(split, at + 1 - node.count, right);
    return split;
  }

  private takeOut(node: Node): void {
    const at = this.notAbove(node) - 1;
    if (node.leaf) {
      removeCell(node, at);
      return;
    }
    const child = node.children[at]!;
    this.takeOut(child);
    if (child.count > 0) this.separate(node, at);
    if (child.count < NODE_MIN) this.mend(node, at);
  }

  private insertChild(inner: Inner, at: number, child: Node): void {
    insertCell(inner, at, child.cells[0]!, this.keys);
    inner.children.splice(at, 0, child);
  }

  /** What is below the child may begin with another cell now. */
  private separate(inner: Inner, at: number): void {
    const first = inner.children[at]!.cells[0]!;
    if (inner.cells[at] !== first) putCell(inner, at, first, this.keys);
  }

  /** Mends children[at], which has become too narrow: merges it with a neighbour, or, where one node
   *  can't hold both, shares out evenly. */
  private mend(parent: Inner, at: number): void {
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
    forget(left);
    forget(right);
    if (left.count > 0) this.separate(parent, leftAt);
    if (right.count > 0) {
      this.separate(parent, leftAt + 1);
      return;
    }
    if (left.leaf && right.leaf) left.next = right.next;
    removeCell(parent, leftAt + 1);
    parent.children.splice(leftAt + 1, 1);
  }
}

/** As the last child of a node that has not been searched yet. */
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
    copyCells(leaf, NODE_MIN, right);
    leaf.count = NODE_MIN;
    narrow(leaf);
    narrow(right);
  }
  right.next = leaf.next;
  leaf.next = right;
  return right;
}

function splitInner(inner: Inner): Inner {
  const right = newInner();
  copyCells(inner, NODE_MIN, right);
  right.children.push(...inner.children.splice(NODE_MIN));
  inner.count = NODE_MIN;
  narrow(inner);
  narrow(right);
  return right;
}

function isLastLeaf(node: Node): boolean {
  return node.leaf && node.next === null;
}

/** Four bytes from `at` on, the first one highest; zeros behind `to`. */
function wordAt(bytes: Uint8Array, at: number, to: number): number {
  let word = 0;
  const end = Math.min(at + 4, to);
  for (let i = at; i < end; i++) word |= bytes[i]! << (8 * (3 - (i - at)));
  return word;
}
