import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runAll } from '../../src/cli/sim/pool.ts';
import { commandOf, Report } from '../../src/cli/sim/report.ts';
import { defaultSettings } from '../../src/sim/plan.ts';
import { ROOT } from '../structure/sources.ts';

// DKVS_SIM_SEEDS=20000 for a night, DKVS_SIM_FIRST=n to begin elsewhere.
const SEEDS = Number(process.env['DKVS_SIM_SEEDS'] ?? 300);
const FIRST = Number(process.env['DKVS_SIM_FIRST'] ?? 1);
/** What CI has. */
const THREADS = 2;

test(`${SEEDS} seeds: nothing forbidden happens, and everything that must`, async (t) => {
  const report = new Report();
  let seed = FIRST;
  await runAll(
    THREADS,
    () => (seed < FIRST + SEEDS ? { ...defaultSettings, seed: seed++ } : null),
    (result) => report.add(result),
  );
  for (const line of report.summary) t.diagnostic(line);
  const failed = report.failures.map(({ settings, failure }) => {
    return `${commandOf(settings)}: ${failure!.invariant}, ${failure!.text}`;
  });
  assert.deepEqual(failed, []);
  if (SEEDS >= 300)
    assert.deepEqual(report.missing, [], 'a set of seeds proves nothing about these');
});

test('the same seed is the same run in another process, and another seed is another', async () => {
  const run = promisify(execFile);
  const hashOf = async (seed: number) => {
    const args = [join(ROOT, 'bin/dkvs.mjs'), 'sim', '--seed', `${seed}`, '--seconds', '20'];
    const { stdout } = await run(process.execPath, args);
    return /^hash ([0-9a-f]{16})$/m.exec(stdout)?.[1];
  };
  const [first, again, other] = await Promise.all([hashOf(11), hashOf(11), hashOf(12)]);
  assert.ok(first !== undefined);
  assert.equal(again, first);
  assert.notEqual(other, first);
});
