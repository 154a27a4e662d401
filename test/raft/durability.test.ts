import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId } from '../../src/base/ids.ts';
import type { CoreClusterOptions } from '../../src/sim/messages/core-cluster.ts';
import { entryOf, Harness } from './harness.ts';
import {
  appendEntries,
  preVote,
  preVoteResponse,
  requestVote,
  describe as say,
  timeoutNow,
} from './say.ts';

const sent = (harness: Harness) => harness.messages.map(say);

function withLeader(options: CoreClusterOptions = {}): Harness {
  const harness = Harness.started(options);
  harness.elect(1);
  return harness;
}

test('D1: entries are acknowledged when they are durable, and not before', () => {
  const harness = withLeader();
  harness.propose(1, 'x');
  harness.deliverAll();
  assert.deepEqual(sent(harness), []);
  harness.persist(2);
  assert.deepEqual(sent(harness), ['2->1 AppendEntriesResponse term=1 match=2']);
});

test('several acknowledgements of one turn become one, for the furthest', () => {
  const harness = Harness.started();
  harness.act(2, (raft) => {
    raft.step(0, appendEntries(1, 2, 1, [0, 0], [entryOf(1, 1)]));
    raft.step(0, appendEntries(1, 2, 1, [1, 1], [entryOf(2, 1), entryOf(3, 1)]));
  });
  assert.equal(harness.node(2).persists.length, 1);
  harness.persist(2);
  assert.deepEqual(sent(harness), ['2->1 AppendEntriesResponse term=1 match=3']);
});

test('a heartbeat is answered at once, up to what is durable, however slow the disk is', () => {
  const harness = withLeader();
  harness.propose(1, 'x');
  harness.deliverAll();
  harness.timeout(1);
  harness.deliverAll();
  assert.deepEqual(sent(harness), [
    '2->1 AppendEntriesResponse term=1 match=1',
    '3->1 AppendEntriesResponse term=1 match=1',
  ]);
  // A second without an fsync costs no leadership.
  for (let i = 0; i < 20; i++) {
    harness.timeout(1);
    harness.deliverAll();
    harness.deliverAll();
  }
  assert.equal(harness.raft(1).role, 'leader');
});

test('S3: nothing that carries a term leaves before the term is durable', () => {
  const harness = Harness.withLogs([[1], [1], [1]]);
  harness.deliver(appendEntries(2, 1, 5, [1, 1]));
  harness.deliver(appendEntries(2, 1, 5, [9, 5]));
  harness.deliver(appendEntries(3, 1, 4, [1, 1]));
  harness.deliver(requestVote(3, 1, 4, [1, 1]));
  harness.deliver(preVote(3, 1, 2, [1, 1]));
  assert.deepEqual(sent(harness), []);
  harness.persist(1);
  assert.equal(harness.messages.length, 5);
});

test('an answer whose claims are durable waits for nothing, even while the disk is busy', () => {
  const harness = Harness.started();
  harness.deliver(appendEntries(1, 2, 1, [0, 0], [entryOf(1, 1)]));
  harness.persist(2);
  harness.deliver(appendEntries(1, 2, 1, [1, 1], [entryOf(2, 1)]));
  harness.drop();
  harness.deliver(appendEntries(1, 2, 1, [0, 0], [entryOf(1, 1)]));
  assert.deepEqual(sent(harness), ['2->1 AppendEntriesResponse term=1 match=1']);
});

test('one completion stands for all the requests before it', () => {
  const harness = Harness.started();
  for (const at of [1, 2, 3]) {
    harness.deliver(appendEntries(1, 2, 1, [at - 1, at === 1 ? 0 : 1], [entryOf(at, 1)]));
  }
  assert.equal(harness.node(2).persists.length, 3);
  assert.equal(harness.raft(2).stableIndex, 0);
  harness.persist(2, 2);
  assert.equal(harness.raft(2).stableIndex, 2);
  harness.persist(2);
  assert.equal(harness.raft(2).stableIndex, 3);
});

test('a completion of what was never handed out is a bug of the host', () => {
  const harness = Harness.started();
  assert.throws(
    () => harness.act(1, (raft) => raft.persisted(0, 1 as never)),
    /sequence 1 completed, but only 0/,
  );
});

test('B17, ABA: the completion of the first writing is not taken for one of the second', () => {
  const harness = Harness.withLogs([[1], [1], [1], [1], [1]]);
  const mine = [entryOf(2, 2), entryOf(3, 2), entryOf(4, 2)];
  harness.deliver(appendEntries(2, 1, 2, [1, 1], mine));
  // Another leader cuts them away, and a third, which has them, sends them again.
  harness.deliver(appendEntries(3, 1, 3, [1, 1], [entryOf(2, 3)]));
  harness.deliver(appendEntries(4, 1, 4, [1, 1], [...mine, entryOf(5, 4)]));
  assert.deepEqual(harness.terms(1), [1, 2, 2, 2, 4]);

  harness.persist(1, 1);
  assert.equal(harness.raft(1).stableIndex, 1, 'these very entries, but not this writing of them');
  harness.persist(1, 1);
  assert.equal(harness.raft(1).stableIndex, 1);
  harness.drop();
  harness.persist(1, 1);
  assert.equal(harness.raft(1).stableIndex, 5);
  assert.deepEqual(sent(harness), ['1->4 AppendEntriesResponse term=4 match=5']);
});

test('a cut of what was never handed to the disk is not asked of the disk', () => {
  const harness = Harness.withLogs([[1], [1], [1]]);
  harness.act(1, (raft) => {
    raft.step(0, appendEntries(2, 1, 2, [1, 1], [entryOf(2, 2), entryOf(3, 2)]));
    raft.step(0, appendEntries(3, 1, 3, [1, 1], [entryOf(2, 3)]));
  });
  const [persist, ...more] = harness.node(1).persists;
  assert.equal(more.length, 0);
  assert.equal(persist?.truncateFrom, 0);
  assert.deepEqual(
    persist?.entries.map((entry) => entry.term),
    [3],
  );
});

test('two cuts before the disk is asked become the deeper one', () => {
  const harness = Harness.withLogs([[1, 1, 1, 1], [], []]);
  harness.act(1, (raft) => {
    raft.step(0, appendEntries(2, 1, 2, [3, 1], [entryOf(4, 2)]));
    raft.step(0, appendEntries(3, 1, 3, [1, 1], [entryOf(2, 3)]));
    raft.step(0, appendEntries(3, 1, 3, [2, 3], [entryOf(3, 3), entryOf(4, 3)]));
    raft.step(0, appendEntries(2, 1, 4, [3, 3], [entryOf(4, 4)]));
  });
  assert.equal(harness.node(1).persists[0]?.truncateFrom, 2);
  harness.persist(1);
  assert.deepEqual(
    harness.node(1).image.entries.map((entry) => entry.term),
    [1, 3, 3, 4],
  );
  assert.equal(harness.raft(1).stableIndex, 4);
});

test('a candidate counts its own vote when it is durable', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.deliver(preVoteResponse(2, 1, 1, true));
  assert.equal(harness.raft(1).role, 'candidate');
  assert.equal(harness.raft(1).state.votes.size, 0);
  harness.persist(1);
  assert.equal(harness.raft(1).state.votes.size, 1);
});

test('L10: a leader whose disk makes no progress steps down, and does not stand again', () => {
  const harness = withLeader();
  harness.propose(1, 'x');
  const beat = () => {
    harness.timeout(1);
    harness.deliverAll();
    harness.deliverAll();
    for (const id of [2, 3]) harness.persist(id);
    harness.deliverAll();
  };
  const stalledMs = harness.nowMs + harness.timing.storageStallMs;
  harness.until(() => harness.raft(1).role !== 'leader', beat);
  assert(harness.nowMs > stalledMs && harness.nowMs <= stalledMs + 2 * harness.timing.heartbeatMs);
  assert.equal(
    harness.trace.findLast((event) => event.kind === 'role')?.reason,
    'its disk makes no progress',
  );
  for (let i = 0; i < 5; i++) harness.timeout(1);
  assert.equal(harness.raft(1).role, 'follower');
  harness.act(1, (raft) => raft.step(harness.nowMs, timeoutNow(2, 1, 1)));
  assert.equal(harness.raft(1).role, 'follower');
  harness.persist(1);
  harness.timeout(1);
  assert.equal(harness.raft(1).role, 'precandidate', 'once it writes again, it may');
});

test('L10: nobody votes whose disk makes no progress', () => {
  const harness = withLeader();
  harness.propose(1, 'x');
  harness.deliverAll();
  harness.nowMs += harness.timing.storageStallMs + 1;
  harness.deliver(preVote(3, 2, 2, [9, 9]));
  assert.deepEqual(sent(harness), ['2->3 PreVoteResponse term=1 refused']);
  harness.deliver(requestVote(3, 2, 2, [9, 9]));
  assert.equal(harness.raft(2).votedFor, 0);
  harness.persist(2);
  assert(sent(harness).includes('2->3 RequestVoteResponse term=2 refused'));
});

test('D2: whatever was acknowledged is there after a crash, with a hint of the commit', () => {
  const harness = withLeader();
  for (let i = 0; i < 5; i++) harness.propose(1, `${i}`);
  harness.settle();
  harness.propose(1, 'one more');
  harness.settle();
  for (const id of [1, 2, 3]) harness.crash(id);
  for (const id of [1, 2, 3]) harness.start(id);
  for (const { up } of harness.nodes) {
    assert.equal(up.lastIndex, 7);
    assert.equal(up.currentTerm, 1);
    assert(up.commitIndex >= 1, 'a hint only');
  }
  harness.elect(2);
  assert.equal(harness.raft(2).commitIndex, 8);
  assert.equal(harness.raft(2).progressOf(nodeId(3))?.matchIndex, 8);
});
