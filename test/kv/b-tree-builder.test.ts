import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { BTree } from '../../src/kv/b-tree.ts';
import { buildTree } from '../../src/kv/b-tree-builder.ts';
import { TextKeys } from './text-keys.ts';

/** Cells that are the numbers their keys stand for. */
const keyOf = (cell: number) => `${cell}`.padStart(7, '0');
const newTree = () => new BTree(new TextKeys(keyOf));

const COUNTS = [...Array(400).keys(), 3071, 3072, 3073, 4096, 4097, 10_000, 200_000];

test('a tree of any size is well-formed, in order, and goes on as any other', () => {
  for (const count of COUNTS) {
    const tree = newTree();
    const cells = Int32Array.from({ length: count }, (_, i) => 2 * i + 2);
    for (const cost of buildTree(tree, cells)) assert.ok(cost <= 1024);
    const leaves = tree.check();
    assert.ok(leaves <= count / 32 + 1, `${leaves} leaves of ${count}`);
    const key = bytesOf('0');
    assert.deepEqual([...tree.notBelow(key, 0, 1)], [...cells]);
    if (count > 4097) continue;
    for (let i = 1; i < 2 * count; i += 14) {
      const key = bytesOf(keyOf(i));
      tree.add(i, key, 0, key.length);
    }
    tree.check();
    for (const cell of cells) {
      const key = bytesOf(keyOf(cell));
      tree.remove(key, 0, key.length);
    }
    tree.check();
    assert.equal(tree.size, Math.ceil(count / 7));
  }
});
