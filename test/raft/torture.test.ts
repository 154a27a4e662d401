import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Torture } from './torture.ts';

// RAFT_SEEDS=100000 for a night, RAFT_FIRST_SEED=n to look at one run.
const seeds = Number(process.env['RAFT_SEEDS'] ?? 300);
const firstSeed = Number(process.env['RAFT_FIRST_SEED'] ?? 1);
const stepsPerSeed = 1000;

test('random faults never break safety, and when they stop the cluster converges', () => {
  const coverage = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const torture = new Torture(seed);
    let at = 0;
    try {
      for (; at < stepsPerSeed; at++) torture.step();
      torture.converge();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${at}: ${(error as Error).message}`, { cause: error });
    }
    for (const [what, count] of torture.judge.coverage) {
      coverage.set(what, (coverage.get(what) ?? 0) + count);
    }
  }
  if (process.env['RAFT_COVERAGE'] !== undefined) console.log(coverage);
  if (seeds < 300) return;
  // A run in which these do not happen proves nothing.
  for (const what of [
    'truncate',
    'commit',
    'read',
    'crash with a loss',
    'rot',
    'rot of a suspect',
    'reinstated',
    'role leader: won the election',
    'role candidate: leadership transfer',
    'role precandidate: leader process gone',
    'role follower: lost contact with the quorum',
    'role follower: its disk makes no progress',
  ]) {
    assert((coverage.get(what) ?? 0) > 10, `hardly ever: ${what}`);
  }
});
