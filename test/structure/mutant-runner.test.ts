import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from './sources.ts';

interface Catch {
  readonly seeds: number;
  readonly judge: string | null;
}

const script = (name: string) => pathToFileURL(join(ROOT, 'scripts', name)).href;
const { huntSeeds, verdictOfSuite } = await import(script('mutant-hunt.mjs'));
const { verdictOf, withRow } = await import(script('mutant-table.mjs'));

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dkvs-runner-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A build whose `runSeed` is this. */
function build(name: string, runSeed: string): string {
  const files = {
    'node/native.js': 'export const installNodeNative = () => {};',
    'sim/plan.js': 'export const defaultSettings = {};',
    'sim/run.js': `export const runSeed = ({ seed }) => ({ failure: (${runSeed})(seed) });`,
    'sim/messages/run.js': `export const runCores = ({ seed }) => ({ failure: (${runSeed})(seed) });`,
  };
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, name, 'src', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  writeFileSync(join(folder, name, 'package.json'), '{"type":"module"}');
  return join(folder, name);
}

const failure = (kind: string, invariant: string, stack = '') =>
  `({ kind: '${kind}', invariant: '${invariant}', text: 'x', stack: ${JSON.stringify(stack)} })`;

let builds = 0;
function hunt(mutant: string, { sound = '() => null', isCore = false, mostMs = 60_000 } = {}) {
  builds++;
  const what = {
    mutant: build(`mutant-${builds}`, mutant),
    sound: build(`sound-${builds}`, sound),
    from: 10,
    seedsMax: 20,
    judges: 'all',
    isCore,
  };
  const untilMs = performance.now() + mostMs;
  const { signal } = new AbortController();
  return huntSeeds(what, { untilMs, onSeed: () => {}, signal, memoryMaxMb: 32 }) as Promise<Catch>;
}

describe('a hunt', () => {
  it('ends with the first judge that speaks', async () => {
    const caught = await hunt(`(seed) => seed < 12 ? null : ${failure('correctness', 'S7')}`);
    assert.deepEqual(caught, { seeds: 3, judge: 'S7' });
    assert.deepEqual(await hunt(`() => ${failure('liveness', 'L2')}`, { isCore: true }), {
      seeds: 1,
      judge: 'L2',
    });
  });

  it('counts an assertion by the invariant that it names, wherever in its words', async () => {
    const said = 'ReplicaCrash: n1\nAssertionError: node 1, leader: D3: a suspect counts\n at S4';
    const caught = await hunt(`() => ${failure('crash', 'ReplicaCrash', said)}`);
    assert.deepEqual(caught, { seeds: 1, judge: 'assertion D3' });
  });

  it('does not count a seed that fails on the sound tree in the same way', async () => {
    const both = `(seed) => seed < 14 ? ${failure('liveness', 'L1')} : null`;
    assert.deepEqual(await hunt(both, { sound: both }), { seeds: 20, judge: null });
  });

  it('takes no crash for a catch, but goes on until a judge speaks', async () => {
    const crash = failure('crash', 'TypeError', 'TypeError: x is not a function');
    const speaks = await hunt(`(seed) => seed < 15 ? ${crash} : ${failure('correctness', 'S1')}`);
    assert.deepEqual(speaks, { seeds: 6, judge: 'S1' });
    await assert.rejects(
      hunt(`() => ${crash}`),
      /does not run, and no judge says so: TypeError: x/,
    );
  });

  it('takes the death of its thread for trouble', async () => {
    await assert.rejects(hunt('(seed) => {'), /its thread died: SyntaxError/);
    await assert.rejects(hunt('() => { process.exit(3); }'), /its thread ended with 3/);
    const devours = '() => { const all = []; for (;;) all.push(new Array(1e5).fill({})); }';
    await assert.rejects(hunt(devours), /its thread died: ERR_WORKER_OUT_OF_MEMORY/);
  });

  it('ends in time', async () => {
    const slow = '() => { const end = Date.now() + 20; while (Date.now() < end); return null; }';
    const { judge, seeds } = await hunt(slow, { mostMs: 50 });
    assert.equal(judge, null);
    assert.ok(seeds < 20, `${seeds} seeds`);
  });

  it('takes a test that fails for a catch, and a file without tests for trouble', () => {
    const said = (tests: number, fail: number) =>
      `# tests ${tests}\n# fail ${fail}\n# cancelled 0\n`;
    assert.equal(verdictOfSuite('a/b.test.js', said(4, 1)).judge, 'test/a/b.test.ts');
    assert.equal(verdictOfSuite('a/b.test.js', said(4, 0)).judge, null);
    assert.throws(() => verdictOfSuite('a/b.test.js', said(0, 0)), /runs no test/);
    assert.throws(() => verdictOfSuite('a/b.test.js', 'SyntaxError'), /runs no test/);
  });
});

describe('the table', () => {
  const mutants = Array.from({ length: 40 }, (_, i) => ({
    name: `m${i}`,
    id: 'own',
    text: `t${i}`,
  }));
  const empty = 'above\n<!-- mutants -->\n<!-- /mutants -->\nbelow\n';
  const rowOf = (i: number) => {
    const withAssertions = [{ seeds: i + 1, judge: 'S1' }];
    return { ...mutants[i]!, trouble: '', withAssertions, without: withAssertions, clients: null };
  };

  it('has a row for every mutant, and keeps what was measured of the others', () => {
    const first = withRow(empty, mutants, rowOf(3));
    const second = withRow(first, mutants, rowOf(7));
    assert.match(second, /^\| m3 \| own \| t3 \| S1 4 \/ 4 \| S1 4 \/ 4 \| {2}\|$/m);
    assert.match(second, /^\| m7 \| own \| t7 \| S1 8 \/ 8 \| S1 8 \/ 8 \| {2}\|$/m);
    assert.match(second, /^\| m8 \| own \| t8 \| not measured \| \| \|$/m);
    assert.ok(second.startsWith('above\n') && second.endsWith('below\n'));
    // What a mutant is has changed: what was measured was another one.
    const changed = mutants.map((each) => (each.name === 'm3' ? { ...each, text: 'new' } : each));
    assert.match(withRow(second, changed, rowOf(7)), /^\| m3 \| own \| new \| not measured/m);
  });

  it('says median and worst, and who has survived', () => {
    const caught = [9, 2, 4].map((seeds) => ({ seeds, judge: seeds === 9 ? 'S2' : 'S1' }));
    assert.deepEqual(verdictOf(caught), ['S2, S1', '4 / 9']);
    assert.deepEqual(verdictOf([...caught, { seeds: 70, judge: null }]), ['**nobody**', 'in 70']);
  });

  it('loses no row of several runs that write at the same time', async () => {
    const path = join(folder, 'table.md');
    writeFileSync(path, empty);
    const writer = (from: number) => `
      const { writeRow } = await import(${JSON.stringify(script('mutant-table.mjs'))});
      const mutants = ${JSON.stringify(mutants)};
      for (let i = ${from}; i < ${from} + 10; i++) {
        const catches = [{ seeds: i + 1, judge: 'S1' }];
        const row = { trouble: '', withAssertions: catches, without: catches, clients: null };
        await writeRow(${JSON.stringify(path)}, mutants, { ...mutants[i], ...row });
      }`;
    const run = promisify(execFile);
    const args = (from: number) => ['--input-type=module', '-e', writer(from)];
    await Promise.all([0, 10, 20, 30].map((from) => run(process.execPath, args(from))));
    const text = readFileSync(path, 'utf8');
    for (let i = 0; i < 40; i++)
      assert.match(text, new RegExp(`^\\| m${i} \\|.*S1 ${i + 1} /`, 'm'));
  });
});

describe('npm run mutants, interrupted', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`leaves nothing behind (${signal})`, async () => {
      const temporary = mkdtempSync(join(folder, 'tmp-'));
      const run = `
        const { runMutants } = await import(${JSON.stringify(script('mutants.mjs'))});
        await runMutants(['two-votes', '--repetitions', '1000']);`;
      const env = { ...process.env, TMPDIR: temporary };
      const child = spawn(process.execPath, ['--input-type=module', '-e', run], { env });
      const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
      while (readdirSync(temporary).length === 0) await sleep(20);
      // While it copies, builds or hunts: whatever it has come to.
      await sleep(300);
      child.kill(signal);
      assert.equal(await ended, signal === 'SIGINT' ? 130 : 143);
      assert.deepEqual(readdirSync(temporary), []);
    });
  }
});
