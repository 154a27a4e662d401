import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { EntryType, unsealedRecord } from '../../src/base/entry.ts';
import { index, nodeId } from '../../src/base/ids.ts';
import type { AppendEntries, Message } from '../../src/raft/messages.ts';
import type { CoreClusterOptions } from '../../src/sim/messages/core-cluster.ts';
import { entryOf, Harness } from './harness.ts';
import { acknowledgement, appendEntries, refusal, requestVote, describe as say } from './say.ts';

const sent = (harness: Harness) => harness.messages.map(say);
const isAppend = (message: Message): message is AppendEntries => message.kind === 'AppendEntries';

function withLeader(options: CoreClusterOptions = {}): Harness {
  const harness = Harness.started(options);
  harness.elect(1);
  return harness;
}

/** Node 1 leads term 1 with `count` committed entries behind the no-op. */
function withEntries(count: number, options: CoreClusterOptions = {}): Harness {
  const harness = withLeader(options);
  for (let i = 0; i < count; i++) harness.propose(1, `entry ${i}`);
  harness.settle();
  harness.timeout(1);
  harness.settle();
  return harness;
}

function applyAll(harness: Harness): void {
  for (const { id } of harness.nodes) harness.act(id, (raft) => raft.applied(raft.commitIndex));
}

test('§5.3: a proposal is committed once a majority has it durably, and then on everybody', () => {
  const harness = withLeader({ nodes: 5 });
  const at = harness.propose(1, 'x');
  harness.deliverAll();
  harness.persist(1);
  harness.persist(2);
  harness.deliverAll();
  assert.equal(harness.raft(1).commitIndex, at - 1, 'two of five');
  harness.persist(3);
  harness.deliverAll();
  assert.equal(harness.raft(1).commitIndex, at, 'three of five');
  harness.timeout(1);
  harness.settle();
  for (const { up } of harness.nodes) assert.equal(up.commitIndex, at);
});

test('§5.3: only the leader takes proposals', () => {
  const harness = withLeader();
  const record = unsealedRecord(bytesOf('x'));
  harness.act(2, (raft) => assert.equal(raft.propose(0, EntryType.Command, record), 'not-leader'));
});

test('§5.3: the leader sends before its own disk is done, and counts itself afterwards', () => {
  const harness = withLeader();
  const at = harness.propose(1, 'x');
  assert.equal(harness.node(1).persists.length, 1);
  harness.deliverAll(isAppend);
  harness.persist(2);
  harness.deliverAll();
  assert.equal(harness.raft(1).commitIndex, at - 1, 'only node 2 has it');
  harness.persist(1);
  assert.equal(harness.raft(1).commitIndex, at);
});

test('§5.3: two followers commit an entry that the leader’s own disk still lacks', () => {
  const harness = withLeader();
  const at = harness.propose(1, 'x');
  harness.deliverAll(isAppend);
  harness.persist(2);
  harness.persist(3);
  harness.deliverAll();
  assert.equal(harness.raft(1).commitIndex, at);
  assert.equal(harness.raft(1).stableIndex, at - 1);
});

test('§5.3: the proposals of one turn share one AppendEntries a follower, and one array', () => {
  const harness = withLeader();
  harness.act(1, (raft) => {
    for (const text of ['a', 'b', 'c']) {
      raft.propose(0, EntryType.Command, unsealedRecord(bytesOf(text)));
    }
  });
  const [one, other, ...more] = harness.messages.filter(isAppend);
  assert.equal(more.length, 0);
  assert.equal(one!.entries.length, 3);
  assert.equal(one!.entries, other!.entries);
  assert.equal(harness.node(1).persists.length, 1);
});

test('§5.3: a follower without the entry before refuses, and says where it may agree', () => {
  const harness = Harness.withLogs([[1, 1, 4], [], []]);
  const cases: [prev: [number, number], answer: string][] = [
    [[9, 4], 'refused=9 hint=3/4'],
    [[3, 5], 'refused=3 hint=3/4'],
    [[3, 3], 'refused=3 hint=2/1'],
    [[2, 3], 'refused=2 hint=2/1'],
  ];
  for (const [prev, answer] of cases) {
    harness.drop();
    harness.deliver(appendEntries(2, 1, 4, prev, []));
    assert.deepEqual(sent(harness), [`1->2 AppendEntriesResponse term=4 ${answer}`]);
  }
  assert.deepEqual(harness.terms(1), [1, 1, 4], 'a refused request changes nothing');
});

test('§5.3: a conflicting entry goes, with all that follow it', () => {
  const harness = Harness.withLogs([[1, 2, 2, 2], [], []]);
  harness.deliver(appendEntries(2, 1, 3, [1, 1], [entryOf(2, 3)]));
  assert.deepEqual(harness.terms(1), [1, 3]);
  assert.equal(harness.raft(1).stableIndex, 1);
  harness.persist(1);
  assert.deepEqual(
    harness.node(1).image.entries.map((entry) => entry.term),
    [1, 3],
  );
  assert.deepEqual(sent(harness), ['1->2 AppendEntriesResponse term=3 match=2']);
});

test('§5.3: a late request that the log has outgrown removes nothing', () => {
  const harness = Harness.withLogs([[1, 1, 1, 1], [], []]);
  harness.deliver(appendEntries(2, 1, 1, [1, 1], [entryOf(2, 1)]));
  harness.deliver(appendEntries(2, 1, 1, [2, 1]));
  assert.deepEqual(harness.terms(1), [1, 1, 1, 1]);
  assert.deepEqual(sent(harness), [
    '1->2 AppendEntriesResponse term=1 match=2',
    '1->2 AppendEntriesResponse term=1 match=2',
  ]);
});

test('§5.3: an acknowledgement speaks of what the request spoke of, not of the last entry', () => {
  const harness = Harness.withLogs([[1, 1, 2, 2], [], []]);
  harness.deliver(appendEntries(2, 1, 3, [2, 1]));
  harness.persist(1);
  assert.deepEqual(sent(harness), ['1->2 AppendEntriesResponse term=3 match=2']);
});

test('Figure 2: a follower commits min(leaderCommit, last new entry)', () => {
  const harness = Harness.withLogs([[1, 1, 2, 2], [], []]);
  harness.deliver(appendEntries(2, 1, 3, [2, 1], [], 9));
  assert.equal(harness.raft(1).commitIndex, 2, 'entries 3 and 4 have not been spoken of');
  harness.deliver(appendEntries(2, 1, 3, [2, 1], [entryOf(3, 3)], 9));
  assert.equal(harness.raft(1).commitIndex, 3);
  harness.deliver(appendEntries(2, 1, 3, [2, 1], [], 1));
  assert.equal(harness.raft(1).commitIndex, 3, 'it never decreases');
});

test('S17: what is committed is never removed: a leader that asks for it has a bug', () => {
  const harness = Harness.withLogs([[1, 1], [], []]);
  harness.deliver(appendEntries(2, 1, 1, [2, 1], [], 2));
  assert.throws(() => harness.deliver(appendEntries(3, 1, 2, [1, 1], [entryOf(2, 2)])), /S17/);
});

test('§5.4.2, Figure 8: an entry of an earlier term is not committed by counting', () => {
  const harness = Harness.withLogs([[1, 2], [1, 2], [1]]);
  harness.timeout(1);
  harness.until(
    () => harness.raft(1).role === 'leader',
    () => {
      harness.deliverAll((message) => !isAppend(message));
      for (const id of [1, 2, 3]) harness.persist(id);
    },
  );
  // A majority holds entry 2 of term 2; this must not commit it.
  harness.deliver(acknowledgement(2, 1, harness.raft(1).currentTerm, 2));
  assert.equal(harness.raft(1).commitIndex, 0);
  harness.settle();
  assert.equal(harness.raft(1).commitIndex, 3, 'the no-op of term 3 commits all three');
});

/** Node 1 leads and brings node 2 in line; returns how often node 2 had to refuse. */
function backUp(mine: readonly number[], theirs: readonly number[]): number {
  const harness = Harness.withLogs([mine, theirs, mine]);
  let refusals = 0;
  harness.witnesses.push({
    sent: (_node, message) => {
      if (message.kind === 'AppendEntriesResponse' && !message.success) refusals++;
    },
  });
  harness.elect(1);
  assert.deepEqual(harness.terms(2), harness.terms(1));
  return refusals;
}

test('§5.3, fast back-up: one refusal for each term that differs, not one for each entry', () => {
  const run = (ofTerm: number, count: number): number[] => Array(count).fill(ofTerm);
  const mine = [...run(1, 50), ...run(4, 50), ...run(6, 50)];
  const theirs = [...run(1, 50), ...run(2, 80), ...run(3, 80)];
  assert(backUp(mine, theirs) <= 3);
});

test('§5.3, fast back-up: the hints of both sides skip a whole term each', () => {
  assert.equal(backUp([1, 1, 1, 5, 5, 5, 5, 5], [1, 1, 1, 4, 4, 4, 4, 4]), 1);
  assert.equal(backUp([1, 1, 1, 3, 3, 3, 5, 5], [1, 1, 1, 2, 2, 2, 4, 4]), 2);
});

test('§5.5: messages that are lost are sent again: a heartbeat finds the gap', () => {
  const harness = withEntries(2);
  harness.propose(1, 'lost');
  harness.drop();
  const last = harness.propose(1, 'lost too');
  harness.drop();
  harness.timeout(1);
  assert(sent(harness).includes('1->2 AppendEntries term=1 prev=5/1 commit=3 entries=()'));
  harness.settle();
  assert.equal(harness.raft(1).commitIndex, last);
  assert.equal(harness.raft(3).lastIndex, last);
});

test('§5.5: requests and answers may be repeated and reordered', () => {
  const harness = withLeader();
  for (const text of ['a', 'b', 'c']) harness.propose(1, text);
  const requests = harness.messages.filter(isAppend);
  harness.drop();
  for (const request of [...requests.reverse(), ...requests, ...requests]) harness.deliver(request);
  harness.settle();
  harness.timeout(1);
  harness.settle();
  for (const { up } of harness.nodes) assert.equal(up.commitIndex, 4);
});

test('S16: a late acknowledgement takes nothing back', () => {
  const harness = withEntries(5);
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.matchIndex, 6);
  harness.deliver(acknowledgement(2, 1, 1, 3));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.matchIndex, 6);
});

test('a late refusal is recognised, by what it refuses', () => {
  const harness = withEntries(5);
  harness.deliver(refusal(2, 1, 1, 4, [3, 1]));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.state, 'replicate', 'known to match');
  harness.deliver(refusal(2, 1, 1, 99, [3, 1]));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.state, 'replicate', 'never asked');

  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 9 as never));
  harness.drop();
  const { nextIndex } = harness.raft(1).progressOf(nodeId(2))!;
  harness.deliver(refusal(2, 1, 1, 3, [2, 1], 9));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.nextIndex, nextIndex, 'not the question');
  harness.deliver(refusal(2, 1, 1, nextIndex - 1, [2, 1], 8));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.nextIndex, nextIndex, 'of another life');
  assert.deepEqual(sent(harness), []);
  harness.deliver(refusal(2, 1, 1, nextIndex - 1, [2, 1], 9));
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.nextIndex, 3);
});

test('a refusal in the pipeline: back to one question at a time, and then on from the hint', () => {
  const harness = withEntries(0);
  for (const text of ['a', 'b', 'c', 'd']) harness.propose(1, text);
  // The second is lost on its way to node 2.
  harness.messages.splice(
    harness.messages.findIndex((m) => isAppend(m) && m.to === 2 && m.prevLogIndex === 2),
    1,
  );
  harness.deliverAll(isAppend);
  harness.persist(2);
  harness.deliverAll(
    (message) => say(message).includes('2->1') && say(message).includes('refused'),
  );
  const probes = harness.messages.filter((m) => m.to === 2);
  assert.deepEqual(probes.map(say), [
    '1->2 AppendEntries term=1 prev=2/1 commit=1 entries=(3/1,4/1,5/1)',
  ]);
  harness.settle();
  assert.equal(harness.raft(2).lastIndex, 5);
});

test('a probe waits for its answer; a heartbeat repeats the question without the entries', () => {
  const harness = withLeader();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 1 as never));
  harness.drop();
  harness.propose(1, 'x');
  assert(!sent(harness).some((line) => line.startsWith('1->2')), 'no answer yet');
  harness.drop();
  harness.timeout(1);
  const question = harness.messages.filter(({ to }) => to === 2);
  assert.deepEqual(question.map(say), ['1->2 AppendEntries term=1 prev=1/1 commit=1 entries=()']);
  harness.settle();
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.state, 'replicate');
  assert.equal(harness.raft(2).lastIndex, 2);
});

test('§10.2 of the dissertation: entries are pipelined, up to the window’s messages', () => {
  const harness = withLeader({ limits: { inflightMessagesMax: 3 } });
  for (let i = 0; i < 5; i++) harness.propose(1, `${i}`);
  assert.equal(harness.messages.filter(({ to }) => to === 2).length, 3);
  harness.settle();
  assert.equal(harness.raft(2).lastIndex, 6);
});

test('L8: entries are pipelined, up to the window’s bytes', () => {
  const harness = withLeader({ limits: { inflightBytesMax: 200 } });
  for (let i = 0; i < 9; i++) harness.propose(1, 'x'.repeat(72));
  assert.equal(harness.messages.filter(({ to }) => to === 2).length, 2, 'of 100 bytes each');
  harness.settle();
  assert.equal(harness.raft(2).lastIndex, 10);
});

test('an AppendEntries is bounded, but a single larger entry travels alone', () => {
  const harness = withLeader({ limits: { appendEntriesBytesMax: 250 } });
  harness.act(1, (raft) => {
    for (const size of [72, 72, 72, 500]) {
      raft.propose(0, EntryType.Command, unsealedRecord(bytesOf('x'.repeat(size))));
    }
  });
  const sizes = harness.messages
    .filter(({ to }) => to === 2)
    .filter(isAppend)
    .map(({ entries }) => entries.length);
  assert.deepEqual(sizes, [2, 1, 1]);
});

test('P1: what is not committed is bounded; one entry fits however large', () => {
  const harness = withLeader({ limits: { uncommittedBytesMax: 300 } });
  const propose = (size: number, type: EntryType = EntryType.Command) => {
    let result: unknown;
    harness.act(1, (raft) => {
      result = raft.propose(0, type, unsealedRecord(bytesOf('x'.repeat(size))));
    });
    return result;
  };
  assert.equal(propose(5000), 2);
  assert.equal(propose(1), 'overloaded');
  assert.equal(propose(1, EntryType.Configuration), 3);
  harness.settle();
  assert.equal(propose(100), 4);
  assert.equal(propose(100), 5);
  assert.equal(propose(100), 'overloaded');
  harness.settle();
  assert.equal(harness.raft(1).state.uncommittedBytes, 0);
});

test('L8: a leader whose own disk hangs takes no more than it may hold, though others commit it', () => {
  const limits = { uncommittedBytesMax: 300, logWindowBytesMax: 100 };
  const harness = withLeader({ limits });
  applyAll(harness);
  const { state } = harness.raft(1);
  const record = () => unsealedRecord(bytesOf('x'.repeat(60)));
  let taken = 0;
  let result: unknown = 0;
  for (; result !== 'overloaded' && taken < 100; taken++) {
    harness.act(1, (raft) => {
      result = raft.propose(0, EntryType.Command, record());
    });
    harness.deliverAll();
    harness.persist(2);
    harness.persist(3);
    harness.deliverAll();
    harness.act(1, (raft) => raft.applied(raft.commitIndex));
  }
  assert.equal(state.uncommittedBytes, 0, 'a majority has all of it');
  assert.ok(state.log.bytesInMemory <= 400, `${state.log.bytesInMemory}`);
  harness.persist(1);
  harness.act(1, (raft) => {
    assert.equal(typeof raft.propose(0, EntryType.Command, record()), 'number');
  });
});

test('the window lets go of what is applied and durable, and a laggard is fed from disk', () => {
  const harness = withEntries(0, { limits: { logWindowBytesMax: 0, appendEntriesBytesMax: 100 } });
  harness.isolate(3);
  for (let i = 0; i < 8; i++) harness.propose(1, `entry ${i}`);
  assert.equal(harness.raft(1).firstIndexInMemory, 1, 'not applied yet');
  harness.deliverAll();
  for (const id of [1, 2]) harness.persist(id);
  harness.settle();
  applyAll(harness);
  assert.equal(harness.raft(1).firstIndexInMemory, 10);
  assert.equal(harness.raft(1).entriesInMemory(index(3), 1000, index(9)), null);

  harness.heal();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(3), 1 as never));
  // The first guess, its refusal, the second guess, its acknowledgement.
  for (let i = 0; i < 4; i++) harness.deliverAll();
  assert.deepEqual(harness.node(1).reads, [{ follower: 3, from: 2, to: 9, bytesMax: 100 }]);
  harness.timeout(1);
  assert.equal(harness.node(1).reads.length, 1, 'one read at a time');
  harness.settle();
  assert.deepEqual(harness.terms(3), harness.terms(1));
});

/** Node 1 has asked its disk for what node 3, long cut off, does not have. */
function withLaggard(): Harness {
  const harness = withEntries(0, { limits: { logWindowBytesMax: 0 } });
  harness.isolate(3);
  for (let i = 0; i < 3; i++) harness.propose(1, `entry ${i}`);
  harness.settle();
  applyAll(harness);
  harness.heal();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(3), 1 as never));
  // The first guess, its refusal, the second guess, its acknowledgement.
  for (let i = 0; i < 4; i++) harness.deliverAll();
  assert.equal(harness.node(1).reads.length, 1);
  harness.drop();
  return harness;
}

test('a read that failed is tried again with the next heartbeat', () => {
  const harness = withLaggard();
  harness.answerRead(1, 0);
  assert.equal(harness.node(1).reads.length, 0, 'not at once: the disk may need a moment');
  harness.timeout(1);
  assert.equal(harness.node(1).reads.length, 1);
  harness.settle();
  assert.equal(harness.raft(3).lastIndex, harness.raft(1).lastIndex);
});

test('what is read back is sent as far as it is this leader’s log, and was asked for', () => {
  const harness = withLaggard();
  const read = harness.node(1).reads.shift()!;
  const wrong = [harness.node(1).image.entries[1]!, entryOf(3, 9)];
  harness.act(1, (raft) => raft.entriesRead(0, { ...read }, wrong));
  assert.deepEqual(sent(harness), [], 'not the request that was made');
  harness.act(1, (raft) => raft.entriesRead(0, read, wrong));
  assert.deepEqual(sent(harness), ['1->3 AppendEntries term=1 prev=1/1 commit=4 entries=(2/1)']);
});

test('what is read back is thrown away if the follower was started anew meanwhile', () => {
  const harness = withLaggard();
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(3), 2 as never));
  harness.drop();
  harness.answerRead(1);
  assert.deepEqual(sent(harness), []);
});

test('what is read back is thrown away by a node that no longer leads', () => {
  const harness = withLaggard();
  harness.deliver(requestVote(2, 1, 5, [9, 9], true));
  assert.equal(harness.raft(1).role, 'follower');
  harness.answerRead(1);
  assert.deepEqual(sent(harness), []);
});

test('a stream that stands anew: what was in flight is sent again, from matchIndex on', () => {
  const harness = withEntries(2);
  harness.reconnect();
  harness.settle();
  harness.propose(1, 'lost');
  harness.drop();
  harness.reconnect();
  const again = harness.messages.filter((message) => isAppend(message) && message.to === 2);
  assert.deepEqual(again.map(say), ['1->2 AppendEntries term=1 prev=3/1 commit=3 entries=(4/1)']);
});

test('a stream that stands anew while the leader still guesses does not go back to the beginning', () => {
  const harness = withEntries(5);
  harness.reconnect();
  harness.settle();
  harness.crash(1);
  harness.start(1);
  harness.isolate(2);
  harness.forgetLeaders();
  harness.elect(3);
  assert.equal(harness.raft(3).progressOf(nodeId(2))?.matchIndex, 0, 'no answer in this term yet');
  harness.drop();
  harness.heal();
  harness.reconnect();
  const first = harness.messages.filter((message) => isAppend(message) && message.to === 2);
  assert.deepEqual(
    first.map((message) => isAppend(message) && message.prevLogIndex),
    [6],
  );
  harness.settle();
  assert.equal(harness.raft(2).commitIndex, harness.raft(3).commitIndex);
});

test('S16: what a leader knows of a follower belongs to the follower’s incarnation', () => {
  const harness = withEntries(3);
  harness.reconnect();
  harness.settle();
  harness.crash(2);
  harness.start(2);
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(2), 2 as never));
  const { matchIndex, state } = harness.raft(1).progressOf(nodeId(2))!;
  assert.deepEqual([matchIndex, state], [0, 'probe']);
  harness.settle();
  assert.equal(harness.raft(1).progressOf(nodeId(2))?.matchIndex, 4);
});

test('entriesInMemory: bounded by bytes and by `to`, one entry at least', () => {
  const harness = withEntries(5);
  const { up } = harness.node(1);
  const count = (from: number, bytesMax: number, to: number) =>
    up.entriesInMemory(index(from), bytesMax, index(to))?.length;
  assert.equal(count(1, 1e9, 4), 4);
  assert.equal(count(1, 1e9, 99), 6);
  assert.equal(count(2, 1, 6), 1);
  assert.equal(count(7, 1e9, 7), 0);
});

test('followers see only what a leader knows: progressOf is null on them', () => {
  const harness = withLeader();
  assert.equal(harness.raft(2).progressOf(nodeId(1)), null);
  assert.equal(harness.raft(1).progressOf(nodeId(1)), null);
  assert.equal(harness.raft(1).progressOf(nodeId(3))?.state, 'replicate');
});
