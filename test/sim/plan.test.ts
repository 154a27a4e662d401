import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DISK_PLOT_KINDS,
  ELECTION_PLOT_KINDS,
  FAULT_KINDS,
  INSTALL_PLOT_KINDS,
} from '../../src/sim/faults/kinds.ts';
import { defaultSettings, drawPlan } from '../../src/sim/plan.ts';

const planOf = (seed: number, more = {}) => drawPlan({ ...defaultSettings, seed, ...more });

test('a plan is drawn from its seed, and from nothing else', () => {
  assert.deepEqual(planOf(3), planOf(3));
  assert.notDeepEqual(planOf(3), planOf(4));
});

test('over many seeds, everything is drawn: every size, every kind of fault; never fewer than 5', () => {
  const sizes = new Set<number>();
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 200; seed++) {
    const plan = planOf(seed);
    sizes.add(plan.nodes);
    for (const { kind } of plan.faults) kinds.add(kind);
    assert.ok(plan.faults.length >= 5, `seed ${seed}`);
    const used = new Set(plan.faults.map(({ kind }) => kind));
    assert.ok(used.size < FAULT_KINDS.length, 'some kinds are off in each run');
  }
  assert.deepEqual([...sizes].sort(), [1, 2, 3, 4, 5, 7]);
  assert.deepEqual(
    [...kinds].sort(),
    [...FAULT_KINDS, ...ELECTION_PLOT_KINDS, ...DISK_PLOT_KINDS, ...INSTALL_PLOT_KINDS].sort(),
  );
});

test('what is left out changes nothing about the rest', () => {
  const all = planOf(9);
  const some = planOf(9, { onlyFaults: [1, 3] });
  assert.deepEqual(some.faults, [all.faults[1], all.faults[3]]);
  assert.deepEqual({ ...some, faults: [] }, { ...all, faults: [] });
  assert.deepEqual(planOf(9, { onlyFaults: [] }).faults, []);
});
