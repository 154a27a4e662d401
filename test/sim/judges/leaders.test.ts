import { describe, test } from 'node:test';
import { index, nodeId } from '../../../src/base/ids.ts';
import { defaultTiming } from '../../../src/raft/timing.ts';
import { HandOverJudge } from '../../../src/sim/judges/hand-over.ts';
import { StalledDiskJudge } from '../../../src/sim/judges/stalled-disk.ts';
import { catches, Stage } from './stage.ts';

const { electionTimeoutMaxMs, electionTimeoutMinMs, heartbeatMs, storageStallMs } = defaultTiming;
/** As often as a leader runs at least. */
const STEP_MS = heartbeatMs;

/** Time passes, and node 1 runs. */
function pass(stage: Stage, ms: number): void {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    stage.nowMs += STEP_MS;
    stage.step(1);
  }
}

describe('L9, a hand-over ends within an election timeout', () => {
  function handingOver(): Stage {
    const stage = new Stage(3, (chronicle) => new HandOverJudge(chronicle));
    stage.beginTerm();
    pass(stage, 10_000);
    const deadlineMs = electionTimeoutMinMs;
    stage.state(1).transfer = { to: nodeId(2), deadlineMs, asked: true };
    stage.step(1);
    pass(stage, electionTimeoutMaxMs);
    return stage;
  }

  test('it was given up, and begun once more', () => {
    const stage = handingOver();
    stage.state(1).transfer = { to: nodeId(3), deadlineMs: 12_000, asked: false };
    pass(stage, electionTimeoutMaxMs);
    stage.state(1).transfer = null;
    pass(stage, 10_000);
  });

  test('another leads', () => {
    const stage = handingOver();
    stage.enterTerm(1, 2);
    pass(stage, 10_000);
  });

  test('it never ends', () => {
    const stage = handingOver();
    catches('L9', () => pass(stage, 1000), /handing over to node 2 for 7\d\d ms/);
  });

  test('a clock that goes at half the speed has twice the time, and a pause takes none', () => {
    const stage = handingOver();
    stage.nowMs += 5000;
    stage.step(1);
    stage.actor(1).clockRate = 0.5;
    pass(stage, 100);
    catches('L9', () => pass(stage, 1000));
  });
});

describe('L10, a leader whose disk makes no progress gives up', () => {
  /** Node 1 leads, and has asked its disk for entry 2. */
  function waiting(): Stage {
    const stage = new Stage(3, (chronicle) => new StalledDiskJudge(chronicle));
    stage.beginTerm();
    stage.state(1).durability.stableIndex = index(1);
    pass(stage, 10_000);
    stage.append(1, 1);
    stage.step(1);
    pass(stage, storageStallMs);
    return stage;
  }

  test('the disk has done it after all; another entry has its own time', () => {
    const stage = waiting();
    stage.append(1, 1);
    stage.state(1).durability.stableIndex = index(2);
    pass(stage, storageStallMs);
    stage.state(1).durability.stableIndex = index(3);
    pass(stage, 10_000);
  });

  test('it gives up', () => {
    const stage = waiting();
    stage.state(1).role = 'follower';
    pass(stage, 10_000);
  });

  test('it leads on', () => {
    catches('L10', () => pass(waiting(), 1000), /has owed it entry 2 for 1[67]\d\d ms/);
  });

  test('a new run of the process is another matter', () => {
    const stage = waiting();
    stage.stop(1);
    stage.start(1);
    pass(stage, 10_000);
  });
});
