import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultTiming } from '../../src/raft/timing.ts';
import { Liveness } from '../../src/sim/liveness.ts';
import { Violation } from '../../src/sim/observer.ts';
import { defaultSettings } from '../../src/sim/plan.ts';
import { runSeed } from '../../src/sim/run.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';
import type { World } from '../../src/sim/world.ts';

const BACKLOG = 1000;

/** Two members, a leader and one that lags behind it, moved by a script once every second. */
class Pair {
  readonly scheduler = new Scheduler(1);
  readonly plan = { raftTiming: defaultTiming, workload: { deadlineMs: 1000 } };
  readonly workload = { stop: () => {}, pending: 0, asked: 0 };
  readonly laggard = { peer: 2, matchIndex: 0 };
  readonly servers = [1, 2].map((id) => ({
    id,
    name: `n${id}`,
    isUp: true,
    raftState: {
      role: id === 1 ? 'leader' : 'follower',
      currentTerm: 3,
      leaderId: 1,
      commitIndex: 7,
      log: { lastIndex: BACKLOG },
      peers: id === 1 ? [this.laggard] : [],
    },
    machine: { lastApplied: 7, hash: () => 0 },
  }));

  get leader() {
    return this.servers[0]!;
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  commitAll(): void {
    for (const { machine, raftState } of this.servers) {
      raftState.commitIndex = raftState.log.lastIndex;
      machine.lastApplied = raftState.log.lastIndex;
    }
  }

  /** @returns when judgement was given, in seconds; throws where it was against them. */
  judge(everySecond: (second: number) => void): number {
    let second = 0;
    const go = () => {
      everySecond(++second);
      this.scheduler.after(1000, go);
    };
    this.scheduler.after(1000, go);
    const liveness = new Liveness(this as unknown as World);
    liveness.heal(this.servers as never);
    liveness.judge();
    return second;
  }
}

const breaksL2 = (error: unknown) => error instanceof Violation && error.invariant === 'L2';

describe('L2, while a member far behind is all that could make a majority', () => {
  test('what it is fed is progress, as long as it takes', () => {
    const pair = new Pair();
    const seconds = pair.judge(() => {
      pair.laggard.matchIndex += 25;
      if (pair.laggard.matchIndex >= BACKLOG) pair.commitAll();
    });
    assert.ok(seconds >= BACKLOG / 25, `judged after ${seconds} s`);
  });

  test('a standstill is seen, behind some progress too', () => {
    const pair = new Pair();
    const feed = (second: number) => {
      if (second <= 20) pair.laggard.matchIndex += 25;
    };
    assert.throws(() => pair.judge(feed), breaksL2);
    assert.ok(pair.nowMs > 20_000 && pair.nowMs < 30_000, `after ${pair.nowMs} ms`);
  });

  test('a log that grows for ever and is never committed is no progress', () => {
    const pair = new Pair();
    const append = (second: number) => {
      for (const { raftState } of pair.servers) raftState.log.lastIndex += 5;
      pair.laggard.matchIndex = Math.min(second * 200, pair.leader.raftState.log.lastIndex);
    };
    assert.throws(() => pair.judge(append), breaksL2);
  });

  test('nor is one that is fed the same again and again', () => {
    const pair = new Pair();
    const feed = (second: number) => {
      pair.laggard.matchIndex = 100 * (second % 5);
    };
    assert.throws(() => pair.judge(feed), breaksL2);
  });

  test('seed 5, two operations a second: nobody has asked for anything', () => {
    const { failure } = runSeed({ ...defaultSettings, seed: 5, nodes: 3, operationsPerSecond: 2 });
    assert.equal(failure, null);
  });
});

describe('L3: peace', () => {
  // As it was found and made smaller: the disk of the leader hung when the faults stopped, and a second
  // later it gave up, as it must (L10).
  test('seed 5000029: does not begin before the disks are done', () => {
    const smaller = { nodes: 5, onlyFaults: [38] };
    const { failure } = runSeed({ ...defaultSettings, seed: 5_000_029, ...smaller });
    assert.equal(failure, null);
  });
});

describe('the fault atlas', () => {
  test('seed 8000138: leaves one slot of the hard state where anything goes, too', () => {
    const smaller = { nodes: 2, operationsPerSecond: 1, onlyFaults: [0, 2] };
    const { failure } = runSeed({ ...defaultSettings, seed: 8_000_138, ...smaller });
    assert.equal(failure, null);
  });
});

describe('D5: a node that has failed', () => {
  // A write failed in the middle of a turn, which went on and began a snapshot.
  test('seed 9307913: does nothing more in its turn', () => {
    const { failure } = runSeed({ ...defaultSettings, seed: 9_307_913, nodes: 3 });
    assert.equal(failure, null);
  });
});

describe('L10: a leader whose disk hangs', () => {
  // As it was found and made smaller: it was paused when it would have given up, for 473 ms.
  test('seed 9307521: is excused while it is paused', () => {
    const smaller = { nodes: 2, operationsPerSecond: 10, onlyFaults: [19, 28, 29] };
    const { failure } = runSeed({ ...defaultSettings, seed: 9_307_521, ...smaller });
    assert.equal(failure, null);
  });
});
