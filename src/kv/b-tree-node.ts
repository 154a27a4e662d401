import type { Address } from './slab.ts';

/** Cells of a leaf, and children of an inner node. */
export const NODE_MAX = 64;
/** Every node has at least that many but the root and the last leaf (see `splitLeaf`). */
export const NODE_MIN = NODE_MAX / 2;

/** What all keys of the node begin with has to be found out by the next search. */
const UNKNOWN = -1;
/** Where the words of all keys differ in no more than these bits, the keys have two more bytes in
 *  common, and the words had better be those behind them. */
const NARROW_BITS = 16;

/** What leaves and inner nodes have in common. */
interface Cells {
  /** The addresses in the order of their keys; from NODE_MAX on, the word of each. */
  readonly cells: Int32Array;
  count: number;
  /**
   * How many bytes the keys of the node are known to begin with in common. The word of each is the four
   * bytes behind those: so a search compares numbers that lie side by side, and looks at a cell,
   * which may lie anywhere, only where two words are the same. (Prefix truncation and poor man's
   * normalized keys: Graefe, Modern B-Tree Techniques, 2011, §3.5.)
   */
  shared: number;
}

export interface Leaf extends Cells {
  readonly leaf: true;
  /** The leaf to the right. */
  next: Leaf | null;
}

/** cells[i] is the first cell below children[i]; so a separator is never a copy of a key, nor of one
 *  that is gone. */
export interface Inner extends Cells {
  readonly leaf: false;
  readonly children: Node[];
}

export type Node = Leaf | Inner;

/** What the tree asks of cells: their keys, and the order of those. */
export interface CellKeys {
  /** Below 0 when key[from, to) comes before the key of the cell, 0 when it is that key. */
  compare(key: Uint8Array, from: number, to: number, address: Address): number;
  /** 0 when key[from, to) begins with the first `length` bytes of the cell's key, which it has; else
   *  below or above 0, as it comes before or behind all keys that do. */
  compareStart(key: Uint8Array, from: number, to: number, address: Address, length: number): number;
  /** How many bytes two keys have in common at their beginning, at most `max`; that they share the
   *  first `from` is known. */
  sharedBytes(a: Address, b: Address, from: number, max: number): number;
  /** Four bytes of the key from `at` on, the first one highest; zeros behind its end. */
  keyWord(address: Address, at: number): number;
}

export function newLeaf(): Leaf {
  return { leaf: true, cells: new Int32Array(2 * NODE_MAX), count: 0, shared: UNKNOWN, next: null };
}

export function newInner(): Inner {
  const cells = new Int32Array(2 * NODE_MAX);
  return { leaf: false, cells, count: 0, shared: UNKNOWN, children: [] };
}

/** Makes the order of words, which are signed, that of their bytes. */
export function inOrder(word: number): number {
  return word ^ (1 << 31);
}

/** Sees to it that the words of the node are known. */
export function learn(node: Node, keys: CellKeys): void {
  const { cells, count } = node;
  if (node.shared !== UNKNOWN || count === 0) return;
  // What the first and the last have in common, all between them have.
  node.shared = keys.sharedBytes(cells[0]!, cells[count - 1]!, 0, Number.POSITIVE_INFINITY);
  for (let i = 0; i < count; i++) {
    cells[NODE_MAX + i] = inOrder(keys.keyWord(cells[i]!, node.shared));
  }
}

/** Whether the words are those of the cells. For tests. */
export function isSound(node: Node, keys: CellKeys): boolean {
  const { cells, count, shared } = node;
  if (shared === UNKNOWN) return true;
  for (let i = 0; i < count; i++) {
    if (keys.sharedBytes(cells[0]!, cells[i]!, 0, shared) < shared) return false;
    if (cells[NODE_MAX + i] !== inOrder(keys.keyWord(cells[i]!, shared))) return false;
  }
  return true;
}

/** The words are to be found out anew: cells have come or gone by the dozen. */
export function forget(node: Node): void {
  node.shared = UNKNOWN;
}

/** To be called when half of the node is gone: what is left may have more in common. */
export function narrow(node: Node): void {
  const { cells, count } = node;
  if (count === 0) return;
  const differ = cells[NODE_MAX]! ^ cells[NODE_MAX + count - 1]!;
  if (differ >>> NARROW_BITS === 0) forget(node);
}

export function insertCell(node: Node, at: number, address: Address, keys: CellKeys): void {
  const { cells, count } = node;
  for (let i = count; i > at; i--) {
    cells[i] = cells[i - 1]!;
    cells[NODE_MAX + i] = cells[NODE_MAX + i - 1]!;
  }
  node.count++;
  putCell(node, at, address, keys);
}

export function removeCell(node: Node, at: number): void {
  const { cells } = node;
  node.count--;
  for (let i = at; i < node.count; i++) {
    cells[i] = cells[i + 1]!;
    cells[NODE_MAX + i] = cells[NODE_MAX + i + 1]!;
  }
}

/** Puts a cell at a place where its key is in order. */
export function putCell(node: Node, at: number, address: Address, keys: CellKeys): void {
  const { cells, count, shared } = node;
  cells[at] = address;
  if (shared === UNKNOWN) return;
  const other = cells[at === 0 ? count - 1 : 0]!;
  if (keys.sharedBytes(other, address, 0, shared) < shared) forget(node);
  else cells[NODE_MAX + at] = inOrder(keys.keyWord(address, shared));
}

/** Copies cells[from, count) to the front of a node that is empty. */
export function copyCells(node: Node, from: number, into: Node): void {
  const { cells, count, shared } = node;
  into.cells.set(cells.subarray(from, count));
  into.cells.set(cells.subarray(NODE_MAX + from, NODE_MAX + count), NODE_MAX);
  into.count = count - from;
  into.shared = shared;
}
