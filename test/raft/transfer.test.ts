import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { EntryType, unsealedRecord } from '../../src/base/entry.ts';
import { nodeId } from '../../src/base/ids.ts';
import { Harness } from './harness.ts';
import { describe as say, timeoutNow } from './say.ts';

const sent = (harness: Harness) => harness.messages.map(say);

function withLeader(nodes = 3): Harness {
  const harness = Harness.started({ nodes });
  harness.elect(1);
  return harness;
}

function transfer(harness: Harness, to: number | null): boolean {
  let begun = false;
  harness.act(1, (raft) => {
    begun = raft.transferLeadership(harness.nowMs, to === null ? null : nodeId(to));
  });
  return begun;
}

function propose(harness: Harness, id = 1): unknown {
  let result: unknown;
  harness.act(id, (raft) => {
    result = raft.propose(harness.nowMs, EntryType.Command, unsealedRecord(bytesOf('x')));
  });
  return result;
}

test('§3.10: the heir campaigns at once, and wins although all are loyal', () => {
  const harness = withLeader();
  harness.timeout(1);
  harness.settle();
  assert.equal(transfer(harness, 3), true);
  assert.deepEqual(sent(harness), ['1->3 TimeoutNow term=1']);
  harness.deliverAll();
  harness.persist(3);
  assert(sent(harness).includes('3->1 RequestVote term=2 last=1/1 transfer'));
  harness.settle();
  assert.deepEqual(harness.leaders(), [3]);
  assert.equal(harness.raft(1).leaderId, 3);
});

test('§3.10: a leader that hands over takes no proposals, and brings the heir up to date', () => {
  const harness = withLeader();
  harness.isolate(3);
  propose(harness);
  harness.settle();
  assert.equal(transfer(harness, 3), true);
  assert.equal(propose(harness), 'transferring');
  assert.deepEqual(sent(harness), [], 'node 3 has not everything yet');
  harness.heal();
  harness.timeout(1);
  harness.settle();
  assert.deepEqual(harness.leaders(), [3]);
  assert.equal(harness.raft(3).lastIndex, 3);
});

test('§3.10, L9: a transfer that comes to nothing ends within an election timeout', () => {
  const harness = withLeader();
  harness.isolate(3);
  transfer(harness, 3);
  const begun = harness.nowMs;
  harness.until(
    () => propose(harness) !== 'transferring',
    () => harness.run(10),
  );
  assert(harness.nowMs - begun <= harness.timing.electionTimeoutMaxMs);
  assert.deepEqual(harness.leaders(), [1]);
});

test('to nobody in particular: the most up-to-date follower that is heard from', () => {
  const harness = withLeader(5);
  harness.isolate(2);
  harness.isolate(4);
  harness.isolate(5);
  propose(harness);
  harness.settle();
  assert.equal(transfer(harness, null), true);
  assert.deepEqual(sent(harness), ['1->3 TimeoutNow term=1']);
});

test('there is nobody to hand over to: oneself, a stranger, nobody heard from, no leader', () => {
  const harness = withLeader();
  assert.equal(transfer(harness, 1), false);
  assert.equal(transfer(harness, 9), false);
  harness.act(2, (raft) => assert.equal(raft.transferLeadership(0, nodeId(3)), false));
  harness.nowMs += harness.timing.electionTimeoutMinMs;
  assert.equal(transfer(harness, null), false);
  assert.equal(transfer(harness, 2), true);
  assert.equal(transfer(harness, 3), false, 'one at a time');
});

test('a repeated or late TimeoutNow does nothing', () => {
  const harness = withLeader();
  transfer(harness, 3);
  harness.settle();
  harness.act(3, (raft) => raft.step(harness.nowMs, timeoutNow(1, 3, 1)));
  assert.equal(harness.raft(3).role, 'leader');
  harness.act(2, (raft) => raft.step(harness.nowMs, timeoutNow(1, 2, 1)));
  harness.act(2, (raft) => raft.step(harness.nowMs, timeoutNow(1, 2, 2)));
  assert.equal(harness.raft(2).role, 'follower', 'node 1 does not lead term 2');
});
