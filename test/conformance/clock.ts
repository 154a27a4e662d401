import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../src/replica/clock.ts';

/** Where a Clock is tested. */
export interface ClockWorld {
  readonly clock: Clock;
  /** Lets things happen until `done` holds; fails after a few seconds. */
  until(done: () => boolean, what: string): Promise<void>;
}

/** The tests that every Clock must pass. */
export function clockConformance(name: string, { clock, until }: ClockWorld): void {
  describe(`${name}: the clock's contract`, () => {
    it('never goes back', async () => {
      let last = clock.now();
      let turns = 0;
      const look = () => {
        const nowMs = clock.now();
        assert.ok(nowMs >= last);
        last = nowMs;
        if (++turns < 100) clock.soon(look);
      };
      look();
      await until(() => turns === 100, 'a hundred turns');
    });

    it('knows the date, as far as the host does', async () => {
      const [before, startMs] = [clock.wallMs(), clock.now()];
      assert.ok(before > Date.UTC(2020, 0), 'counted from 1970');
      await until(() => clock.now() >= startMs + 20, 'a moment');
      // The host may set its clock meanwhile, but not in a test.
      assert.ok(clock.wallMs() > before);
    });

    it('calls a timer back once, later, and never early', async () => {
      const calls: number[] = [];
      const due: number[] = [];
      const startMs = clock.now();
      for (let i = 0; i < 40; i++) {
        const atMs = startMs + i * 0.77;
        due.push(atMs);
        clock.timer(atMs, () => {
          assert.ok(clock.now() >= atMs, `${clock.now()} is before ${atMs}`);
          calls.push(i);
        });
      }
      assert.equal(calls.length, 0, 'not from inside the call');
      await until(() => calls.length === due.length, 'forty timers');
      await until(() => clock.now() > startMs + 60, 'a little longer');
      assert.equal(calls.length, due.length);
    });

    it('keeps the order of timers that are well apart', async () => {
      const calls: string[] = [];
      const nowMs = clock.now();
      clock.timer(nowMs + 30, () => calls.push('late'));
      clock.timer(nowMs + 5, () => calls.push('early'));
      clock.timer(nowMs - 1000, () => calls.push('past'));
      assert.deepEqual(calls, []);
      await until(() => calls.length === 3, 'three timers');
      assert.deepEqual(calls, ['past', 'early', 'late']);
    });

    it('forgets a cancelled timer, and takes a late cancel for nothing', async () => {
      let calls = 0;
      const cancelled = clock.timer(clock.now() + 5, () => calls++);
      const kept = clock.timer(clock.now() + 10, () => calls++);
      cancelled.cancel();
      await until(() => calls > 0, 'a timer');
      kept.cancel();
      cancelled.cancel();
      assert.equal(calls, 1);
    });

    it('waits for what is a long way off (more than 2^31 ms)', async () => {
      let called = false;
      const monthMs = 30 * 24 * 3600 * 1000;
      const timer = clock.timer(clock.now() + monthMs, () => {
        called = true;
      });
      const untilMs = clock.now() + 20;
      await until(() => clock.now() >= untilMs, 'a moment');
      assert.equal(called, false);
      timer.cancel();
    });

    it('calls soon back later, in order, before any wait', async () => {
      const calls: string[] = [];
      clock.timer(clock.now() + 20, () => calls.push('timer'));
      clock.soon(() => {
        calls.push('first');
        clock.soon(() => calls.push('third'));
      });
      clock.soon(() => calls.push('second'));
      assert.deepEqual(calls, []);
      await until(() => calls.length === 4, 'all of them');
      assert.deepEqual(calls, ['first', 'second', 'third', 'timer']);
    });
  });
}
