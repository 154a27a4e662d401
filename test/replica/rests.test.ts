import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/replica/clock.ts';
import { Rests } from '../../src/replica/rests.ts';

/** A clock that only work moves. */
class WorkClock {
  nowMs = 0;

  now(): number {
    return this.nowMs;
  }

  get clock(): Clock {
    return this as unknown as Clock;
  }
}

test('long work takes a quarter of the time, in short stretches', () => {
  const time = new WorkClock();
  const rests = new Rests(time.clock);
  let workedMs = 0;
  let longestMs = 0;
  for (let i = 0; i < 1000; i++) {
    const begunMs = time.nowMs;
    do rests.slice(() => (time.nowMs += 0.3 + (i % 7) / 10));
    while (rests.untilMs <= time.nowMs);
    const stretchMs = time.nowMs - begunMs;
    workedMs += stretchMs;
    longestMs = Math.max(longestMs, stretchMs);
    time.nowMs = rests.untilMs;
  }
  assert.ok(Math.abs(workedMs / time.nowMs - 0.25) < 0.01, `${workedMs} of ${time.nowMs} ms`);
  assert.ok(longestMs < 2, `${longestMs} ms at a stretch`);
});

test('work that takes no time by the clock rests now and then, too', () => {
  const time = new WorkClock();
  const rests = new Rests(time.clock);
  for (let i = 0; i < 3; i++) rests.slice(() => {});
  assert.equal(rests.untilMs, 0);
  rests.slice(() => {});
  assert.equal(rests.untilMs, 3);
});
