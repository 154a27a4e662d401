import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { revision } from '../../src/base/ids.ts';
import { Prng } from '../../src/base/prng.ts';
import { Keyspace } from '../../src/kv/keyspace.ts';

const HASH_KEY = { low: 3, high: 4 };

/** A keyspace whose order is postponed, beside a sorted array of its keys. */
class Postponed {
  readonly keyspace = new Keyspace(HASH_KEY);
  private readonly random: Prng;
  private readonly keys = new Map<string, string>();
  private revisions = 0;

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.keyspace.postponeOrder();
  }

  /** Sets and removes; a value of another length moves its cell. */
  change(times: number): void {
    const { random, keys, keyspace } = this;
    for (let i = 0; i < times; i++) {
      const key = `${'abc'.slice(0, random.below(4))}${random.below(700)}`;
      if (random.chance(0.3)) {
        assert.equal(keyspace.delete(bytesOf(key)), keys.delete(key));
        continue;
      }
      const value = 'v'.repeat(random.below(200));
      const [k, v] = [bytesOf(key), bytesOf(value)];
      keyspace.set(k, 0, k.length, v, 0, v.length, revision(++this.revisions));
      keys.set(key, value);
    }
  }

  check(): void {
    const sorted = [...this.keys.keys()].sort();
    assert.deepEqual([...this.keyspace.keysFrom()], sorted);
    const start = sorted[this.random.below(sorted.length)] ?? '';
    const from = sorted.filter((key) => key >= start);
    assert.deepEqual([...this.keyspace.keysFrom(bytesOf(start))], from);
    for (const [key, value] of this.keys) {
      assert.equal(this.keyspace.value(bytesOf(key)), value);
    }
  }
}

test('what changes while the order is made is in it, and nothing that is gone', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const model = new Postponed(seed);
    model.change(seed * 60);
    let slices = 0;
    while (model.keyspace.arrange(200)) {
      model.change(40);
      slices++;
    }
    assert.ok(slices >= 3, `${slices} slices`);
    model.check();
    model.change(500);
    model.check();
  }
});

test('whoever wants the order before it is made, has it made', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const model = new Postponed(seed);
    model.change(seed * 40);
    for (let slices = seed % 5; slices > 0; slices--) {
      model.keyspace.arrange(200);
      model.change(20);
    }
    model.check();
    assert.equal(model.keyspace.arrange(1), false);
    model.change(200);
    model.check();
  }
});

test('what was moved and removed meanwhile is given back when the order is made', () => {
  const keyspace = new Keyspace(HASH_KEY);
  keyspace.postponeOrder();
  const [key, long] = [bytesOf('key'), new Uint8Array(100_000)];
  let reserved = 0;
  for (let round = 0; round < 20; round++) {
    keyspace.set(key, 0, 3, long, 0, round % 2 === 0 ? 100_000 : 50_000, revision(round + 1));
    if (round === 1) assert.equal(keyspace.arrange(1), true);
    if (round <= 1) reserved = keyspace.bytesReserved;
  }
  assert.ok(keyspace.bytesReserved > 10 * reserved, 'the sort still needs what was there');
  assert.equal(keyspace.arrange(Number.POSITIVE_INFINITY), false);
  assert.equal(keyspace.bytesReserved, reserved);
  assert.deepEqual([...keyspace.keysFrom()], ['key']);
});

test('nothing is left to be put in order of a keyspace that was cleared', () => {
  const model = new Postponed(1);
  model.change(300);
  assert.equal(model.keyspace.arrange(1), true);
  model.keyspace.clear();
  assert.equal(model.keyspace.arrange(1), false);
  assert.deepEqual([...model.keyspace.keysFrom()], []);
});
