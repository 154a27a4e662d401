import { assert } from '../src/base/assert.ts';

/** What a set of measurements comes to. All of them are values that were really measured. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The smallest value that at least `percent` of all values don't exceed (nearest rank: it never
 * invents a value between two, and the p99 of fewer than 100 values is their maximum).
 */
export function percentile(values: readonly number[], percent: number): number {
  assert(values.length > 0, () => 'a percentile of nothing');
  assert(percent > 0 && percent <= 100, () => `percentile ${percent}`);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent * sorted.length) / 100) - 1]!;
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  assert(values.length > 0, () => 'a median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

export function summarize(values: readonly number[]): Summary {
  return {
    count: values.length,
    min: Math.min(...values),
    p50: percentile(values, 50),
    p90: percentile(values, 90),
    p99: percentile(values, 99),
    max: Math.max(...values),
  };
}
