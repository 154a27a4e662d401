import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index, nodeId, term } from '../../src/base/ids.ts';
import type { SnapshotInfo } from '../../src/base/snapshot.ts';
import type { InstallSnapshot } from '../../src/raft/messages.ts';
import { Harness } from './harness.ts';
import { reinstate } from './say.ts';

// How they play together is in goldens/snapshot-*.txt; here is each rule, and each late answer.

/** Node 1 leads and has cut its log up to 4, a snapshot of 100 bytes; the last of the nodes has
 *  nothing behind entry 1, and is connected again. */
function behind(nodes = 3): Harness {
  const harness = Harness.started({ nodes, limits: { snapshotChunkBytesMax: 40 } });
  harness.snapshots.areSlow = true;
  harness.elect(1);
  for (let id = 3; id <= Math.max(3, nodes - 1); id++) harness.isolate(id);
  for (const text of ['a', 'b', 'c']) harness.propose(1, text);
  harness.settle();
  compactAt(harness, 100);
  harness.heal();
  harness.drop();
  connect(harness, 3);
  return harness;
}

function compactAt(harness: Harness, bytes: number): SnapshotInfo {
  harness.snapshots.apply(1);
  harness.snapshots.write(1, bytes);
  harness.snapshots.publish(1);
  harness.snapshots.compact(1, true);
  return harness.node(1).image.snapshots.at(-1)!;
}

function connect(harness: Harness, id: number): void {
  const { incarnation } = harness.node(id);
  harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(id), incarnation));
  harness.settle();
}

/** Everything is delivered, and the piece that lies with the follower's host is taken. */
function take(harness: Harness, id = 3): void {
  harness.deliverAll();
  harness.snapshots.takeChunk(id);
  harness.deliverAll();
}

const ask = (ofTerm: number, snapshot: SnapshotInfo): InstallSnapshot => ({
  kind: 'InstallSnapshot',
  from: nodeId(1),
  to: nodeId(3),
  term: term(ofTerm),
  snapshot,
  offset: 0,
  bytes: new Uint8Array(0),
});

const stateOf = (harness: Harness, id = 3) => harness.raft(1).progressOf(nodeId(id))!.state;

describe('a leader that sends a snapshot', () => {
  test('hands leadership over to nobody who needs one', () => {
    const harness = behind();
    assert.equal(stateOf(harness), 'snapshot');
    harness.act(1, (raft) => {
      assert.equal(raft.transferLeadership(harness.nowMs, nodeId(3)), false);
      assert.equal(raft.transferLeadership(harness.nowMs, null), true);
    });
    assert.equal(harness.raft(1).state.transfer?.to, 2);
  });

  test('reads one piece at a time, whoever it is for, and in turn', () => {
    const harness = behind(5);
    connect(harness, 4);
    for (const id of [3, 4]) take(harness, id);
    const readFor = () => harness.node(1).snapshotReads.map(({ follower }) => follower);
    assert.deepEqual(readFor(), [3]);
    harness.snapshots.answerRead(1);
    assert.deepEqual(readFor(), [4], 'the other one waits longer');
    take(harness, 3);
    assert.deepEqual(readFor(), [4], 'one at a time');
    harness.snapshots.answerRead(1);
    assert.deepEqual(readFor(), [3]);
  });

  test('never sends what was read of one snapshot as a piece of another', () => {
    const harness = behind();
    take(harness);
    const { snapshotReads } = harness.node(1);
    const [read] = snapshotReads.splice(0);
    assert.equal(read?.snapshot.index, 4);
    // Node 3 starts anew, and is sent another one meanwhile; the disk is slow.
    harness.isolate(3);
    harness.nowMs += harness.timing.electionTimeoutMaxMs + 1;
    harness.propose(1, 'd');
    harness.settle();
    const other = compactAt(harness, 80);
    harness.heal();
    harness.crash(3);
    harness.start(3);
    connect(harness, 3);
    take(harness);
    harness.act(1, (raft) => raft.snapshotRead(harness.nowMs, read!, new Uint8Array(40)));
    const sent = harness.messages.filter(({ kind }) => kind === 'InstallSnapshot');
    assert.deepEqual(sent, []);
    assert.equal(harness.node(1).snapshotReads[0]?.snapshot, other, 'it reads on, of that one');
  });

  test('begins with the newest at the next heartbeat when what it reads is gone', () => {
    const harness = behind();
    take(harness);
    harness.snapshots.answerRead(1, 0);
    harness.settle();
    take(harness);
    assert.equal(harness.node(1).snapshotReads.length, 0);
    harness.timeout(1);
    assert.equal(harness.node(1).snapshotReads.length, 1);
  });

  test('throws away entries that were being read back when the log was cut', () => {
    const harness = Harness.started({ limits: { logWindowBytesMax: 0 } });
    harness.elect(1);
    harness.isolate(3);
    for (const text of ['a', 'b', 'c']) harness.propose(1, text);
    harness.settle();
    harness.snapshots.apply(1);
    harness.heal();
    harness.crash(3);
    harness.start(3);
    const { incarnation } = harness.node(3);
    harness.act(1, (raft) => raft.peerConnected(harness.nowMs, nodeId(3), incarnation));
    harness.until(
      () => harness.node(1).reads.length > 0,
      () => harness.deliverAll(),
    );
    const { reads } = harness.node(1);
    const [read] = reads.splice(0);
    assert.equal(read?.from, 2);
    const entries = harness.node(1).image.entries.slice(1, 4);
    const snapshot = { index: index(4), term: term(1), id: 1, bytes: 10 };
    harness.drop();
    harness.act(1, (raft) => {
      raft.snapshotTaken(snapshot);
      raft.compacted(snapshot);
      raft.entriesRead(harness.nowMs, read!, entries);
    });
    assert.deepEqual(
      harness.messages.map(({ kind }) => kind),
      ['InstallSnapshot'],
    );
  });

  test('pins what it sends to those that it hears, and only that', () => {
    const harness = behind();
    const { timing, nowMs } = harness;
    const pins = (atMs: number) =>
      harness
        .raft(1)
        .snapshotPins(atMs)
        .map((pin) => pin.index);
    assert.deepEqual(pins(nowMs), [4]);
    assert.deepEqual(pins(nowMs + timing.electionTimeoutMaxMs + 1), []);
    assert.deepEqual(harness.raft(2).snapshotPins(nowMs), []);
  });
});

describe('a follower that is sent a snapshot', () => {
  test('F2: has what an older one holds, says so, and takes nothing back', () => {
    const harness = behind();
    const old = harness.node(1).image.snapshots.at(-1)!;
    harness.snapshots.areSlow = false;
    harness.settle();
    harness.propose(1, 'd');
    harness.settle();
    harness.act(3, (raft) => raft.step(harness.nowMs, ask(1, { ...old, index: index(3) })));
    assert.equal(harness.raft(3).lastIndex, 5);
    assert.deepEqual(harness.node(3).chunks, []);
    harness.act(3, (raft) => {
      const older = { ...old, index: index(2) };
      assert.equal(raft.snapshotReceived(harness.nowMs, older), 'dropped');
    });
    assert.equal(harness.raft(3).lastIndex, 5);
  });

  test('tells a leader of an earlier term that it is none any more', () => {
    const harness = behind();
    const snapshot = harness.node(1).image.snapshots.at(-1)!;
    harness.act(3, (raft) => raft.step(harness.nowMs, ask(1, snapshot)));
    harness.node(3).chunks = [];
    harness.drop();
    harness.act(3, (raft) => raft.step(harness.nowMs, { ...ask(5, snapshot), from: nodeId(2) }));
    harness.node(3).chunks = [];
    harness.persist(3);
    harness.drop();
    harness.act(3, (raft) => raft.step(harness.nowMs, ask(1, snapshot)));
    assert.deepEqual(harness.node(3).chunks, []);
    assert.equal(harness.messages[0]?.kind, 'AppendEntriesResponse');
    assert.equal(harness.messages[0]?.term, 5);
  });

  test('acknowledges nothing of it before the reset is durable, not even to a heartbeat', () => {
    const harness = behind();
    const snapshot = harness.node(1).image.snapshots.at(-1)!;
    harness.drop();
    harness.act(3, (raft) => {
      assert.equal(raft.snapshotReceived(harness.nowMs, snapshot), 'installed');
    });
    assert.equal(harness.raft(3).commitIndex, 4);
    assert.ok(harness.raft(3).stableIndex < 4);
    harness.timeout(1);
    harness.deliverAll(({ to }) => to === 3);
    for (const message of harness.messages) {
      if (message.kind === 'AppendEntriesResponse') assert.ok(message.matchIndex < 4);
    }
    harness.persist(3);
    assert.equal(harness.raft(3).stableIndex, 4);
  });

  test('goes on from a reset that a crash has interrupted behind the rename', () => {
    const harness = behind();
    const snapshot = harness.node(1).image.snapshots.at(-1)!;
    harness.crash(3);
    harness.node(3).image.snapshots.push(snapshot);
    harness.start(3);
    assert.deepEqual(harness.raft(3).base, { index: 4, term: 1 });
    assert.equal(harness.raft(3).commitIndex, 4);
    harness.run(100);
    assert.equal(stateOf(harness), 'replicate', 'B8: the entry right behind needs no snapshot');
  });

  test('is no candidate any more when it installs one', () => {
    const harness = behind();
    const snapshot = harness.node(1).image.snapshots.at(-1)!;
    harness.isolate(3);
    harness.forgetLeaders();
    harness.timeout(3);
    harness.timeout(3);
    assert.equal(harness.raft(3).role, 'precandidate');
    harness.act(3, (raft) => {
      assert.equal(raft.snapshotReceived(harness.nowMs, snapshot), 'installed');
    });
    assert.equal(harness.raft(3).role, 'follower');
  });
});

describe('a suspect that is sent a snapshot', () => {
  function suspect(): Harness {
    const harness = behind();
    harness.crash(3);
    harness.rot(3, 0);
    harness.start(3);
    connect(harness, 3);
    return harness;
  }

  test('becomes whole by it, once it holds the whole index', () => {
    const harness = suspect();
    assert.equal(harness.raft(3).isSuspect, true);
    harness.propose(1, 'behind the snapshot');
    harness.snapshots.areSlow = false;
    harness.run(200);
    assert.equal(harness.raft(3).lastIndex, 5);
    assert.equal(harness.raft(3).isSuspect, false);
  });

  test('is not taken for a sound one because it says how much it has', () => {
    const harness = suspect();
    take(harness);
    assert.equal(harness.raft(1).isPeerSuspect(nodeId(3)), true);
  });

  test('hears of its reinstatement in vain while its log is being reset', () => {
    const harness = suspect();
    const snapshot = harness.node(1).image.snapshots.at(-1)!;
    harness.act(3, (raft) => raft.snapshotReceived(harness.nowMs, snapshot));
    const { incarnation } = harness.node(3);
    harness.act(3, (raft) => raft.step(harness.nowMs, reinstate(1, 3, 1, incarnation, 4)));
    assert.equal(harness.raft(3).state.hardState.suspect, true);
    harness.settle();
    harness.run(200);
    assert.equal(harness.raft(3).isSuspect, false);
  });
});

describe("a node's own snapshots", () => {
  const info = (at: number, id: number): SnapshotInfo => ({
    index: index(at),
    term: term(1),
    id,
    bytes: 10,
  });

  test('hold what is applied and durable, and never go back', () => {
    const harness = behind();
    harness.act(2, (raft) => raft.applied(raft.commitIndex));
    const { commitIndex } = harness.raft(2);
    assert.throws(() => harness.raft(2).snapshotTaken(info(commitIndex + 1, 7)), /S10/);
    harness.act(2, (raft) => raft.snapshotTaken(info(commitIndex, 8)));
    harness.act(2, (raft) => raft.snapshotTaken(info(commitIndex - 1, 9)));
    assert.equal(harness.raft(2).state.snapshot?.id, 8);
  });

  test('cover what is cut off the log', () => {
    const harness = behind();
    harness.act(2, (raft) => raft.applied(raft.commitIndex));
    const { commitIndex } = harness.raft(2);
    const at = (i: number, ofTerm = 1) => ({ index: index(i), term: term(ofTerm) });
    assert.throws(() => harness.raft(2).compacted(at(1)), /S10/, 'there is none');
    harness.act(2, (raft) => raft.snapshotTaken(info(commitIndex, 8)));
    assert.throws(() => harness.raft(2).compacted(at(commitIndex + 1)), /S10/);
    assert.throws(() => harness.raft(2).compacted(at(commitIndex, 7)), /S10/);
    harness.act(2, (raft) => raft.compacted(at(commitIndex)));
    assert.deepEqual(harness.raft(2).base, at(commitIndex));
    harness.act(2, (raft) => raft.compacted(at(1)));
    assert.deepEqual(harness.raft(2).base, at(commitIndex), 'overtaken');
  });
});
