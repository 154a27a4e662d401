import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultSettings } from '../../src/sim/plan.ts';
import { runSeed } from '../../src/sim/run.ts';

// Seeds that were alarms once, as they were made smaller. Those of liveness.test.ts stand beside what
// they are about.
const pinned = [
  {
    what: 'D1: the log that a snapshot replaced ended at the same index, with an entry of another term',
    seed: 10_003_937,
    smaller: { nodes: 7, onlyFaults: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] },
  },
  {
    what: 'D2: power fails when a snapshot has replaced entries in memory and not yet on disk',
    seed: 10_004_466,
    smaller: { nodes: 5, onlyFaults: [0, 2, 5, 6, 9, 10, 11, 15] },
  },
  {
    what: 'L8: a leader appends, and can’t commit, so no snapshot is due',
    seed: 10_003_204,
    smaller: { seconds: 44, nodes: 2, onlyFaults: [6] },
  },
  {
    what: 'L2: a node is stopped, its disk fails in the last writes, and it never ends',
    seed: 10_013_301,
    smaller: { nodes: 1, onlyFaults: [26, 27, 34, 36, 38, 39] },
  },
  {
    what: 'D3: a disk fails when a cut is decided, and not yet durable',
    seed: 11_003_810,
    smaller: { nodes: 3, onlyFaults: [0, 2, 3, 4] },
  },
  {
    what: 'L11: four suspects, and two of them are asked who does not vote',
    seed: 11_016_043,
    smaller: { nodes: 5, onlyFaults: [19, 20, 21, 23, 26, 31, 32, 34, 38, 39] },
  },
  {
    what: 'LIN: an unanswered DEL and a later one with the same words, taken for each other',
    seed: 10_013_709,
    smaller: { nodes: 4, onlyFaults: [0, 3, 4, 6, 12, 14, 15] },
  },
];

describe('seeds that were alarms', () => {
  for (const { what, seed, smaller } of pinned) {
    test(`seed ${seed}: ${what}`, () => {
      assert.equal(runSeed({ ...defaultSettings, seed, ...smaller }).failure, null);
    });
  }
});
