import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { main } from '../../src/cli/main.ts';
import { Settings } from '../../src/cli/settings.ts';
import { CoreReport, coreMode } from '../../src/cli/sim/cores.ts';
import type { SimMode } from '../../src/cli/sim/mode.ts';
import { runSeeds } from '../../src/cli/sim/seeds.ts';
import type { CoreRunResult } from '../../src/sim/messages/run.ts';
import type { RunFailure } from '../../src/sim/run-failure.ts';
import { FakeIo } from './fake-io.ts';

async function sim(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(['sim', ...argv], io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

/** Cores that always go wrong like this. */
function failing(kind: RunFailure['kind'], invariant: string): SimMode<CoreRunResult> {
  const last = ['     1.000 n1 is in term 1'];
  const failure = { kind, invariant, text: 'what it was', stack: 'a stack', last, atMs: 1 };
  return { ...coreMode, run: (settings, print) => ({ ...coreMode.run(settings, print), failure }) };
}

async function run(mode: SimMode<CoreRunResult>, option: string, value: string) {
  const io = new FakeIo();
  const values = new Map([[option, { text: value, source: `--${option}` }]]);
  return { code: await runSeeds(mode, new Settings(values), io), out: io.stdout.text };
}

describe('dkvs sim --core', () => {
  test('one seed: the seed first, what happened, the hash', async () => {
    const { code, out } = await sim('--core', '--seed', '4');
    assert.equal(code, 0);
    assert.match(out, /^seed 4\n1 seeds, 2,000 steps under faults, /);
    assert.match(out, /^ +[\d,]+ {2}message delivered$/m);
    assert.match(out, /^hash [0-9a-f]{16}\n$/m);
  });

  test('--trace: every event, and the same hash', async () => {
    const hash = (out: string) => /^hash .*$/m.exec(out)?.[0];
    const { out } = await sim('--core', '--seed', '4', '--trace');
    assert.match(out, /^ +0\.000 n1 starts \(run 1\): 0 entries, term 0$/m);
    assert.match(out, /^ +\d+\.000 n\d hears n\d -> n\d AppendEntries term \d+: /m);
    assert.equal(hash(out), hash((await sim('--core', '--seed', '4')).out));
  });

  test('many seeds, on threads', async () => {
    const { code, out } = await sim('--core', '--seeds', '1..6', '--threads', '2');
    assert.equal(code, 0, out);
    assert.match(out, /^seeds from 1\n6 seeds, 12,000 steps under faults, /);
  });

  test('what only whole clusters have is refused', async () => {
    for (const [name, value] of [
      ['nodes', '3'],
      ['seconds', '5'],
      ['judges', 'LIN'],
    ] as const) {
      const { code, err } = await sim('--core', `--${name}`, value);
      assert.equal(code, 2);
      assert.match(err, new RegExp(`--core takes no --${name}`));
    }
  });
});

describe('a seed that fails', () => {
  const cases = [
    { kind: 'correctness', invariant: 'S1', code: 10, words: 'broke S1' },
    { kind: 'liveness', invariant: 'L1', code: 11, words: 'did not reach L1' },
    { kind: 'crash', invariant: 'TypeError', code: 12, words: 'crashed with TypeError' },
  ] as const;
  for (const { kind, invariant, code, words } of cases) {
    test(`exits with ${code}: ${kind}; and says how to see it again`, async () => {
      const { code: exit, out } = await run(failing(kind, invariant), 'seed', '4');
      assert.equal(exit, code);
      assert.ok(out.includes(`seed 4 ${words} at 0.001 s: what it was\n`), out);
      assert.match(out, /the last events before:\n {7}1\.000 n1 is in term 1\n/);
      assert.match(out, /^again: dkvs sim --core --seed 4 --trace$/m);
    });
  }

  test('is no failure of a set that has not been through everything: that exits with 13', async () => {
    const tally = () => Object.assign(new CoreReport(), { runs: 1000 });
    const { code, out } = await run({ ...coreMode, tally }, 'seeds', '7..7');
    assert.equal(code, 13);
    assert.match(out, /^never happened: .*rot of a suspect/m);
  });
});
