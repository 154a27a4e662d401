import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId, term } from '../../src/base/ids.ts';
import type { Message } from '../../src/raft/messages.ts';
import { Harness } from './harness.ts';
import {
  acknowledgement,
  appendEntries,
  describe,
  preVote,
  reinstate,
  requestVote,
  suspectResponse,
  timeoutNow,
} from './say.ts';

// A node that has found rot counts for nothing until it is whole (docs/suspect-mode.md).

const sent = (harness: Harness): string[] => harness.messages.map(describe);
const fromNode3 = (message: Message) => message.from === 3;

/** Node 1 leads term 1; all three hold entries up to `last`; then node 3 rots and starts. */
function withSuspect(last: number, keep: number): Harness {
  const harness = Harness.started();
  harness.elect(1);
  for (let at = 2; at <= last; at++) harness.propose(1, `${at}`);
  harness.settle();
  harness.crash(3);
  harness.rot(3, keep);
  harness.start(3);
  return harness;
}

/** Node 1 has just won term 2 with the vote of node 2, which is gone since; node 3 is a suspect. */
function withUnprovenLeader(): Harness {
  const harness = Harness.withLogs([[1], [1], [1]]);
  harness.crash(3);
  harness.rot(3, 0);
  harness.start(3);
  harness.forgetLeaders();
  harness.timeout(1);
  if (harness.raft(1).role === 'follower') harness.timeout(1);
  for (const node of [2, 1, 1, 2, 2, 1]) {
    harness.deliverAll((message) => message.to === node);
    harness.persist(node);
  }
  assert.equal(harness.raft(1).role, 'leader');
  harness.crash(2);
  harness.drop();
  return harness;
}

const standing = (harness: Harness, leader: number, of: number) =>
  harness.raft(leader).progressOf(nodeId(of))?.standing;

test('it grants no pre-vote and no vote, and what it answers is no vote by type', () => {
  const harness = withSuspect(3, 1);
  harness.forgetLeaders();
  harness.deliver(preVote(2, 3, 2, [9, 1]));
  harness.deliver(requestVote(2, 3, 2, [9, 1]));
  harness.persist(3);
  assert.deepEqual(sent(harness).slice(-2), [
    '3->2 SuspectResponse term=1 life=2 refused=0 hint=0/0',
    '3->2 SuspectResponse term=2 life=2 refused=0 hint=0/0',
  ]);
  assert.equal(harness.raft(3).votedFor, 0);
  harness.deliver(requestVote(2, 3, 1, [9, 1]));
  assert.match(sent(harness).at(-1)!, /SuspectResponse term=2/, 'nor to one of an earlier term');
});

test('it does not campaign: not when its timer runs out, nor when its leader is gone or asks for it', () => {
  const harness = withSuspect(3, 1);
  harness.drop();
  harness.deliver(appendEntries(1, 3, 1, [1, 1]));
  assert.equal(harness.raft(3).leaderId, 1);
  harness.deliver(timeoutNow(1, 3, 1));
  harness.act(3, (raft) => raft.peerProcessGone(harness.nowMs, nodeId(1), 1 as never));
  for (let i = 0; i < 5; i++) harness.timeout(3);
  assert.deepEqual([harness.raft(3).role, harness.raft(3).currentTerm], ['follower', 1]);
  assert.equal(harness.raft(3).leaderId, 0, 'but it no longer believes in the leader');
  assert.deepEqual(
    sent(harness).filter((line) => !line.includes('SuspectResponse')),
    [],
  );
});

test('what it holds does not count towards a commit, and counts once it is reinstated', () => {
  const harness = withSuspect(3, 1);
  harness.crash(2);
  const last = harness.propose(1, 'new');
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(3), 2 as never));
  // Everything but the word that it is whole again.
  for (let round = 0; round < 10; round++) {
    harness.drop(({ kind }) => kind === 'Reinstate');
    harness.deliverAll();
    for (const id of [1, 3]) harness.persist(id);
  }
  assert.deepEqual([harness.raft(3).stableIndex, harness.raft(1).commitIndex], [last, last - 1]);
  harness.run(100);
  assert.deepEqual([harness.raft(3).isSuspect, harness.raft(1).commitIndex], [false, last]);
});

test('it is whole with what the leader had when it first heard of it, and not before', () => {
  const harness = withSuspect(5, 2);
  harness.drop();
  harness.deliver(suspectResponse(3, 1, 1, 2, 2));
  assert.equal(standing(harness, 1, 3), 'suspect');
  harness.propose(1, 'later');
  harness.drop();
  const asked = () => harness.messages.some(({ kind }) => kind === 'Reinstate');
  harness.deliver(suspectResponse(3, 1, 1, 4, 2));
  assert.ok(!asked());
  harness.deliver(suspectResponse(3, 1, 1, 5, 2));
  assert.ok(asked(), 'what came later it gets like anybody');
});

test('a leader that has not committed in its own term makes nobody whole', () => {
  const harness = withUnprovenLeader();
  const asked = () => harness.messages.some(({ kind }) => kind === 'Reinstate');
  harness.deliver(suspectResponse(3, 1, 2, 2, 2));
  assert.ok(!asked());
  harness.persist(1);
  harness.deliver(acknowledgement(2, 1, 2, 2));
  assert.equal(harness.raft(1).commitIndex, 2);
  harness.deliver(suspectResponse(3, 1, 2, 2, 2));
  assert.ok(asked());
});

test('words of another life: an acknowledgement of before the rot, a Reinstate meant for it', () => {
  const harness = withSuspect(5, 2);
  harness.drop();
  harness.deliver(suspectResponse(3, 1, 1, 2, 2));
  harness.deliver(acknowledgement(3, 1, 1, 5, 1));
  assert.deepEqual(
    [standing(harness, 1, 3), harness.raft(1).progressOf(nodeId(3))?.matchIndex],
    ['suspect', 2],
  );
  for (const life of [1, 3]) harness.deliver(reinstate(1, 3, 1, life, 2));
  harness.persist(3);
  assert.ok(harness.raft(3).isSuspect);
  // A suspect's word that arrives late does not undo what the same life has said since.
  harness.deliver(acknowledgement(3, 1, 1, 5, 2));
  harness.deliver(suspectResponse(3, 1, 1, 2, 2));
  assert.equal(standing(harness, 1, 3), 'sound');
});

test('until it is durable that it is whole it answers as a suspect, and a crash leaves it one', () => {
  const harness = withSuspect(3, 3);
  harness.drop();
  harness.deliver(reinstate(1, 3, 1, 2, 3));
  harness.deliver(appendEntries(1, 3, 1, [3, 1]));
  assert.match(sent(harness).at(-1)!, /3->1 SuspectResponse/);
  harness.crash(3);
  harness.start(3);
  assert.ok(harness.raft(3).isSuspect);
  harness.deliver(reinstate(1, 3, 1, 3, 3));
  harness.persist(3);
  harness.deliver(appendEntries(1, 3, 1, [3, 1]));
  assert.equal(sent(harness).at(-1), '3->1 AppendEntriesResponse term=1 match=3');
});

test('leadership is never handed to it: not when it is named, nor when anybody would do', () => {
  const harness = withSuspect(3, 3);
  harness.crash(2);
  harness.drop();
  harness.deliver(suspectResponse(3, 1, 1, 0, 2));
  harness.nowMs += harness.timing.electionTimeoutMinMs - 1;
  harness.deliver(suspectResponse(3, 1, 1, 0, 2));
  harness.act(1, (raft) => {
    assert.ok(!raft.transferLeadership(harness.nowMs, nodeId(3)));
    assert.ok(!raft.transferLeadership(harness.nowMs + 2, null));
  });
});

test('check-quorum: suspects keep a leader that can mend them, and no other', () => {
  const mended = withSuspect(3, 1);
  mended.crash(2);
  const hear = (harness: Harness, term: number) => {
    for (let at = 0; at < 10; at++) {
      harness.nowMs = harness.raft(1).nextTickMs;
      harness.act(1, (raft) => raft.tick(harness.nowMs));
      if (harness.raft(1).role === 'leader') harness.deliver(suspectResponse(3, 1, term, 0, 2));
    }
    return harness.raft(1).role;
  };
  assert.equal(hear(mended, 1), 'leader');
  assert.notEqual(hear(withUnprovenLeader(), 2), 'leader');
});

test('a candidate learns why nobody elects it, and forgets it when the suspect is whole', () => {
  const harness = withSuspect(3, 1);
  harness.crash(1);
  harness.drop();
  harness.timeout(2);
  harness.timeout(2);
  harness.deliverAll();
  harness.deliverAll(fromNode3);
  assert.ok(harness.raft(2).isPeerSuspect(nodeId(3)));
  assert.notEqual(harness.raft(2).role, 'leader');
  harness.start(1);
  harness.elect(1);
  harness.run(200);
  assert.ok(!harness.raft(3).isSuspect);
  harness.deliver(preVote(3, 2, 3, [9, 2]));
  assert.ok(!harness.raft(2).isPeerSuspect(nodeId(3)));
});

test('a candidate hears it of a suspect that is behind in terms, too', () => {
  const harness = Harness.withLogs([[1, 2], [1], [1]]);
  for (const id of [2, 3]) {
    harness.crash(id);
    harness.rot(id, 1);
    harness.node(id).image.hardState = {
      ...harness.node(id).image.hardState,
      currentTerm: term(id - 1),
    };
    harness.start(id);
  }
  harness.run(1000);
  const known = () => [2, 3].map((id) => harness.raft(1).isPeerSuspect(nodeId(id)));
  assert.deepEqual(known(), [true, true]);
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 9 as never));
  assert.deepEqual(known(), [false, true], 'another life may be a sound one');
});

test('a lone suspect waits', () => {
  const harness = new Harness({ nodes: 1 });
  harness.start(1);
  harness.elect(1);
  harness.crash(1);
  harness.rot(1, 0);
  harness.start(1);
  harness.run(5000);
  assert.deepEqual([harness.raft(1).role, harness.raft(1).isSuspect], ['follower', true]);
});
