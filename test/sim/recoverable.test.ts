import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SimOperation } from '../../src/sim/observer.ts';
import { defaultSettings } from '../../src/sim/plan.ts';
import { Recoverable } from '../../src/sim/recoverable.ts';
import { runSeed } from '../../src/sim/run.ts';
import type { World } from '../../src/sim/world.ts';
import { catches } from './judges/stage.ts';

type State = 'sound' | 'suspect' | 'rotten' | 'down';

/** Members n1, n2, … in these states, of whom some can't hear others. */
function cluster(states: readonly State[], cut: readonly string[] = []) {
  const servers = states.map((state, i) => ({
    name: `n${i + 1}`,
    member: { host: `n${i + 1}` },
    raftState: state === 'down' ? null : { isSuspect: state === 'suspect' },
    damage: { log: state === 'rotten', hardState: false, lost: false },
  }));
  const world = {
    servers,
    network: { passes: (from: string, to: string) => !cut.includes(`${from}${to}`) },
    plan: { workload: { deadlineMs: 2000 } },
    nowMs: 0,
  };
  const judge = new Recoverable(world as unknown as World);
  const names = () => judge.sound().map(({ name }) => name);
  const tell = (reason: string) => {
    const operation = { invokedAtMs: world.nowMs } as SimOperation;
    judge.returned(operation, { kind: 'unavailable', reason });
  };
  return { judge, names, tell, world };
}

describe('L11: who can serve', () => {
  test('a majority that is sound and connected', () => {
    assert.deepEqual(cluster(['sound', 'sound', 'suspect']).names(), ['n1', 'n2']);
    assert.deepEqual(cluster(['sound', 'sound', 'suspect', 'down']).names(), []);
    assert.deepEqual(cluster(['sound', 'rotten', 'suspect']).names(), []);
    assert.deepEqual(cluster(['sound', 'sound', 'sound'], ['n2n1']).names(), []);
  });
});

describe('L11: where nobody can, clients are told why', () => {
  const why = (speaker: string, ...suspects: readonly string[]) =>
    `CLUSTERDOWN ${speaker} knows of no leader in term 2; rot was found in the log of ` +
    `${suspects.join(', ')}, so they do not vote; nothing was applied`;

  test('whoever speaks names the suspects that it hears', () => {
    const { judge, tell } = cluster(['sound', 'suspect', 'suspect'], ['n3n1']);
    judge.listen();
    tell('n1:7001 does not answer');
    tell(why('n1', 'n2'));
    tell(why('n2', 'n2', 'n3'));
    judge.judgeWords();
  });

  test('one is not named', () => {
    const { judge, tell } = cluster(['sound', 'suspect', 'suspect']);
    judge.listen();
    tell(why('n1', 'n2'));
    catches('L11', () => judge.judgeWords(), /n3 is a suspect, but what a client is told/);
  });

  test('nobody says anything', () => {
    const { judge, tell } = cluster(['sound', 'suspect', 'suspect']);
    tell(why('n1', 'n2', 'n3'));
    judge.listen();
    catches('L11', () => judge.judgeWords(), /none of 1 answers|none of 0 answers/);
  });

  test('before it was listened to, an answer counts for nothing', () => {
    const { judge, tell, world } = cluster(['sound', 'suspect', 'suspect']);
    tell('CLUSTERDOWN n1 knows of no leader in term 2; nothing was applied');
    world.nowMs = 1;
    judge.listen();
    tell(why('n1', 'n2', 'n3'));
    judge.judgeWords();
  });

  // n1 was left down, n2 refused, and n3 is a suspect.
  test('seed 9100133: in a whole cluster', () => {
    const { failure, coverage } = runSeed({ ...defaultSettings, seed: 9_100_133 });
    assert.equal(failure, null);
    assert.equal(new Map(coverage).get('rot everywhere, and no sound majority'), 1);
  });
});
