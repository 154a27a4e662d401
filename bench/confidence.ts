import { assert } from '../src/base/assert.ts';
import { median } from './statistics.ts';

/** Where the true median lies, with this probability, whatever the distribution. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** That it lies between them: at least what was asked for, if there were values enough. */
  readonly confidence: number;
}

/**
 * The narrowest pair of the measured values, equally far from both ends, between which the true
 * median lies with at least the confidence that is wanted; the least and the most value where there
 * are too few for it. It is the sign test turned round: each value is above the true median with
 * probability 1/2, so the number of those above is binomial. Nothing else is assumed.
 */
export function medianInterval(values: readonly number[], wanted: number): Interval {
  assert(values.length > 0, () => 'an interval of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  let cut = 0;
  while (2 * (cut + 2) <= n && coverage(n, cut + 1) >= wanted) cut++;
  return {
    median: median(sorted),
    low: sorted[cut]!,
    high: sorted[n - 1 - cut]!,
    confidence: coverage(n, cut),
  };
}

/** How probable it is that of n values more than `cut` lie on either side of the true median. */
function coverage(n: number, cut: number): number {
  let outside = 0;
  let ways = 1;
  for (let k = 0; k <= cut; k++) {
    outside += ways;
    ways = (ways * (n - k)) / (k + 1);
  }
  return 1 - (2 * outside) / 2 ** n;
}

/** What a ratio of after to before says: a change only where 1 lies outside the interval. */
export function changeOf({ low, high }: Interval): 'less' | 'more' | 'none' {
  if (high < 1) return 'less';
  return low > 1 ? 'more' : 'none';
}
