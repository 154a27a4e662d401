import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';

const draws = (prng: Prng, count: number) => Array.from({ length: count }, () => prng.u32());

test('the same seed, the same numbers, for ever', () => {
  // Written down, so that a change of the generator can't go unnoticed: seeds are bug reports.
  assert.deepEqual(draws(new Prng(1), 3), [2308299391, 1950625580, 354034397]);
  assert.deepEqual(draws(new Prng(1), 50), draws(new Prng(1), 50));
});

test('every bit of a seed counts', () => {
  const first = (seed: number) => draws(new Prng(seed), 2).join();
  const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, Number.MAX_SAFE_INTEGER];
  assert.equal(new Set(seeds.map(first)).size, seeds.length);
});

test('below, chance and bytes are roughly fair', () => {
  const prng = new Prng(42);
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[prng.below(10)]++;
  for (const count of counts) assert.ok(count > 850 && count < 1150, String(counts));
  let heads = 0;
  for (let i = 0; i < 10_000; i++) if (prng.chance(0.25)) heads++;
  assert.ok(heads > 2300 && heads < 2700, String(heads));
  assert.equal(new Set(prng.bytes(4096)).size, 256);
});

test('a fork goes its own way, and does not depend on what is drawn from it', () => {
  const [a, b] = [new Prng(5), new Prng(5)];
  draws(a.fork(), 100);
  b.fork();
  assert.deepEqual(draws(a, 5), draws(b, 5));
});
