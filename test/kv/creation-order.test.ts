import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { CreationOrder, type Numbered } from '../../src/kv/creation-order.ts';

const serials = (members: Iterable<Numbered>) => [...members].map(({ serial }) => serial);
const ALL = Number.POSITIVE_INFINITY;

test('against a sorted array, growing and shrinking in waves', () => {
  const random = new Prng(7);
  const order = new CreationOrder<Numbered>();
  let model: Numbered[] = [];
  for (let step = 1; step <= 20_000; step++) {
    const grows = random.chance(Math.floor(step / 4000) % 2 === 0 ? 0.8 : 0.2);
    if (grows || model.length === 0) {
      const member = { serial: step };
      order.append(member);
      model.push(member);
    } else {
      // At either end more often than in the middle, as queues and caches do.
      const end = random.below(3);
      const at = end === 0 ? 0 : end === 1 ? model.length - 1 : random.below(model.length);
      order.remove(model[at]!);
      model = model.filter((_, i) => i !== at);
    }
    if (step % 500 !== 0) continue;
    const descending = serials(model).reverse();
    assert.deepEqual(serials(order.newestBelow(ALL)), descending);
    const start = random.below(step + 2);
    const below = descending.filter((serial) => serial < start);
    assert.deepEqual(serials(order.newestBelow(start)), below);
  }
  for (const member of model) order.remove(member);
  assert.deepEqual(serials(order.newestBelow(ALL)), []);
  order.append({ serial: 30_000 });
  assert.deepEqual(serials(order.newestBelow(ALL)), [30_000]);
});

test('each member is picked about as often as the others, also where the order is thinned out', () => {
  const order = new CreationOrder<Numbered>();
  const members = Array.from({ length: 1000 }, (_, i) => ({ serial: i + 1 }));
  for (const member of members) order.append(member);
  // 20 are left: 4 in the first 800, 16 in the last 200.
  const left = members.filter(({ serial: s }) => (s <= 800 ? s % 200 === 1 : (s - 800) % 13 === 1));
  for (const member of members) if (!left.includes(member)) order.remove(member);
  const random = new Prng(1);
  const counts = new Map(left.map(({ serial }) => [serial, 0]));
  const draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const { serial } = order.pick((n) => random.below(n))!;
    counts.set(serial, counts.get(serial)! + 1);
  }
  // Each is a binomial of mean 1000 and deviation 31: 6 deviations.
  for (const [serial, count] of counts) {
    assert.ok(Math.abs(count - draws / left.length) < 190, `${serial}: ${count}`);
  }
});

test('of nothing, nothing is picked', () => {
  const order = new CreationOrder<Numbered>();
  assert.equal(
    order.pick(() => 0),
    undefined,
  );
  order.append({ serial: 1 });
  order.clear();
  assert.equal(
    order.pick(() => 0),
    undefined,
  );
});
