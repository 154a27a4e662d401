import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index } from '../../../src/base/ids.ts';
import type { InstallSnapshot } from '../../../src/raft/messages.ts';
import { LogJudge } from '../../../src/sim/judges/logs.ts';
import { SnapshotJudge } from '../../../src/sim/judges/snapshots.ts';
import { StateMachineJudge } from '../../../src/sim/judges/state-machines.ts';
import { catches, entryOf, infoOf, Stage, setEntry } from './stage.ts';

const three = [entryOf(1, 1), setEntry(2, 1, 'k', 'v'), setEntry(3, 1, 'k', 'w')];

describe('S21: what a snapshot may be', () => {
  const snapshots = () => new Stage(3, (chronicle) => new SnapshotJudge(chronicle));

  test('the state behind what was committed, durable when it is told of', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    stage.saveSnapshot(1, 2);
    stage.takeSnapshot(1, 2);
    stage.saveSnapshot(1, 3);
    stage.takeSnapshot(1, 3);
    assert.deepEqual(stage.chronicle.records[0]!.image.snapshot, { index: 3, term: 1 });
  });

  test('of what nobody has committed', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    stage.saveSnapshot(1, 4);
    catches('S21', () => stage.takeSnapshot(1, 4), /of term -1/);
  });

  test('of another term than was committed there', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    catches('S21', () => stage.installSnapshot(2, 3, 2), /entry 3 of term 2.*is of term 1/);
  });

  test('told of before it is durable', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    catches('S21', () => stage.takeSnapshot(1, 3), /would leave it with none/);
  });

  test('older than what the node has', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    stage.installSnapshot(2, 3);
    catches('S21', () => stage.installSnapshot(2, 2), /at 2, after one at 3/);
  });

  test('L7: the same piece, again and again, after the healing', () => {
    const stage = snapshots();
    stage.beginTerm(three);
    const piece: Partial<InstallSnapshot> & { kind: 'InstallSnapshot' } = {
      kind: 'InstallSnapshot',
      snapshot: infoOf(3, 1),
      offset: 0,
      bytes: new Uint8Array(1),
    };
    for (let times = 0; times < 1000; times++) stage.send(1, piece);
    stage.heal();
    for (let times = 0; times < 100; times++) stage.send(1, piece);
    catches('L7', () => stage.send(1, piece), /byte 0 of its snapshot at 3 to node 2/);
  });
});

describe('what a snapshot may take the place of', () => {
  const logs = () => new Stage(3, (chronicle) => new LogJudge(chronicle));

  test('a log that is too short, or another', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.lead(1);
    stage.appendEntries(1, three);
    stage.commit(1, 3);
    stage.enterTerm(2, 2);
    stage.append(2, 2, 2, 2, 2);
    stage.reset(2, 3, 1);
    assert.equal(stage.chronicle.records[1]!.log.lastIndex, 3);
  });

  test('S17: not a log that holds its last entry', () => {
    const stage = logs();
    stage.beginTerm(three);
    catches('S17', () => stage.reset(2, 2, 1), /which that log holds/);
  });

  test('S4: not that of a leader', () => {
    const stage = logs();
    stage.beginTerm(three);
    catches('S4', () => stage.reset(1, 3, 1), /leads term 1 and drops its log/);
  });
});

describe('where a machine may jump', () => {
  const machines = () => new Stage(3, (chronicle) => new StateMachineJudge(chronicle));
  const jump = (stage: Stage, id: number, from: number) => {
    const machine = stage.actor(id).machine!;
    Object.assign(stage.actor(id), { machine: { lastApplied: index(3), hash: () => from } });
    return machine;
  };

  test('to the state that the others had there', () => {
    const stage = machines();
    stage.beginTerm(three);
    for (const at of [1, 2, 3]) stage.apply(1, at);
    jump(stage, 2, stage.actor(1).machine!.hash());
    stage.installSnapshot(2, 3);
  });

  test('S21: not to another state', () => {
    const stage = machines();
    stage.beginTerm(three);
    for (const at of [1, 2, 3]) stage.apply(1, at);
    jump(stage, 2, 5);
    catches('S21', () => stage.installSnapshot(2, 3), /has the hash 5/);
  });

  test('S9: not back, nor where no snapshot is', () => {
    const stage = machines();
    stage.beginTerm(three);
    for (const at of [1, 2, 3]) stage.apply(1, at);
    catches('S9', () => stage.installSnapshot(1, 2), /jumps from 3 to 3, by a snapshot at 2/);
    catches('S9', () => stage.installSnapshot(2, 3), /jumps from 0 to 0, by a snapshot at 3/);
  });
});
