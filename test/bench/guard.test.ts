import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareCase } from '../../bench/guard.ts';

const run = (cpuUs: number, perSecond: number, instructions: number | null = null) => ({
  perSecond,
  cpuUs,
  leaderCpuUs: cpuUs / 2,
  p50Ms: 1,
  p99Ms: 2,
  instructions,
});

/** Eight pairs on a machine whose speed wanders by much more than what has changed. */
const pairs = (change: number) =>
  Array.from({ length: 8 }, (_, i) => {
    const machine = 1 + i / 4;
    return {
      before: run(50 * machine, 30_000 / machine),
      after: run(50 * machine * (change + i / 1000), 30_000 / machine / (change + i / 1000)),
    };
  });

const verdicts = (change: number) =>
  Object.fromEntries(compareCase('SET', pairs(change)).map((one) => [one.measure, one.verdict]));

describe('a guard', () => {
  it('sees a change that is smaller than the noise of the machine, and its direction', () => {
    assert.match(verdicts(0.9)['CPU µs, all']!, /^better by 9\.\d %$/);
    assert.match(verdicts(0.9)['commands / s']!, /^better by 10\.\d %$/);
    assert.match(verdicts(1.1)['CPU µs, all']!, /^WORSE by 10\.\d %$/);
    assert.match(verdicts(1.1)['commands / s']!, /^WORSE by 9\.\d %$/);
  });

  it('sees none where the pairs do not agree', () => {
    assert.equal(verdicts(0.997)['CPU µs, all'], 'no change seen');
    assert.equal(verdicts(1)['p50 ms'], 'no change seen');
  });

  it('judges nothing by too few rounds', () => {
    const [first] = compareCase('SET', pairs(2).slice(0, 5));
    assert.equal(first!.verdict, 'too few rounds');
    assert.equal(compareCase('SET', pairs(2).slice(0, 6))[0]!.verdict, 'WORSE by 100.3 %');
  });

  it('leaves out what was not counted, and compares what was', () => {
    assert.ok(!compareCase('SET', pairs(1)).some(({ measure }) => measure === 'instructions'));
    const counted = [{ before: run(1, 1, 1000), after: run(1, 1, 500) }];
    const found = compareCase('SET', counted).find(({ measure }) => measure === 'instructions')!;
    assert.equal(found.ratio.median, 0.5);
  });
});
