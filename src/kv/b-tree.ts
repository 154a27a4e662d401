import { assert } from '../base/assert.ts';

/** Keys of a leaf, and children of an inner node. */
const NODE_MAX = 64;
/** Every node has at least that many but the root and the last leaf (see `splitLeaf`). */
const NODE_MIN = NODE_MAX / 2;

interface Leaf {
  readonly leaf: true;
  keys: string[];
  /** The leaf to the right. */
  next: Leaf | null;
}

interface Inner {
  readonly leaf: false;
  /** keys[i] separates children[i] (all below it) from children[i + 1] (none below it). */
  keys: string[];
  children: Node[];
}

type Node = Leaf | Inner;

/** What a split hands to the parent: a new right neighbour, and what separates it. */
interface Split {
  readonly separator: string;
  readonly right: Node;
}

/**
 * An ordered set of byte strings: a B+tree whose leaves are linked. JavaScript compares strings by
 * char code, and one char is one byte, so `<` is the order of the bytes. It holds keys only; what
 * they stand for is found by the hash beside it (see Keyspace).
 */
export class BTree {
  private root: Node = { leaf: true, keys: [], next: null };
  private count = 0;

  get size(): number {
    return this.count;
  }

  has(key: string): boolean {
    const { keys } = this.leafOf(key);
    return keys[lowerBound(keys, key)] === key;
  }

  /** @returns false when the key was there already. */
  add(key: string): boolean {
    const before = this.count;
    const split = this.insert(this.root, key);
    if (split !== null) {
      const { separator, right } = split;
      this.root = { leaf: false, keys: [separator], children: [this.root, right] };
    }
    return this.count > before;
  }

  /** @returns false when the key was not there. */
  delete(key: string): boolean {
    const before = this.count;
    this.remove(this.root, key);
    if (!this.root.leaf && this.root.children.length === 1) this.root = this.root.children[0]!;
    return this.count < before;
  }

  clear(): void {
    this.root = { leaf: true, keys: [], next: null };
    this.count = 0;
  }

  /** The keys from the first that is not below `start`, in order. The tree must not change while
   *  this runs. */
  *from(start: string): Generator<string, void> {
    let leaf: Leaf | null = this.leafOf(start);
    for (let at = lowerBound(leaf.keys, start); leaf !== null; leaf = leaf.next, at = 0) {
      for (; at < leaf.keys.length; at++) yield leaf.keys[at]!;
    }
  }

  /** Throws an AssertionError where the tree is not well-formed. For tests: it visits every key.
   *  @returns how many leaves there are. */
  check(): number {
    const leaves: Leaf[] = [];
    const depths = new Set<number>();
    const visit = (node: Node, from: string | null, to: string | null, depth: number): void => {
      const inside = (key: string) => (from === null || key >= from) && (to === null || key < to);
      assert(node.keys.every(inside), () => 'key outside of its separators');
      const ordered = node.keys.every((key, i) => i === 0 || node.keys[i - 1]! < key);
      assert(ordered, () => 'keys out of order');
      const width = widthOf(node);
      assert(width <= NODE_MAX, () => `a node of ${width}`);
      const least = node === this.root ? (node.leaf ? 0 : 2) : isLastLeaf(node) ? 1 : NODE_MIN;
      assert(width >= least, () => `a node of ${width}, not ${least}`);
      if (node.leaf) {
        depths.add(depth);
        leaves.push(node);
        return;
      }
      const { keys, children } = node;
      assert(children.length === keys.length + 1, () => 'children and keys do not match');
      children.forEach((child, i) => {
        visit(child, keys[i - 1] ?? from, keys[i] ?? to, depth + 1);
      });
    };
    visit(this.root, null, null, 0);
    assert(depths.size === 1, () => 'leaves at different depths');
    leaves.forEach((leaf, i) => {
      assert(leaf.next === (leaves[i + 1] ?? null), () => `leaf ${i} is linked wrongly`);
    });
    const total = leaves.reduce((sum, leaf) => sum + leaf.keys.length, 0);
    assert(total === this.count, () => `${total} keys, but a count of ${this.count}`);
    return leaves.length;
  }

  private leafOf(key: string): Leaf {
    let node = this.root;
    while (!node.leaf) node = node.children[upperBound(node.keys, key)]!;
    return node;
  }

  private insert(node: Node, key: string): Split | null {
    if (node.leaf) {
      const at = lowerBound(node.keys, key);
      if (node.keys[at] === key) return null;
      node.keys.splice(at, 0, key);
      this.count++;
      return node.keys.length > NODE_MAX ? splitLeaf(node, at) : null;
    }
    const at = upperBound(node.keys, key);
    const split = this.insert(node.children[at]!, key);
    if (split === null) return null;
    node.keys.splice(at, 0, split.separator);
    node.children.splice(at + 1, 0, split.right);
    return node.children.length > NODE_MAX ? splitInner(node) : null;
  }

  private remove(node: Node, key: string): void {
    if (node.leaf) {
      const at = lowerBound(node.keys, key);
      if (node.keys[at] !== key) return;
      node.keys.splice(at, 1);
      this.count--;
      return;
    }
    const at = upperBound(node.keys, key);
    const child = node.children[at]!;
    this.remove(child, key);
    if (widthOf(child) < NODE_MIN) mend(node, at);
  }
}

/** Keys that arrive in order fill their leaves: a leaf that overflows at the right end of the tree
 *  keeps all but the newest key. Every other one is halved. */
function splitLeaf(leaf: Leaf, insertedAt: number): Split {
  const appended = leaf.next === null && insertedAt === leaf.keys.length - 1;
  const right: Leaf = {
    leaf: true,
    keys: leaf.keys.splice(appended ? insertedAt : NODE_MIN),
    next: leaf.next,
  };
  leaf.next = right;
  return { separator: right.keys[0]!, right };
}

function splitInner(inner: Inner): Split {
  const right: Inner = {
    leaf: false,
    keys: inner.keys.splice(NODE_MIN),
    children: inner.children.splice(NODE_MIN),
  };
  return { separator: inner.keys.pop()!, right };
}

/** Mends children[at], which has become too narrow: merges it with a neighbour, or, where one node
 *  can't hold both, shares out evenly. */
function mend(parent: Inner, at: number): void {
  const leftAt = at === 0 ? 0 : at - 1;
  const left = parent.children[leftAt]!;
  const right = parent.children[leftAt + 1]!;
  const separator = parent.keys[leftAt]!;
  if (left.leaf && right.leaf) {
    const keys = left.keys.concat(right.keys);
    if (keys.length > NODE_MAX) {
      const middle = keys.length >> 1;
      right.keys = keys.splice(middle);
      left.keys = keys;
      parent.keys[leftAt] = right.keys[0]!;
      return;
    }
    left.keys = keys;
    left.next = right.next;
  } else if (!left.leaf && !right.leaf) {
    const keys = [...left.keys, separator, ...right.keys];
    const children = left.children.concat(right.children);
    if (children.length > NODE_MAX) {
      const middle = children.length >> 1;
      right.children = children.splice(middle);
      right.keys = keys.splice(middle);
      left.children = children;
      parent.keys[leftAt] = keys.pop()!;
      left.keys = keys;
      return;
    }
    left.keys = keys;
    left.children = children;
  }
  parent.keys.splice(leftAt, 1);
  parent.children.splice(leftAt + 1, 1);
}

function isLastLeaf(node: Node): boolean {
  return node.leaf && node.next === null;
}

function widthOf(node: Node): number {
  return node.leaf ? node.keys.length : node.children.length;
}

/** How many keys are below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many keys are not above `key`. */
function upperBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
