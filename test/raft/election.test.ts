import assert from 'node:assert/strict';
import { test } from 'node:test';
import { index, nodeId } from '../../src/base/ids.ts';
import { Harness } from './harness.ts';
import {
  appendEntries,
  preVote,
  preVoteResponse,
  requestVote,
  requestVoteResponse,
  describe as say,
} from './say.ts';

const sent = (harness: Harness) => harness.messages.map(say);

/** A cluster with node 1 as leader of term 1, everything at rest. */
function withLeader(options = {}): Harness {
  const harness = Harness.started(options);
  harness.elect(1);
  return harness;
}

/** The same, and everybody knows in which life of its process they have heard it. */
function withConnectedLeader(): Harness {
  const harness = withLeader();
  harness.reconnect();
  harness.timeout(1);
  harness.settle();
  return harness;
}

/** The node is refused where it has been connected to the leader, in its first life. */
function seeLoss(harness: Harness, id: number): void {
  harness.act(id, (raft) => raft.peerProcessGone(harness.nowMs, nodeId(1), 1 as never));
}

test('§5.1: a node that sees a later term adopts it and becomes a follower', () => {
  const harness = withLeader();
  harness.deliver(appendEntries(2, 1, 5, [0, 0]));
  assert.equal(harness.raft(1).role, 'follower');
  assert.equal(harness.raft(1).currentTerm, 5);
  assert.equal(harness.raft(1).votedFor, 0);
  assert.equal(harness.raft(1).leaderId, 2);
});

test('§5.1: a request of an earlier term is refused with the current one', () => {
  const harness = Harness.withLogs([[1, 3], [], []]);
  harness.deliver(appendEntries(2, 1, 2, [1, 1]));
  harness.deliver(requestVote(2, 1, 2, [9, 2]));
  harness.deliver(preVote(2, 1, 3, [9, 3]));
  assert.deepEqual(sent(harness), [
    '1->2 AppendEntriesResponse term=3 refused=1 hint=1/1',
    '1->2 RequestVoteResponse term=3 refused',
    '1->2 PreVoteResponse term=3 refused',
  ]);
  assert.equal(harness.raft(1).leaderId, 0);
});

test('§5.1: a leader of an earlier term steps down when a refusal tells it so', () => {
  const harness = withLeader();
  harness.node(2).raft = null;
  harness.node(2).image.hardState = { ...harness.node(2).image.hardState, currentTerm: 7 as never };
  harness.start(2);
  harness.timeout(1);
  harness.settle();
  assert.equal(harness.raft(1).role, 'follower');
  assert.equal(harness.raft(1).currentTerm, 7);
});

test('§5.2: nodes start as followers, and campaign when they hear nobody', () => {
  const harness = Harness.started();
  assert.deepEqual(
    harness.nodes.map(({ up }) => up.role),
    ['follower', 'follower', 'follower'],
  );
  const { electionTimeoutMinMs, electionTimeoutMaxMs } = harness.timing;
  for (const { up } of harness.nodes) {
    assert(up.nextTickMs >= electionTimeoutMinMs && up.nextTickMs <= electionTimeoutMaxMs);
  }
  harness.timeout(1);
  assert.equal(harness.raft(1).role, 'precandidate');
});

test('§5.2: election timeouts are random and drawn anew each time', () => {
  const harness = Harness.started({ nodes: 7 });
  const drawn = new Set(harness.nodes.map(({ up }) => up.nextTickMs));
  assert(drawn.size >= 5, 'different on different nodes');
  const mine = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const before = harness.nowMs;
    harness.timeout(1);
    mine.add(harness.nowMs - before);
  }
  assert(mine.size >= 5, 'different each time');
});

for (const nodes of [1, 3, 5, 7]) {
  test(`§5.2: a candidate wins with a majority of ${nodes}, and not with less`, () => {
    const harness = Harness.started({ nodes });
    const needed = Math.floor(nodes / 2);
    harness.timeout(1);
    for (let peer = 2; peer <= 1 + needed; peer++) {
      assert.equal(harness.raft(1).role, 'precandidate');
      harness.deliver(preVoteResponse(peer, 1, 1, true));
    }
    assert.equal(harness.raft(1).role, 'candidate');
    harness.persist(1);
    for (let peer = 2; peer <= 1 + needed; peer++) {
      assert.equal(harness.raft(1).role, 'candidate');
      harness.deliver(requestVoteResponse(peer, 1, 1, true));
    }
    assert.equal(harness.raft(1).role, 'leader');
  });
}

test('§5.2: a vote is given once a term, first come, first served, and again to the same', () => {
  const harness = Harness.started({ nodes: 5 });
  harness.deliver(requestVote(2, 1, 1, [0, 0]));
  harness.deliver(requestVote(3, 1, 1, [0, 0]));
  harness.deliver(requestVote(2, 1, 1, [0, 0]));
  harness.persist(1);
  assert.deepEqual(sent(harness), [
    '1->2 RequestVoteResponse term=1 granted',
    '1->3 RequestVoteResponse term=1 refused',
    '1->2 RequestVoteResponse term=1 granted',
  ]);
});

test('§5.2: a vote outlives the process', () => {
  const harness = Harness.started({ nodes: 5 });
  harness.deliver(requestVote(2, 1, 1, [0, 0]));
  harness.persist(1);
  harness.crash(1);
  harness.start(1);
  harness.drop();
  harness.deliver(requestVote(3, 1, 1, [0, 0]));
  assert.deepEqual(sent(harness), ['1->3 RequestVoteResponse term=1 refused']);
});

test('§5.2: neither a vote nor a campaign leaves before the disk has them', () => {
  const harness = Harness.started();
  harness.deliver(requestVote(2, 1, 1, [0, 0]));
  assert.deepEqual(sent(harness), []);
  harness.persist(1);
  assert.deepEqual(sent(harness), ['1->2 RequestVoteResponse term=1 granted']);

  harness.drop();
  harness.timeout(3);
  harness.deliver(preVoteResponse(1, 3, 1, true));
  assert.equal(harness.raft(3).role, 'candidate');
  harness.drop((message) => message.kind === 'PreVote');
  assert.deepEqual(sent(harness), []);
  harness.persist(3);
  assert.equal(harness.messages.length, 2);
});

test('§5.2: a candidate returns to follower when it hears the leader of its term', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.deliver(preVoteResponse(2, 1, 1, true));
  assert.equal(harness.raft(1).role, 'candidate');
  harness.deliver(appendEntries(3, 1, 1, [0, 0]));
  assert.equal(harness.raft(1).role, 'follower');
  assert.equal(harness.raft(1).leaderId, 3);
});

test('§5.2: a late vote for an earlier candidacy counts for nothing', () => {
  const harness = Harness.started({ nodes: 5 });
  for (const term of [1, 2]) {
    harness.timeout(1);
    harness.deliver(preVoteResponse(2, 1, term, true));
    harness.deliver(preVoteResponse(3, 1, term, true));
    harness.persist(1);
  }
  assert.equal(harness.raft(1).currentTerm, 2);
  for (const peer of [2, 3, 4, 5]) harness.deliver(requestVoteResponse(peer, 1, 1, true));
  assert.equal(harness.raft(1).role, 'candidate');
});

test('§5.2: after a split vote the candidate times out and asks again', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.deliver(preVoteResponse(2, 1, 1, true));
  harness.persist(1);
  harness.deliver(requestVoteResponse(2, 1, 1, false));
  harness.deliver(requestVoteResponse(3, 1, 1, false));
  assert.equal(harness.raft(1).role, 'candidate');
  harness.timeout(1);
  assert.equal(harness.raft(1).role, 'precandidate');
  assert.equal(harness.raft(1).currentTerm, 1, 'the term rises only when the pre-vote is won');
});

test('§5.2: a second leader in one term is a bug, and the assertion names both', () => {
  const harness = withLeader();
  assert.throws(() => harness.deliver(appendEntries(3, 2, 1, [0, 0])), /S1.*term 1: 1 and 3/);
  assert.throws(() => harness.deliver(appendEntries(3, 1, 1, [0, 0])), /S1.*term 1: 1 and 3/);
});

test('§5.4.1: a vote goes only to a log with a later last term, or the same and as long', () => {
  const cases: [last: [number, number], granted: boolean][] = [
    [[1, 3], true],
    [[9, 1], false],
    [[3, 2], true],
    [[4, 2], true],
    [[2, 2], false],
  ];
  for (const [last, granted] of cases) {
    const harness = Harness.withLogs([[1, 2, 2], [], []]);
    const answer = granted ? 'granted' : 'refused';
    harness.deliver(preVote(2, 1, 4, last));
    const term = granted ? 4 : 2;
    assert.deepEqual(sent(harness), [`1->2 PreVoteResponse term=${term} ${answer}`], `${last}`);
    harness.drop();
    harness.deliver(requestVote(2, 1, 4, last));
    harness.persist(1);
    assert.deepEqual(sent(harness), [`1->2 RequestVoteResponse term=4 ${answer}`], `${last}`);
  }
});

test('§5.5: requests may be repeated: a repeated RequestVote or response changes nothing', () => {
  const harness = Harness.started({ nodes: 5 });
  harness.timeout(1);
  for (let i = 0; i < 3; i++) harness.deliver(preVoteResponse(2, 1, 1, true));
  assert.equal(harness.raft(1).role, 'precandidate');
  harness.deliver(preVoteResponse(3, 1, 1, true));
  harness.persist(1);
  for (let i = 0; i < 3; i++) harness.deliver(requestVoteResponse(2, 1, 1, true));
  assert.equal(harness.raft(1).role, 'candidate');
});

test('Figure 2: granting a vote puts off one’s own campaign', () => {
  const harness = Harness.started();
  harness.nowMs = harness.raft(1).nextTickMs - 1;
  harness.deliver(requestVote(2, 1, 1, [0, 0]));
  assert(harness.raft(1).nextTickMs >= harness.nowMs + harness.timing.electionTimeoutMinMs);
});

test('§8: a leader begins its term with a no-op; the very first one with the configuration', () => {
  const harness = withLeader({ firstConfiguration: new Uint8Array([1, 2, 3]) });
  const types = (id: number) => harness.node(id).image.entries.map((entry) => entry.type);
  assert.deepEqual(types(1), [2, 1]);
  assert.deepEqual(types(3), [2, 1]);
  assert.deepEqual([...harness.node(2).image.entries[0]!.payload], [1, 2, 3]);
  harness.crash(1);
  harness.elect(2);
  assert.deepEqual(types(2), [2, 1, 1]);
  assert.equal(harness.raft(2).commitIndex, 3, 'which commits everything before it');
});

test('§9.6: a pre-vote changes nothing on anybody', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.deliverAll();
  for (const { up, persists } of harness.nodes.slice(1)) {
    assert.equal(up.currentTerm, 0);
    assert.equal(up.role, 'follower');
    assert.equal(persists.length, 0);
  }
  assert.deepEqual(sent(harness), [
    '2->1 PreVoteResponse term=1 granted',
    '3->1 PreVoteResponse term=1 granted',
  ]);
});

test('§9.6: a node that was cut off does not disturb the leader when it returns', () => {
  const harness = withLeader();
  harness.isolate(3);
  harness.run(5000);
  assert.equal(harness.raft(3).currentTerm, 1, 'no term was raised in vain');
  harness.heal();
  harness.run(1000);
  assert.deepEqual(harness.leaders(), [1]);
  assert.equal(harness.raft(1).currentTerm, 1);
});

test('§9.6: a refused pre-vote teaches a later term, a granted one or a late one does not', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.deliver(preVoteResponse(2, 1, 4, false));
  assert.equal(harness.raft(1).currentTerm, 4);
  assert.equal(harness.raft(1).role, 'follower');
  harness.timeout(1);
  harness.deliver(preVoteResponse(2, 1, 9, true));
  assert.equal(harness.raft(1).currentTerm, 4);
  assert.equal(harness.raft(1).role, 'precandidate', 'a grant for another term does not count');
});

test('§6, §4.2.3: while the leader is heard, neither pre-votes nor votes are granted', () => {
  const harness = withLeader();
  harness.timeout(1);
  harness.settle();
  harness.deliver(preVote(3, 2, 2, [9, 9]));
  assert.deepEqual(sent(harness), ['2->3 PreVoteResponse term=1 refused']);
  harness.drop();
  harness.deliver(requestVote(3, 2, 2, [9, 9]));
  harness.deliver(requestVote(3, 1, 2, [9, 9]));
  assert.deepEqual(sent(harness), []);
  assert.equal(harness.raft(2).currentTerm, 1, 'not even the term is adopted');
  assert.equal(harness.raft(1).role, 'leader');
});

test('§6: loyalty ends with the shortest election timeout', () => {
  const harness = withLeader();
  harness.nowMs += harness.timing.electionTimeoutMinMs;
  harness.deliver(requestVote(3, 2, 2, [9, 9]));
  assert.equal(harness.raft(2).votedFor, 3);
});

test('§6.2: a leader that hears no majority steps down within an election timeout', () => {
  for (const nodes of [3, 5, 7]) {
    const harness = withLeader({ nodes });
    harness.run(200);
    harness.isolate(1);
    const cutAt = harness.nowMs;
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = harness.timing;
    harness.until(
      () => harness.raft(1).role !== 'leader',
      () => harness.run(10),
    );
    const ms = harness.nowMs - cutAt;
    assert(ms >= electionTimeoutMinMs - 50 && ms <= electionTimeoutMaxMs, `after ${ms} ms`);
    assert.equal(harness.raft(1).leaderId, 0);
  }
});

test('§6.2: a leader that hears a bare majority stays', () => {
  const harness = withLeader({ nodes: 5 });
  harness.isolate(4);
  harness.isolate(5);
  harness.run(5000);
  assert.deepEqual(harness.leaders(), [1]);
  assert.equal(harness.raft(1).currentTerm, 1);
});

test('a leader that sends but does not receive is deposed, and another takes over', () => {
  const harness = withLeader();
  for (const other of [2, 3]) harness.cutLinks.add(`${other}>1`);
  harness.run(3000);
  assert.equal(harness.leaders().length, 1);
  assert.notEqual(harness.leaders()[0], 1);
});

test('L3: one slow link, one way, does not change the term', () => {
  const harness = withLeader();
  harness.cutLinks.add('1>3');
  harness.run(3000);
  assert.deepEqual(harness.leaders(), [1]);
  assert.equal(harness.raft(1).currentTerm, 1);
});

test('DESIGN §8: when the leader’s process is gone, a follower pre-votes within 20 ms', () => {
  const harness = withConnectedLeader();
  harness.crash(1);
  const goneAt = harness.nowMs;
  for (const id of [2, 3]) {
    seeLoss(harness, id);
    assert.equal(harness.raft(id).leaderId, 0);
    assert(harness.raft(id).nextTickMs <= goneAt + 20);
  }
  harness.run(25);
  assert.equal(harness.leaders().length, 1, 'and is elected, for the others owe no loyalty either');
});

test('DESIGN §8: evidence about somebody else, or about an earlier life, is none', () => {
  const harness = withLeader();
  harness.crash(1);
  harness.start(1);
  harness.reconnect();
  harness.elect(1);
  const before = harness.raft(2).nextTickMs;
  harness.act(2, (raft) => raft.peerProcessGone(harness.nowMs, nodeId(3), 1 as never));
  seeLoss(harness, 2);
  assert.equal(harness.raft(2).leaderId, 1);
  assert.equal(harness.raft(2).nextTickMs, before);
  harness.act(2, (raft) => raft.peerProcessGone(harness.nowMs, nodeId(1), 2 as never));
  assert.equal(harness.raft(2).leaderId, 0);
});

test('DESIGN §8: a newer life of the leader’s process is evidence too', () => {
  const harness = withConnectedLeader();
  harness.act(2, (raft) => raft.peerConnected(harness.nowMs, nodeId(1), 1 as never));
  assert.equal(harness.raft(2).leaderId, 1, 'the same life again is not');
  harness.act(2, (raft) => raft.peerConnected(harness.nowMs, nodeId(1), 2 as never));
  assert.equal(harness.raft(2).leaderId, 0);
  assert(harness.raft(2).nextTickMs <= harness.nowMs + 20);
});

test('DESIGN §8: who saw the loss first is not asked to wait for who saw it later', () => {
  const harness = withConnectedLeader();
  harness.crash(1);
  // Node 3, which would go first, still believes in the leader.
  seeLoss(harness, 2);
  harness.timeout(2);
  harness.settle();
  assert.deepEqual(harness.leaders(), []);
  seeLoss(harness, 3);
  harness.settle();
  assert.deepEqual(harness.leaders(), [2], 'without any time passing');
});

test('DESIGN §8: what was asked long before the loss is not answered then', () => {
  const harness = withConnectedLeader();
  harness.deliver(preVote(2, 3, 2, [1, 1]));
  harness.run(harness.timing.heartbeatMs + 1);
  seeLoss(harness, 3);
  const { processGoneDelayMaxMs } = harness.timing;
  assert(
    harness.raft(3).nextTickMs < harness.nowMs + processGoneDelayMaxMs,
    'it goes first itself',
  );
});

test('DESIGN §8: of those that see it at once, the highest id asks first', () => {
  const harness = withConnectedLeader();
  harness.crash(1);
  for (const id of [2, 3]) {
    seeLoss(harness, id);
  }
  assert.deepEqual(
    [2, 3].map((id) => harness.raft(id).nextTickMs - harness.nowMs),
    [4, 0],
  );
});

test('DESIGN §8: while the evidence stands, a refused pre-vote is soon repeated', () => {
  const harness = withConnectedLeader();
  harness.crash(1);
  // Node 3 still believes in the leader.
  seeLoss(harness, 2);
  harness.timeout(2);
  harness.settle();
  assert.equal(harness.raft(2).role, 'precandidate');
  assert(harness.raft(2).nextTickMs <= harness.nowMs + 70);
});

test('two that ask for pre-votes at once do not split the vote', () => {
  const harness = Harness.started();
  harness.isolate(1);
  harness.nowMs = 600;
  for (const id of [2, 3]) harness.act(id, (raft) => raft.tick(harness.nowMs));
  for (const id of [2, 3]) harness.timeout(id);
  harness.settle();
  assert.deepEqual(harness.leaders(), [3]);
  assert.equal(harness.raft(3).currentTerm, 1);
});

test('who has granted a pre-vote lets the other go first', () => {
  const harness = Harness.started();
  harness.nowMs = harness.raft(1).nextTickMs - 1;
  harness.deliver(preVote(2, 1, 1, [0, 0]));
  assert.equal(harness.raft(1).nextTickMs, harness.nowMs + harness.timing.processGoneDelayMaxMs);
});

test('the campaign is repeated to a peer whose stream stands anew', () => {
  const harness = Harness.started();
  harness.timeout(1);
  harness.drop();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 1 as never));
  assert.deepEqual(sent(harness), ['1->2 PreVote term=1 last=0/0']);
  harness.deliver(preVoteResponse(2, 1, 1, true));
  harness.persist(1);
  harness.drop();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 1 as never));
  assert.deepEqual(sent(harness), ['1->2 RequestVote term=1 last=0/0']);
});

test('a late tick does not campaign: the messages that wait are read first', () => {
  const harness = withLeader();
  harness.nowMs = harness.raft(2).nextTickMs + harness.timing.lateTickMs + 1;
  harness.act(2, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(2).role, 'follower');
  assert.equal(harness.raft(2).nextTickMs, harness.nowMs + harness.timing.heartbeatMs);
  harness.deliver(appendEntries(1, 2, 1, [1, 1]));
  harness.nowMs += harness.timing.heartbeatMs;
  harness.act(2, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(2).role, 'follower');
});

test('a late tick is excused once: a machine that is always behind may still campaign', () => {
  const harness = withLeader();
  harness.nowMs += 10_000;
  harness.act(2, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(2).role, 'follower');
  harness.nowMs += 10_000;
  harness.act(2, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(2).role, 'precandidate');
});

test('a leader that was held up reads its answers before it judges', () => {
  const harness = withLeader();
  harness.nowMs += 10_000;
  harness.act(1, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(1).role, 'leader');
  harness.nowMs = harness.raft(1).nextTickMs;
  harness.act(1, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(1).role, 'follower');
});

test('an early tick is harmless', () => {
  const harness = Harness.started();
  const { nextTickMs } = harness.raft(1);
  harness.nowMs = nextTickMs - 1;
  harness.act(1, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(1).role, 'follower');
  assert.equal(harness.raft(1).nextTickMs, nextTickMs);
});

test('a lone voter elects itself at once, by way of its own disk', () => {
  const harness = Harness.started({ nodes: 1 });
  harness.act(1, (raft) => raft.tick(harness.nowMs));
  assert.equal(harness.raft(1).role, 'candidate');
  assert(harness.raft(1).nextTickMs > harness.nowMs, 'it gives its disk an election timeout');
  harness.persist(1);
  assert.equal(harness.raft(1).role, 'leader');
  assert.equal(harness.raft(1).commitIndex, 0);
  harness.persist(1);
  assert.equal(harness.raft(1).commitIndex, 1);
  harness.run(5000);
  assert.equal(harness.raft(1).role, 'leader');
});

test('messages from strangers, or for others, are ignored', () => {
  const harness = Harness.started();
  const before = harness.raft(1).nextTickMs;
  harness.act(1, (raft) => raft.step(0, appendEntries(9, 1, 5, [0, 0])));
  harness.act(1, (raft) => raft.step(0, appendEntries(1, 1, 5, [0, 0])));
  harness.act(1, (raft) => raft.step(0, appendEntries(2, 3, 5, [0, 0])));
  assert.equal(harness.raft(1).currentTerm, 0);
  assert.equal(harness.raft(1).nextTickMs, before);
  assert.equal(harness.raft(1).lastIndex, index(0));
});
