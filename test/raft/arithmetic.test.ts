import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { index, term } from '../../src/base/ids.ts';
import { TermRuns } from '../../src/base/term-runs.ts';
import { Inflights } from '../../src/raft/inflights.ts';
import { majorityOf, reachedByMajority } from '../../src/raft/quorum.ts';
import { checkTiming, defaultTiming, type RaftTiming } from '../../src/raft/timing.ts';

// Each against a second implementation that is too dumb to be wrong.

test('majorityOf: the smallest number such that two of that size always meet', () => {
  for (let voters = 1; voters <= 9; voters++) {
    const majority = majorityOf(voters);
    assert(2 * majority > voters && 2 * (majority - 1) <= voters);
  }
});

test('reachedByMajority: the largest value that enough voters have reached', () => {
  const voters = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(voters, (values) => {
      let dumb = -1;
      for (const candidate of values) {
        const reached = values.filter((value) => value >= candidate).length;
        if (reached * 2 > values.length) dumb = Math.max(dumb, candidate);
      }
      assert.equal(reachedByMajority(Float64Array.from(values)), dumb);
    }),
  );
});

/** The terms of a log, non-decreasing from 1 up. */
const logs = fc
  .array(fc.integer({ min: 1, max: 6 }), { maxLength: 30 })
  .map((terms) => terms.toSorted((a, b) => a - b));

function runsOf(terms: readonly number[]): TermRuns {
  const runs = new TermRuns([]);
  for (const [i, ofTerm] of terms.entries()) runs.append(index(i + 1), term(ofTerm));
  return runs;
}

test('TermRuns: says of each index what an array of all terms says', () => {
  fc.assert(
    fc.property(logs, fc.nat(31), (terms, cut) => {
      const runs = runsOf(terms);
      const kept = terms.slice(0, cut);
      runs.truncate(index(cut + 1));
      for (let at = 1; at <= kept.length; at++) assert.equal(runs.termAt(index(at)), kept[at - 1]);
      assert.equal(runs.lastTerm, kept.at(-1) ?? 0);
      assert.equal(runs.termAt(index(0)), 0);
      const again = new TermRuns(runs.copy());
      for (let at = 1; at <= kept.length; at++) assert.equal(again.termAt(index(at)), kept[at - 1]);
    }),
  );
});

test('findConflictByTerm: the last index up to here whose term is not above', () => {
  fc.assert(
    fc.property(logs, fc.nat(30), fc.nat(8), (terms, at, ofTerm) => {
      const from = Math.min(at, terms.length);
      let dumb = from;
      while (dumb > 0 && terms[dumb - 1]! > ofTerm) dumb--;
      assert.equal(runsOf(terms).findConflictByTerm(index(from), term(ofTerm)), dumb);
    }),
  );
});

test('two logs that back up in turn meet where they agree, after one step a term at most', () => {
  fc.assert(
    fc.property(logs, logs, (mine, theirs) => {
      const leader = runsOf(mine);
      const follower = runsOf(theirs);
      let shared = 0;
      while (shared < mine.length && mine[shared] === theirs[shared]) shared++;
      const terms = new Set([...mine, ...theirs]).size;
      let prev = mine.length;
      let refusals = 0;
      while (prev > theirs.length || (prev > 0 && mine[prev - 1] !== theirs[prev - 1])) {
        const hint = follower.findConflictByTerm(
          index(Math.min(prev, theirs.length)),
          leader.termAt(index(prev)),
        );
        // The follower's log may end behind the leader's: a hint is about its own entries.
        const next = leader.findConflictByTerm(hint, follower.termAt(hint));
        prev = Math.min(prev - 1, next);
        refusals++;
      }
      assert(prev >= 0 && refusals <= terms + 1, `${refusals} refusals for ${terms} terms`);
    }),
  );
});

test('TermRuns refuses what is no log', () => {
  const run = (ofTerm: number, from: number) => ({ term: term(ofTerm), from: index(from) });
  assert.throws(() => new TermRuns([run(2, 1), run(1, 5)]), /S18/);
  assert.throws(() => new TermRuns([run(1, 1), run(2, 1)]), /S18/);
  assert.throws(() => new TermRuns([run(1, 2)]), /S18/);
  assert.throws(() => runsOf([3, 2]), /S18/);
});

test('Inflights: a ring says what a list says', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(50), fc.nat(9)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), steps, (capacity, script) => {
      const ring = new Inflights(capacity);
      let list: [last: number, bytes: number][] = [];
      let last = 0;
      for (const [adds, to, bytes] of script) {
        if (adds && list.length < capacity) {
          last += 1 + (to % 3);
          ring.add(index(last), bytes);
          list.push([last, bytes]);
        } else if (!adds) {
          ring.freeTo(index(to));
          list = list.filter(([each]) => each > to);
        }
        assert.equal(ring.count, list.length);
        assert.equal(ring.isFull, list.length === capacity);
        const sum = list.reduce((total, [, each]) => total + each, 0);
        assert.equal(ring.bytes, sum);
      }
    }),
  );
});

test('checkTiming names the relation that does not hold', () => {
  checkTiming(defaultTiming);
  const broken: Partial<RaftTiming>[] = [
    { heartbeatMs: 0 },
    { heartbeatMs: 150 },
    { electionTimeoutMaxMs: 300 },
    { processGoneDelayMaxMs: 50 },
    { lateTickMs: 0 },
    { storageStallMs: 100 },
  ];
  for (const change of broken) {
    const [name] = Object.keys(change);
    assert.throws(() => checkTiming({ ...defaultTiming, ...change }), new RegExp(`${name}`));
  }
});
