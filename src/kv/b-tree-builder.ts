import { adopt, type BTree } from './b-tree.ts';
import { type Inner, type Leaf, NODE_MAX, newInner, newLeaf } from './b-tree-node.ts';

/** Cells of a leaf and children of a node, on average, where there is more than one of them: full
 *  ones would all be split by the keys that come next. */
const FILL = 48;
/** What is done in one go, in nodes. */
const SLICE = 16;

/**
 * Fills an empty tree with cells that are in the order of their keys: from the leaves up, each node
 * once, without a comparison.
 * Yields what each slice has cost, in cells.
 */
export function* buildTree(tree: BTree, sorted: Int32Array): Generator<number, void> {
  const { length } = sorted;
  let nodes: (Leaf | Inner)[] = [];
  let previous: Leaf | null = null;
  for (const [from, to] of shares(length)) {
    const leaf = newLeaf();
    leaf.cells.set(sorted.subarray(from, to));
    leaf.count = to - from;
    if (previous !== null) previous.next = leaf;
    previous = leaf;
    if (nodes.push(leaf) % SLICE === 0) yield SLICE * NODE_MAX;
  }
  while (nodes.length > 1) {
    const parents: Inner[] = [];
    for (const [from, to] of shares(nodes.length)) {
      const parent = newInner();
      for (let at = from; at < to; at++) adopt(parent, at - from, nodes[at]!);
      if (parents.push(parent) % SLICE === 0) yield SLICE * NODE_MAX;
    }
    nodes = parents;
  }
  tree.plant(nodes[0] ?? newLeaf(), length);
}

/** Ranges that share out so many evenly: one, if a node can hold all of them, else so many that each
 *  is as narrow as FILL and none below half a node: with more than NODE_MAX to share, the average is
 *  above 32, since two ranges share at least 65 and three at least 97. */
function* shares(length: number): Generator<readonly [from: number, to: number], void> {
  const count = length <= NODE_MAX ? Math.min(1, length) : Math.ceil(length / FILL);
  for (let i = 0; i < count; i++) {
    yield [Math.floor((length * i) / count), Math.floor((length * (i + 1)) / count)];
  }
}
