import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { CreationOrder } from '../../src/kv/creation-order.ts';

/** A cell's address tells its serial, and how often it has moved. */
const MOVES = 100_000;
const newOrder = () => new CreationOrder({ serial: (address) => address % MOVES });
const serials = (cells: Iterable<number>) => [...cells].map((address) => address % MOVES);
const ALL = Number.POSITIVE_INFINITY;

test('against a sorted array, growing and shrinking in waves', () => {
  const random = new Prng(7);
  const order = newOrder();
  let model: number[] = [];
  for (let step = 1; step <= 20_000; step++) {
    const grows = random.chance(Math.floor(step / 4000) % 2 === 0 ? 0.8 : 0.2);
    if (grows || model.length === 0) {
      order.append(step);
      model.push(step);
    } else {
      // At either end more often than in the middle, as queues and caches do.
      const end = random.below(3);
      const at = end === 0 ? 0 : end === 1 ? model.length - 1 : random.below(model.length);
      order.remove(model[at]!);
      model = model.filter((_, i) => i !== at);
    }
    const moving = model[random.below(Math.max(1, model.length))];
    if (moving !== undefined) order.move(moving, moving + MOVES * (1 + random.below(9)));
    if (step % 500 !== 0) continue;
    const descending = serials(model).reverse();
    assert.deepEqual(serials(order.newestBelow(ALL)), descending);
    const start = random.below(step + 2);
    const below = descending.filter((serial) => serial < start);
    assert.deepEqual(serials(order.newestBelow(start)), below);
  }
  for (const serial of model) order.remove(serial);
  assert.deepEqual(serials(order.newestBelow(ALL)), []);
  order.append(30_000);
  assert.deepEqual(serials(order.newestBelow(ALL)), [30_000]);
});

test('each member is picked about as often as the others, also where the order is thin', () => {
  const order = newOrder();
  const members = Array.from({ length: 256 }, (_, i) => i + 1);
  for (const member of members) order.append(member);
  // 128 side by side, and behind them 4 where 128 were.
  const left = members.filter((serial) => serial <= 128 || serial % 32 === 0);
  for (const member of members) if (!left.includes(member)) order.remove(member);
  const random = new Prng(1);
  const counts = new Map<number, number>(left.map((serial) => [serial, 0] as const));
  const mean = 400;
  for (let i = 0; i < mean * left.length; i++) {
    const serial = order.pick((n) => random.below(n))!;
    counts.set(serial, counts.get(serial)! + 1);
  }
  // Each is a binomial of deviation 20: six deviations.
  for (const [serial, count] of counts) {
    assert.ok(Math.abs(count - mean) < 120, `${serial}: ${count}`);
  }
});

test('of nothing, nothing is picked', () => {
  const order = newOrder();
  assert.equal(
    order.pick(() => 0),
    undefined,
  );
  order.append(1);
  order.clear();
  assert.equal(
    order.pick(() => 0),
    undefined,
  );
});
