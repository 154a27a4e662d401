import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ShardedMap } from '../../src/kv/sharded-map.ts';

test('against a Map', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ÿ'), maxLength: 20 });
  const step = fc.tuple(fc.constantFrom('set', 'set', 'get', 'delete'), key, fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const map = new ShardedMap<number>();
      const model = new Map<string, number>();
      for (const [what, k, value] of steps) {
        if (what === 'set') {
          map.set(k, value);
          model.set(k, value);
        } else if (what === 'get') assert.equal(map.get(k), model.get(k));
        else assert.equal(map.delete(k), model.delete(k));
        assert.equal(map.size, model.size);
      }
    }),
  );
});

test('numbered keys spread over all parts', () => {
  const map = new ShardedMap<number>();
  const count = 256 * 200;
  for (let i = 0; i < count; i++) map.set(`key:${i}`, i);
  const { shards } = map as unknown as { shards: Map<string, number>[] };
  const sizes = shards.map((shard) => shard.size);
  assert.ok(Math.min(...sizes) > 100 && Math.max(...sizes) < 400, sizes.join(' '));
});
