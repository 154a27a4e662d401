import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimClock } from '../../src/sim/clock.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { clockConformance } from '../conformance/clock.ts';
import { TestWorld } from './world.ts';

const shapes = [
  { offsetMs: 0, rate: 1 },
  { offsetMs: 123_456.789, rate: 1 },
  { offsetMs: -5000, rate: 1.37 },
  { offsetMs: 7.7, rate: 0.61 },
];

for (const shape of shapes) {
  const { scheduler, until } = new TestWorld(1);
  const clock = new SimClock(scheduler, new SimProcess(scheduler), shape);
  clockConformance(`sim, offset ${shape.offsetMs}, rate ${shape.rate}`, { clock, until });
}

describe('sim: the clock of a process', () => {
  it('runs at its own rate', () => {
    const { scheduler } = new TestWorld(1);
    const process = new SimProcess(scheduler);
    const clock = new SimClock(scheduler, process, { offsetMs: 1000, rate: 2 });
    let firedAtMs = 0;
    clock.timer(1100, () => {
      firedAtMs = scheduler.nowMs;
    });
    scheduler.run(200);
    assert.equal(firedAtMs, 50);
    assert.equal(clock.now(), 1400);
  });

  it('calls nothing back while the process is paused, then everything, in order', () => {
    const { scheduler } = new TestWorld(1);
    const process = new SimProcess(scheduler);
    const clock = new SimClock(scheduler, process);
    const calls: string[] = [];
    clock.timer(10, () => calls.push(`first at ${clock.now()}`));
    clock.timer(20, () => {
      calls.push('second');
      process.pause();
    });
    clock.timer(30, () => calls.push('third'));
    process.pause();
    scheduler.run(100);
    assert.deepEqual(calls, []);
    process.resume();
    scheduler.run(200);
    assert.deepEqual(calls, ['first at 100', 'second']);
    process.resume();
    scheduler.run(300);
    assert.deepEqual(calls, ['first at 100', 'second', 'third']);
  });

  it('lets nothing new overtake what was held', () => {
    const { scheduler } = new TestWorld(1);
    const process = new SimProcess(scheduler);
    const clock = new SimClock(scheduler, process);
    const calls: string[] = [];
    process.pause();
    clock.timer(10, () => calls.push('first'));
    clock.timer(20, () => calls.push('second'));
    scheduler.run(30);
    process.resume();
    clock.soon(() => calls.push('new'));
    scheduler.run(40);
    assert.deepEqual(calls, ['first', 'second', 'new']);
  });

  it('calls nothing back once the process was killed', () => {
    const { scheduler } = new TestWorld(1);
    const process = new SimProcess(scheduler);
    const clock = new SimClock(scheduler, process);
    clock.timer(10, () => assert.fail('dead'));
    clock.soon(() => assert.fail('dead'));
    process.kill();
    scheduler.run(100);
    process.resume();
    scheduler.run(200);
  });
});
