import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import { Pace } from '../../src/raft/catch-up.ts';
import type { RaftState } from '../../src/raft/state.ts';
import { Harness } from './harness.ts';

// Two entries a second, an entry counting some 300 bytes; and no burst worth the name.
const SLOW: Partial<Limits> = {
  catchUpBytesPerSecond: 600,
  readBackBytesMax: 1,
  logWindowBytesMax: 0,
};
const MISSED = 20;

/** Node 3 was away for a while, and is back: the leader, node 1, has asked its disk for the first
 *  entry that it lacks. */
function withLaggard(limits: Partial<Limits> = {}): Harness {
  const harness = Harness.started({ limits: { ...SLOW, ...limits } });
  harness.elect(1);
  harness.isolate(3);
  for (let i = 0; i < MISSED; i++) harness.propose(1, `entry ${i}`);
  harness.settle();
  for (const { id } of harness.nodes) harness.act(id, (raft) => raft.applied(raft.commitIndex));
  harness.heal();
  return harness;
}

const reached = (harness: Harness) => harness.raft(3).lastIndex;
const lag = (harness: Harness) => harness.raft(1).lastIndex - reached(harness);

/** Time passes, tick by tick of the leader, and all that follows from each happens at once. */
function pass(harness: Harness, ms: number, then: () => void = () => {}): void {
  for (const endMs = harness.nowMs + ms; harness.nowMs < endMs; ) {
    harness.timeout(1);
    harness.settle();
    then();
  }
}

describe('a follower that is far behind', () => {
  test('is fed at a pace, and gets there', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    const before = reached(harness);
    pass(harness, 4000);
    const fed = reached(harness) - before;
    assert.ok(fed >= 7 && fed <= 9, `${fed} entries in four seconds`);
    pass(harness, 20_000);
    assert.equal(lag(harness), 0);
  });

  test('is fed a piece when it is due, and no later', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    const waits = new Set<number>();
    pass(harness, 2000, () => waits.add(harness.raft(1).nextTickMs - harness.nowMs));
    assert.ok(
      [...waits].some((ms) => ms > 0 && ms < harness.timing.heartbeatMs),
      `ticks are wanted after ${[...waits]} ms, a heartbeat being one in 50`,
    );
  });

  test('is fed twice as fast as the log grows, however fast that is', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    const before = lag(harness);
    for (let i = 0; i < before; i++) {
      harness.propose(1, `another ${i}`);
      pass(harness, 1);
    }
    // In that time, by the pace alone, it would have got some four of them.
    assert.ok(lag(harness) <= 1, `${lag(harness)} of ${before} are left`);
  });

  test('is not kept waiting when it is needed for a majority', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    assert.ok(lag(harness) > 10);
    harness.isolate(2);
    pass(harness, 500);
    assert.equal(lag(harness), 0);
  });

  test('nor when a majority seems to be there and nothing is committed', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    assert.ok(lag(harness) > 10);
    const at = harness.propose(1, 'waits for a disk');
    const endMs = harness.nowMs + 400;
    while (harness.nowMs < endMs) {
      harness.timeout(1);
      // The disk of node 2 hangs: it answers heartbeats, and nothing else.
      for (let i = 0; i < 20; i++) {
        harness.deliverAll();
        harness.answerRead(1);
        harness.persist(1);
        harness.persist(3);
      }
    }
    assert.ok(harness.raft(2).stableIndex < at, 'node 2 has not written it');
    assert.ok(harness.raft(1).commitIndex >= at, `committed with node 3, ${lag(harness)} behind`);
  });

  test('nor when it is to lead', () => {
    const harness = withLaggard();
    pass(harness, 1000);
    harness.act(1, (raft) => assert.ok(raft.transferLeadership(harness.nowMs, nodeId(3))));
    pass(harness, harness.timing.heartbeatMs);
    assert.equal(harness.raft(3).role, 'leader');
  });

  test('is sent a snapshot at a pace, too', () => {
    const harness = withLaggard({ snapshotChunkBytesMax: 100 });
    harness.snapshots.apply(1);
    harness.snapshots.write(1, 3000);
    harness.snapshots.publish(1);
    harness.snapshots.compact(1, true);
    const sent = () => {
      const { peers } = harness.raft(1).state;
      return peers.find(({ peer }) => peer === 3)?.sending?.offset ?? 0;
    };
    pass(harness, 1000);
    const before = sent();
    pass(harness, 2000);
    assert.ok(sent() - before >= 1000 && sent() - before <= 1400, `${sent() - before} bytes`);
    harness.isolate(2);
    pass(harness, 500);
    assert.equal(lag(harness), 0, 'needed, and there');
  });
});

test('who lacks little waits for nothing', () => {
  const harness = withLaggard({ catchUpBytesPerSecond: defaultLimits.catchUpBytesPerSecond });
  harness.timeout(1);
  harness.settle();
  assert.equal(lag(harness), 0);
});

describe('Pace', () => {
  const limits = { ...defaultLimits, catchUpBytesPerSecond: 100_000, inflightBytesMax: 5000 };
  const at = (grownCost: number) => ({ grownCost, limits }) as RaftState;

  test('saves up a burst, and no more', () => {
    const pace = new Pace();
    pace.waitMs(0, at(0));
    assert.equal(pace.waitMs(60_000, at(0)), 0);
    pace.spend(1000);
    assert.equal(pace.waitMs(60_000, at(0)), 0, '10 ms were saved up');
    pace.spend(1000);
    assert.equal(pace.waitMs(60_000, at(0)), 10);
    assert.equal(pace.waitMs(60_009.5, at(0)), 1, 'whole milliseconds, and never none of them');
    assert.equal(pace.waitMs(60_010, at(0)), 0);
  });

  test('gives credit for what the log grows by, twice', () => {
    const pace = new Pace();
    pace.waitMs(0, at(700));
    pace.spend(3000);
    assert.equal(pace.waitMs(0, at(700)), 20);
    assert.equal(pace.waitMs(0, at(1200)), 10);
    assert.equal(pace.waitMs(0, at(1700)), 0);
    assert.equal(pace.waitMs(0, at(1_000_000)), 0);
    pace.spend(5001);
    assert.equal(pace.waitMs(0, at(1_000_000)), 1, 'up to a window');
  });
});
