import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Prng } from '../../src/base/prng.ts';
import { BTree } from '../../src/kv/b-tree.ts';

/** The same set as a sorted array. */
class SortedArray {
  keys: string[] = [];

  add(key: string): boolean {
    if (this.keys.includes(key)) return false;
    this.keys = [...this.keys, key].sort(); // by char code, as the tree
    return true;
  }

  delete(key: string): boolean {
    const before = this.keys.length;
    this.keys = this.keys.filter((k) => k !== key);
    return this.keys.length < before;
  }

  from(start: string): string[] {
    return this.keys.filter((key) => key >= start);
  }
}

const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\x7f', '\x80', 'ÿ'), maxLength: 3 });

test('against a sorted array, a handful of keys', () => {
  const step = fc.tuple(fc.constantFrom('add', 'add', 'delete', 'has', 'from'), key);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const tree = new BTree();
      const model = new SortedArray();
      for (const [what, k] of steps) {
        if (what === 'add') assert.equal(tree.add(k), model.add(k));
        else if (what === 'delete') assert.equal(tree.delete(k), model.delete(k));
        else if (what === 'has') assert.equal(tree.has(k), model.keys.includes(k));
        else assert.deepEqual([...tree.from(k)], model.from(k));
        assert.equal(tree.size, model.keys.length);
      }
      tree.check();
    }),
  );
});

const numbered = (i: number) => String(i).padStart(6, '0');

/** Adds all keys in one order and deletes them in another, checking the shape on the way. */
function fillAndEmpty(order: readonly number[], emptying: readonly number[]): void {
  const tree = new BTree();
  order.forEach((i, n) => {
    assert.ok(tree.add(numbered(i)));
    if (n % 257 === 0) tree.check();
  });
  tree.check();
  const sorted = [...order].sort((a, b) => a - b).map(numbered);
  assert.deepEqual([...tree.from('')], sorted);
  const middle = sorted[sorted.length >> 1]!;
  assert.deepEqual([...tree.from(`${middle}\0`)], sorted.slice((sorted.length >> 1) + 1));
  emptying.forEach((i, n) => {
    assert.ok(tree.has(numbered(i)));
    assert.ok(tree.delete(numbered(i)));
    assert.ok(!tree.has(numbered(i)));
    if (n % 257 === 0) tree.check();
  });
  tree.check();
  assert.equal(tree.size, 0);
  assert.deepEqual([...tree.from('')], []);
}

const COUNT = 10_000;
const ascending = Array.from({ length: COUNT }, (_, i) => i);
const descending = [...ascending].reverse();

function shuffled(seed: number): number[] {
  const random = new Prng(seed);
  const list = [...ascending];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

test('three levels, filled and emptied in every order', () => {
  const orders = [ascending, descending, shuffled(1)];
  for (const order of orders) for (const emptying of orders) fillAndEmpty(order, emptying);
});

test('adding and deleting at random keeps the shape', () => {
  const random = new Prng(2);
  const tree = new BTree();
  const model = new Set<string>();
  for (let i = 0; i < 60_000; i++) {
    const k = numbered(random.below(3000));
    // Waves, so that the tree grows and shrinks through its levels.
    if (random.chance(Math.floor(i / 10_000) % 2 === 0 ? 0.8 : 0.2)) {
      assert.equal(tree.add(k), !model.has(k));
      model.add(k);
    } else assert.equal(tree.delete(k), model.delete(k));
    if (i % 1000 === 0) tree.check();
  }
  assert.deepEqual([...tree.from('')], [...model].sort());
});

test('keys in order fill their leaves', () => {
  const tree = new BTree();
  for (const i of ascending) tree.add(numbered(i));
  const leaves = tree.check();
  assert.ok(leaves <= COUNT / 64 + 1, `${leaves} leaves`);
});

test('clear empties', () => {
  const tree = new BTree();
  for (const i of ascending) tree.add(numbered(i));
  tree.clear();
  tree.check();
  assert.equal(tree.size, 0);
  assert.ok(tree.add('a'));
});
