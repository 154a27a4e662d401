import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alarm } from '../../src/replica/alarm.ts';
import type { Clock } from '../../src/replica/clock.ts';

/** An alarm whose deadline the test moves, over a clock that counts the timers it is asked for. */
function world() {
  const timers: { atMs: number; callback: () => void }[] = [];
  const state = { nowMs: 0, deadlineMs: Number.POSITIVE_INFINITY, asked: 0, rings: 0 };
  const clock: Clock = {
    now: () => state.nowMs,
    wallMs: () => 0,
    soon: () => assert.fail('not asked for'),
    timer: (atMs, callback) => {
      const timer = { atMs, callback };
      state.asked++;
      timers.push(timer);
      const cancel = () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
      return { cancel };
    },
  };
  const alarm = new Alarm(
    clock,
    () => state.deadlineMs,
    () => state.rings++,
  );
  const goTo = (nowMs: number) => {
    state.nowMs = nowMs;
    for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.callback();
    }
  };
  const setTo = (deadlineMs: number) => {
    state.deadlineMs = deadlineMs;
    alarm.set();
  };
  return { alarm, state, timers, goTo, setTo };
}

describe('the alarm of a replica', () => {
  it('rings when the deadline is there, and needs to be set again then', () => {
    const { state, goTo, setTo, timers } = world();
    setTo(10);
    goTo(9);
    assert.equal(state.rings, 0);
    goTo(10);
    assert.equal(state.rings, 1);
    assert.equal(timers.length, 0);
    setTo(20);
    goTo(20);
    assert.equal(state.rings, 2);
  });

  it('is moved when it must ring earlier, and has one timer all the same', () => {
    const { state, goTo, setTo, timers } = world();
    setTo(10);
    setTo(5);
    assert.equal(timers.length, 1);
    goTo(5);
    assert.equal(state.rings, 1);
  });

  it('lets the timer stand when the deadline is put off, and then goes on to the later one', () => {
    const { state, goTo, setTo, timers } = world();
    setTo(10);
    for (let atMs = 11; atMs <= 300; atMs++) setTo(atMs);
    assert.equal(state.asked, 1);
    goTo(10);
    assert.equal(state.rings, 0);
    assert.deepEqual(
      timers.map(({ atMs }) => atMs),
      [300],
    );
    goTo(300);
    assert.equal(state.rings, 1);
  });

  it('asks for nothing while there is nothing to wait for, nor when it is closed', () => {
    const { alarm, state, setTo, timers } = world();
    alarm.set();
    assert.equal(state.asked, 0);
    setTo(10);
    alarm.close();
    assert.equal(timers.length, 0);
    setTo(5);
    assert.equal(state.asked, 1);
  });
});
