import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings, drawPlan, type RunSettings } from '../../src/sim/plan.ts';
import type { RunResult } from '../../src/sim/run.ts';
import { shrink } from '../../src/sim/shrink.ts';

/** A run that fails, at 7 s, whenever these faults are in it and it has so many nodes. */
function failing(culprits: readonly number[], nodesMin: number, invariant = 'S1') {
  return (settings: RunSettings): RunResult => {
    const plan = drawPlan(settings);
    const numbers = plan.faults.map(({ number }) => number);
    const fails =
      culprits.every((culprit) => numbers.includes(culprit)) &&
      plan.nodes >= nodesMin &&
      settings.seconds >= 7;
    const failure = {
      kind: 'correctness' as const,
      invariant: settings.operationsPerSecond < 5 ? 'S2' : invariant,
      text: '',
      stack: '',
      last: [],
      atMs: 6900,
    };
    return {
      settings,
      nodes: plan.nodes,
      failure: fails ? failure : null,
      hash: '',
      simulatedMs: 0,
      events: 0,
      operations: 0,
      faults: plan.faults.length,
      coverage: [],
    };
  };
}

test('a failing run is made smaller: time, faults, operations, nodes; but it fails as it did', () => {
  // Times are drawn over the whole run, so the numbers of the faults stay when it gets shorter.
  const run = failing([0, 3], 3);
  const failed = run({ ...defaultSettings, seed: 6, nodes: 7 });
  assert.equal(failed.failure?.invariant, 'S1');
  const { result, runs } = shrink(failed, run);
  const { settings } = result;
  assert.equal(settings.seed, 6);
  assert.equal(settings.seconds, 8);
  assert.deepEqual(settings.onlyFaults, [0, 3]);
  assert.equal(settings.nodes, 3);
  assert.equal(settings.operationsPerSecond, 5, 'with fewer it fails differently');
  assert.ok(runs > 5);
});

test('what fails without any fault needs none', () => {
  const run = failing([], 1);
  const { result } = shrink(run({ ...defaultSettings, seed: 1 }), run);
  assert.deepEqual(result.settings.onlyFaults, []);
  assert.equal(result.settings.nodes, 1);
});
