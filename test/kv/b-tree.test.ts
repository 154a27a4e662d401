import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../src/base/bytes.ts';
import { Prng } from '../../src/base/prng.ts';
import { BTree } from '../../src/kv/b-tree.ts';
import { TextKeys } from './text-keys.ts';

/** The tree over cells that are the numbers of the keys they stand for. */
class KeyTree {
  private readonly keys: string[] = [''];
  private readonly present = new Map<string, number>();
  private readonly tree = new BTree(new TextKeys((address) => this.keys[address]!));

  get size(): number {
    return this.tree.size;
  }

  has(key: string): boolean {
    const [first] = this.from(key, 1);
    return first === key;
  }

  add(key: string): boolean {
    if (this.present.has(key)) return false;
    const address = this.newCell(key);
    this.tree.add(address, bytesOf(key), 0, key.length);
    return true;
  }

  /** Its cell is now another one. */
  move(key: string): void {
    const before = this.present.get(key)!;
    this.tree.move(this.newCell(key), bytesOf(key), 0, key.length);
    this.keys[before] = 'gone';
  }

  delete(key: string): boolean {
    const address = this.present.get(key);
    if (address === undefined) return false;
    this.tree.remove(bytesOf(key), 0, key.length);
    this.present.delete(key);
    this.keys[address] = 'gone';
    return true;
  }

  from(start: string, max = Number.POSITIVE_INFINITY): string[] {
    const found: string[] = [];
    for (const address of this.tree.notBelow(bytesOf(start), 0, start.length)) {
      if (found.length === max) break;
      found.push(this.keys[address]!);
    }
    return found;
  }

  clear(): void {
    this.tree.clear();
    this.present.clear();
  }

  check(): number {
    return this.tree.check();
  }

  private newCell(key: string): number {
    this.keys.push(key);
    this.present.set(key, this.keys.length - 1);
    return this.keys.length - 1;
  }
}

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
  const step = fc.tuple(fc.constantFrom('add', 'add', 'delete', 'has', 'from', 'move'), key);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const tree = new KeyTree();
      const model = new SortedArray();
      for (const [what, k] of steps) {
        if (what === 'add') assert.equal(tree.add(k), model.add(k));
        else if (what === 'delete') assert.equal(tree.delete(k), model.delete(k));
        else if (what === 'move' && model.keys.includes(k)) tree.move(k);
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
  const tree = new KeyTree();
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

test('keys that share long and changing beginnings, some of them beginnings of others', () => {
  const random = new Prng(3);
  const starts = [
    '',
    'user:',
    'user:0000000',
    'user:0000000\0\0\0',
    '\xff\xff\xff\xff\xff',
    'user',
  ];
  const ends = ['', '\0', '\0\0', '\0\0\0\0', '\x7f', '\x80', '\xff\xff'];
  const tree = new KeyTree();
  const model = new Set<string>();
  for (let i = 0; i < 30_000; i++) {
    const middle = random.below(3) === 0 ? '' : String(random.below(400)).padStart(3, '0');
    const k = starts[random.below(starts.length)]! + middle + ends[random.below(ends.length)]!;
    if (random.chance(Math.floor(i / 6000) % 2 === 0 ? 0.8 : 0.2)) {
      assert.equal(tree.add(k), !model.has(k));
      model.add(k);
    } else assert.equal(tree.delete(k), model.delete(k));
    if (i % 500 === 0) tree.check();
    if (i % 5000 === 0) assert.deepEqual([...tree.from('')], [...model].sort());
  }
  assert.deepEqual([...tree.from('')], [...model].sort());
});

test('adding and deleting at random keeps the shape', () => {
  const random = new Prng(2);
  const tree = new KeyTree();
  const model = new Set<string>();
  for (let i = 0; i < 60_000; i++) {
    const k = numbered(random.below(3000));
    // Waves, so that the tree grows and shrinks through its levels.
    if (random.chance(Math.floor(i / 10_000) % 2 === 0 ? 0.8 : 0.2)) {
      assert.equal(tree.add(k), !model.has(k));
      model.add(k);
    } else assert.equal(tree.delete(k), model.delete(k));
    if (model.has(k)) tree.move(k);
    if (i % 1000 === 0) tree.check();
  }
  assert.deepEqual([...tree.from('')], [...model].sort());
});

test('keys in order fill their leaves', () => {
  const tree = new KeyTree();
  for (const i of ascending) tree.add(numbered(i));
  const leaves = tree.check();
  assert.ok(leaves <= COUNT / 64 + 1, `${leaves} leaves`);
});

test('clear empties', () => {
  const tree = new KeyTree();
  for (const i of ascending) tree.add(numbered(i));
  tree.clear();
  tree.check();
  assert.equal(tree.size, 0);
  assert.ok(tree.add('a'));
});
