import { assert } from '../src/base/assert.ts';

/** Buckets an octave: a bucket is never wider than 1/128 of its values. */
const OCTAVE_BUCKETS = 128;
const EXACT = 2 * OCTAVE_BUCKETS;
/** 2^31 - 1 µs, 35 minutes: what takes longer counts as this. */
const MICROS_MAX = 2 ** 31 - 1;
const BUCKETS = bucketOf(MICROS_MAX) + 1;

/** What a histogram is made of: passes between threads and processes. */
export interface HistogramData {
  readonly counts: Float64Array;
  readonly maxMs: number;
}

/**
 * Any number of latencies in a fixed space, in µs: exact below 256 µs, and within 1/128 above. A
 * percentile is the upper end of its bucket, so it never flatters.
 */
export class Histogram {
  private readonly counts: Float64Array = new Float64Array(BUCKETS);
  private total = 0;
  private max = 0;

  static from({ counts, maxMs }: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.add({ counts, maxMs });
    return histogram;
  }

  get count(): number {
    return this.total;
  }

  get maxMs(): number {
    return this.max;
  }

  get data(): HistogramData {
    return { counts: this.counts, maxMs: this.max };
  }

  /** @param latencyMs below 0 it counts as 0: clocks of two threads may differ by a µs. */
  record(latencyMs: number): void {
    const micros = Math.min(MICROS_MAX, Math.max(0, Math.ceil(latencyMs * 1000)));
    this.counts[bucketOf(micros)]!++;
    this.total++;
    if (latencyMs > this.max) this.max = latencyMs;
  }

  /** Takes in what another has counted. */
  add({ counts, maxMs }: HistogramData): void {
    for (let i = 0; i < BUCKETS; i++) {
      this.counts[i]! += counts[i]!;
      this.total += counts[i]!;
    }
    this.max = Math.max(this.max, maxMs);
  }

  /** In ms, by nearest rank: what at least `percent` of all values don't exceed. NaN of nothing. */
  percentileMs(percent: number): number {
    assert(percent > 0 && percent <= 100, () => `percentile ${percent}`);
    if (this.total === 0) return Number.NaN;
    const rank = Math.ceil((percent * this.total) / 100);
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.counts[i]!;
      if (seen >= rank) return Math.min(highestOf(i) / 1000, this.max);
    }
    return this.max;
  }
}

/** Below EXACT each value has a bucket of its own; then 128 for each doubling. */
function bucketOf(micros: number): number {
  if (micros < EXACT) return micros;
  const shift = 31 - Math.clz32(micros) - Math.log2(OCTAVE_BUCKETS);
  return shift * OCTAVE_BUCKETS + (micros >>> shift);
}

function highestOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor(bucket / OCTAVE_BUCKETS) - 1;
  return (bucket - shift * OCTAVE_BUCKETS + 1) * 2 ** shift - 1;
}
