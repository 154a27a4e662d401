import { describe, test } from 'node:test';
import { incarnation, index } from '../../../src/base/ids.ts';
import type { Progress } from '../../../src/raft/progress.ts';
import { defaultTiming } from '../../../src/raft/timing.ts';
import { TransferJudge } from '../../../src/sim/judges/transfers.ts';
import { catches, entryOf, infoOf, Stage } from './stage.ts';

const SILENCE_MS = defaultTiming.electionTimeoutMinMs;

/** Node 1 leads, and has begun to send node 2 its snapshot at 10. */
class Sending {
  readonly stage = new Stage(3, () => new TransferJudge());
  private heardMs = 1000;

  constructor() {
    this.stage.beginTerm([entryOf(1, 1)]);
    Object.assign(this.stage.actor(1), { disk: { faults: null } });
    this.follower.state = 'snapshot';
    this.hear(0);
    this.send(10);
  }

  get follower(): Progress {
    return this.stage.state(1).peers[0]!;
  }

  send(at: number): void {
    const snapshot = { ...infoOf(at, 1), id: at };
    this.stage.send(1, { kind: 'InstallSnapshot', snapshot, offset: 0, bytes: new Uint8Array() });
  }

  hear(afterMs = 50): void {
    this.heardMs += afterMs;
    this.follower.lastHeardMs = this.heardMs;
    this.stage.step(1);
  }

  take(...indexes: readonly number[]): void {
    for (const at of indexes) {
      this.stage.takeSnapshot(1, at);
      this.hear();
    }
  }

  beginAnew(at: number): void {
    this.send(at);
    this.hear();
  }
}

const again = /begun to send node 2 its snapshot at 10, and begins anew with that at 30/;

describe('L7: a snapshot on its way', () => {
  test('gets there, whatever is taken meanwhile', () => {
    const sending = new Sending();
    sending.take(20, 30, 40);
    sending.send(10);
    sending.hear();
    sending.follower.matchIndex = index(10);
    sending.hear();
    sending.beginAnew(40);
  });

  test('begins anew with each that is taken', () => {
    const sending = new Sending();
    sending.take(20, 30);
    catches('L7', () => sending.beginAnew(30), again);
  });

  test('it does not matter that the leader hears nothing just then, and soon again', () => {
    const sending = new Sending();
    sending.take(20, 30);
    sending.send(30);
    sending.stage.step(1);
    catches('L7', () => sending.hear(SILENCE_MS - 1), again);
  });

  test('nobody is waited for who is silent', () => {
    const sending = new Sending();
    sending.take(20, 30);
    sending.send(30);
    sending.hear(SILENCE_MS);
    const late = new Sending();
    late.take(20);
    late.hear(SILENCE_MS);
    late.take(30);
    late.beginAnew(30);
  });

  test('what is taken once it has begun anew says nothing about that', () => {
    const sending = new Sending();
    sending.take(20);
    sending.hear(SILENCE_MS);
    sending.stage.takeSnapshot(1, 30);
    sending.send(30);
    sending.stage.takeSnapshot(1, 40);
    sending.hear();
  });

  test('but after that silence it is the same again', () => {
    const sending = new Sending();
    sending.hear(SILENCE_MS);
    sending.take(20, 30);
    catches('L7', () => sending.beginAnew(30), again);
  });

  test('a file may have gone bad, and an error of the disk may look like it', () => {
    const rotten = new Sending();
    rotten.take(20);
    rotten.stage.rot(1);
    rotten.take(30);
    rotten.beginAnew(30);
    const unreadable = new Sending();
    Object.assign(unreadable.stage.actor(1), { disk: { faults: {} } });
    unreadable.take(20, 30);
    unreadable.beginAnew(30);
  });

  test('another life, and another term, begin anew', () => {
    const other = new Sending();
    other.take(20);
    other.follower.incarnation = incarnation(7);
    other.take(30);
    other.beginAnew(30);
    const later = new Sending();
    later.take(20, 30);
    later.stage.enterTerm(1, 2);
    later.stage.lead(1);
    later.beginAnew(30);
  });
});
