import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Histogram } from '../../bench/histogram.ts';
import { percentile } from '../../bench/statistics.ts';
import { Prng } from '../../src/base/prng.ts';

const PERCENTS = [0.01, 1, 10, 50, 90, 99, 99.9, 100];

function histogramOf(valuesMs: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of valuesMs) histogram.record(value);
  return histogram;
}

describe('a histogram of latencies', () => {
  it('is exact below 256 µs', () => {
    const values = Array.from({ length: 256 }, (_, i) => i / 1000);
    const histogram = histogramOf(values.toReversed());
    for (const percent of PERCENTS) {
      assert.equal(histogram.percentileMs(percent), percentile(values, percent));
    }
  });

  it('agrees with sorting within 1/128, and never says less', () => {
    const random = new Prng(7);
    for (const scaleMs of [0.1, 1, 30, 5000, 1_000_000]) {
      const values = Array.from({ length: 3000 }, () => (random.below(1e6) / 1e6) * scaleMs);
      const histogram = histogramOf(values);
      for (const percent of PERCENTS) {
        const [found, truth] = [histogram.percentileMs(percent), percentile(values, percent)];
        assert.ok(found >= truth, `p${percent} of ${scaleMs}: ${found} < ${truth}`);
        assert.ok(found <= truth * (1 + 1 / 128) + 0.0011, `p${percent}: ${found} > ${truth}`);
      }
    }
  });

  it('has buckets without a gap: each value lies in one that ends at or above it', () => {
    for (let micros = 1; micros < 2 ** 31 - 1; micros = Math.ceil(micros * 1.003)) {
      // The larger value keeps the maximum out of the way of the answer.
      const histogram = histogramOf([micros / 1000, 2 ** 31 / 1000]);
      const found = histogram.percentileMs(50) * 1000;
      assert.ok(found >= micros - 1e-6 && found <= micros * (1 + 1 / 128), `${micros}: ${found}`);
    }
  });

  it('knows the largest value as it was', () => {
    const histogram = histogramOf([1, 1234.5678]);
    assert.equal(histogram.maxMs, 1234.5678);
    assert.equal(histogram.percentileMs(100), 1234.5678);
  });

  it('takes in others, as if it had seen their values', () => {
    const [some, others] = [
      [0.2, 5, 70],
      [0.1, 900, 3],
    ];
    const merged = Histogram.from(structuredClone(histogramOf(some!).data));
    merged.add(histogramOf(others!).data);
    assert.deepEqual(merged, histogramOf([...some!, ...others!]));
    assert.equal(merged.count, 6);
  });

  it('of nothing has no percentile; below 0 there is nothing', () => {
    assert.ok(Number.isNaN(new Histogram().percentileMs(50)));
    assert.equal(histogramOf([-0.003]).percentileMs(50), 0);
    assert.throws(() => histogramOf([1]).percentileMs(0), /percentile 0/);
  });
});
