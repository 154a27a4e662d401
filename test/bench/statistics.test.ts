import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, percentile, summarize } from '../../bench/statistics.ts';

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('a percentile', () => {
  it('is the smallest value that enough others do not exceed', () => {
    const hundred = oneTo(100).reverse();
    for (const percent of [1, 50, 90, 99, 100]) assert.equal(percentile(hundred, percent), percent);
    assert.equal(percentile(oneTo(200), 99), 198);
    assert.equal(percentile(oneTo(200), 50), 100);
    assert.equal(percentile(oneTo(3), 50), 2);
  });

  it('is the maximum where there are too few values to tell', () => {
    assert.equal(percentile(oneTo(99), 99.5), 99);
    assert.equal(percentile([7], 1), 7);
  });

  it('agrees with counting, and leaves its input as it was', () => {
    const values = [9, 1, 1, 40, 3, 3, 3, 100, 2, 8, 5];
    const copy = [...values];
    for (let percent = 1; percent <= 100; percent++) {
      const found = percentile(values, percent);
      const share = (limit: number) => values.filter((value) => value <= limit).length;
      assert.ok(share(found) * 100 >= percent * values.length);
      const smaller = values.filter((value) => value < found);
      if (smaller.length === 0) continue;
      assert.ok(share(Math.max(...smaller)) * 100 < percent * values.length);
    }
    assert.deepEqual(values, copy);
  });

  it('of nothing is a bug', () => {
    assert.throws(() => percentile([], 50), /percentile of nothing/);
    assert.throws(() => percentile([1], 0), /percentile 0/);
    assert.throws(() => median([]), /median of nothing/);
  });
});

describe('a median', () => {
  it('is the middle, or between the two middle ones', () => {
    assert.equal(median([5, 1, 100]), 5);
    assert.equal(median([4, 1, 100, 2]), 3);
    assert.equal(median([6]), 6);
  });
});

describe('a summary', () => {
  it('sorts numbers as numbers', () => {
    const expected = { count: 5, min: 2, p50: 10, p90: 1000, p99: 1000, max: 1000 };
    assert.deepEqual(summarize([1000, 2, 100, 10, 9]), expected);
  });
});
