import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';

describe('sim: the scheduler', () => {
  it('goes by time, then by the order of scheduling, like a sorted list', () => {
    const random = new Prng(5);
    const scheduler = new Scheduler(1);
    const expected: { atMs: number; id: number }[] = [];
    const seen: number[] = [];
    for (let id = 0; id < 2000; id++) {
      const atMs = random.below(300);
      const event = scheduler.at(atMs, () => {
        assert.equal(scheduler.nowMs, atMs);
        seen.push(id);
      });
      if (random.chance(0.2)) event.cancel();
      else expected.push({ atMs, id });
    }
    expected.sort((a, b) => a.atMs - b.atMs || a.id - b.id);
    while (scheduler.step());
    assert.deepEqual(
      seen,
      expected.map(({ id }) => id),
    );
    assert.equal(scheduler.idle, true);
  });

  it('puts what is scheduled for the past at the end of this instant', () => {
    const scheduler = new Scheduler(1);
    const seen: string[] = [];
    scheduler.at(10, () => {
      seen.push('now');
      scheduler.at(3, () => seen.push('past'));
    });
    scheduler.at(10, () => seen.push('too'));
    scheduler.run(10);
    assert.deepEqual(seen, ['now', 'too', 'past']);
  });

  it('runs up to a time, inclusive, and no further', () => {
    const scheduler = new Scheduler(1);
    const seen: number[] = [];
    for (const atMs of [1, 2, 3]) scheduler.at(atMs, () => seen.push(atMs));
    scheduler.run(2);
    assert.deepEqual(seen, [1, 2]);
    assert.equal(scheduler.nowMs, 2);
    scheduler.run(50);
    assert.equal(scheduler.nowMs, 50);
    assert.equal(scheduler.step(), false);
  });
});
