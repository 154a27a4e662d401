import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeOf, medianInterval } from '../../bench/confidence.ts';
import { Prng } from '../../src/base/prng.ts';

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('the interval of a median', () => {
  it('has the confidence that the tables of the sign test give', () => {
    assert.deepEqual(medianInterval(oneTo(8).reverse(), 0.95), {
      median: 4.5,
      low: 1,
      high: 8,
      confidence: 1 - 2 / 256,
    });
    // Of ten, the second and the ninth: 1 - 2 (1 + 10) / 1024.
    const { low, high, confidence } = medianInterval(oneTo(10), 0.95);
    assert.deepEqual([low, high, confidence], [2, 9, 1 - 22 / 1024]);
    assert.deepEqual(medianInterval(oneTo(20), 0.95).low, 6);
  });

  it('is all there is, and says how little that is, where there are too few', () => {
    assert.deepEqual(medianInterval([3], 0.95), { median: 3, low: 3, high: 3, confidence: 0 });
    const { low, high, confidence } = medianInterval([2, 1, 4], 0.95);
    assert.deepEqual([low, high, confidence], [1, 4, 0.75]);
  });

  it('holds the true median as often as it says', () => {
    const random = new Prng(11);
    const runs = 4000;
    let held = 0;
    let claimed = 0;
    for (let run = 0; run < runs; run++) {
      // Far from symmetric: the median of a square of a uniform number is 1/4.
      const values = Array.from({ length: 9 }, () => random.float() ** 2);
      const { low, high, confidence } = medianInterval(values, 0.9);
      if (low <= 0.25 && high >= 0.25) held++;
      claimed = confidence;
    }
    assert.ok(Math.abs(held / runs - claimed) < 0.015, `${held / runs} of ${claimed}`);
  });
});

describe('a change', () => {
  const interval = (low: number, high: number) => ({ median: 1, low, high, confidence: 0.95 });

  it('is seen only where no change lies outside the interval', () => {
    assert.equal(changeOf(interval(0.8, 0.99)), 'less');
    assert.equal(changeOf(interval(1.01, 1.2)), 'more');
    assert.equal(changeOf(interval(0.9, 1.1)), 'none');
    assert.equal(changeOf(interval(0.9, 1)), 'none');
  });
});
