import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { Prng } from '../../src/base/prng.ts';
import { CellTable } from '../../src/kv/cell-table.ts';
import { Cells } from '../../src/kv/cells.ts';
import { type Address, NOWHERE } from '../../src/kv/slab.ts';

/** @param hashOf replaces the table's hash, to make keys collide. */
function worldOf(hashOf: (table: CellTable, key: Uint8Array) => number) {
  const cells = new Cells();
  const table = new CellTable(cells, { low: 1, high: 2 });
  const find = (name: string): Address => {
    const key = bytesOf(name);
    return table.find(hashOf(table, key), key, 0, key.length);
  };
  const add = (name: string): Address => {
    const key = bytesOf(name);
    const address = cells.create(key, 0, key.length, 0, 1);
    table.add(hashOf(table, key), address);
    return address;
  };
  const remove = (name: string): void => {
    const address = find(name);
    table.remove(hashOf(table, bytesOf(name)), address);
    cells.free(address);
  };
  return { cells, table, find, add, remove };
}

const hashes: Record<string, (table: CellTable, key: Uint8Array) => number> = {
  'its own hash': (table, key) => table.hash(key, 0, key.length),
  'all keys in one shard, many with one hash': (_, key) => key[key.length - 1]! & 3,
  'runs that wrap around the end': (_, key) => -2 - (key[key.length - 1]! & 1),
};

for (const [name, hashOf] of Object.entries(hashes)) {
  test(`against a Map: ${name}`, () => {
    const random = new Prng(3);
    const { table, find, add, remove } = worldOf(hashOf);
    const model = new Map<string, Address>();
    for (let i = 0; i < 20_000; i++) {
      const key = `k${random.below(400)}`;
      if (model.has(key)) {
        assert.equal(find(key), model.get(key));
        if (random.chance(Math.floor(i / 5000) % 2 === 0 ? 0.3 : 0.8)) {
          remove(key);
          model.delete(key);
        }
      } else {
        assert.equal(find(key), NOWHERE);
        if (random.chance(Math.floor(i / 5000) % 2 === 0 ? 0.8 : 0.3)) model.set(key, add(key));
      }
      assert.equal(table.size, model.size);
    }
    for (let k = 0; k < 400; k++) assert.equal(find(`k${k}`), model.get(`k${k}`) ?? NOWHERE);
  });
}

test('a cell that has moved is found where it is', () => {
  const { cells, table, find, add } = worldOf((table, key) => table.hash(key, 0, key.length));
  for (let i = 0; i < 1000; i++) add(`k${i}`);
  const from = find('k500');
  const to = cells.resize(from, 1000);
  table.move(table.hash(bytesOf('k500'), 0, 4), from, to);
  cells.free(from);
  assert.notEqual(to, from);
  assert.equal(find('k500'), to);
  assert.equal(find('k501') !== NOWHERE, true);
});

test('filled shard by shard, it goes on as any other', () => {
  const { cells, table, find, add, remove } = worldOf(hashes['its own hash']!);
  const hashed = Array.from({ length: 3000 }, (_, i) => {
    const key = bytesOf(`k${i}`);
    const address = cells.create(key, 0, key.length, 0, i + 1);
    return { address, hash: table.hash(key, 0, key.length) };
  });
  hashed.sort((a, b) => (a.hash >>> 24) - (b.hash >>> 24));
  const hashesOf = Int32Array.from(hashed, ({ hash }) => hash);
  const addresses = Int32Array.from(hashed, ({ address }) => address);
  for (let from = 0; from < 3000; ) from = table.addShard(hashesOf, addresses, from);
  assert.equal(table.size, 3000);
  for (let i = 3000; i < 6000; i++) add(`k${i}`);
  for (let i = 0; i < 6000; i++) assert.notEqual(find(`k${i}`), NOWHERE);
  const { shards, counts } = table as unknown as { shards: Int32Array[]; counts: Int32Array };
  for (const [shard, pairs] of shards.entries()) {
    const there = pairs.filter((word, at) => at % 2 === 1 && word !== NOWHERE).length;
    assert.equal(there, counts[shard]);
    assert.ok(3 * there <= pairs.length, 'a third of the pairs are free');
  }
  for (let i = 0; i < 6000; i++) remove(`k${i}`);
  assert.equal(table.size, 0);
});
