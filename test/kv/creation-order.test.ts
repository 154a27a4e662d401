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
    const above = serials(model).filter((serial) => serial >= start);
    assert.deepEqual(serials(order.oldestFrom(start)), above);
  }
  for (const serial of model) order.remove(serial);
  assert.deepEqual(serials(order.newestBelow(ALL)), []);
  order.append(30_000);
  assert.deepEqual(serials(order.newestBelow(ALL)), [30_000]);
});

test('the one of a rank depends on the members alone, not on what was between them', () => {
  const order = newOrder();
  for (let serial = 1; serial <= 2000; serial++) order.append(serial);
  const left: number[] = [];
  for (let serial = 1; serial <= 2000; serial++) {
    if (serial <= 128 || serial % 32 === 0) left.push(serial);
    else order.remove(serial);
  }
  const packed = newOrder();
  for (const serial of left) packed.append(serial);
  for (const [rank, serial] of left.entries()) {
    assert.equal(order.at(rank), serial);
    assert.equal(packed.at(rank), serial);
  }
  assert.equal(order.at(left.length), undefined);
  order.clear();
  assert.equal(order.at(0), undefined);
});
