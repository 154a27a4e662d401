import type { Clock } from './clock.ts';

/** So long is worked at a stretch: less than anybody who shares the processor would notice. */
const STRETCH_MS = 1;
/** Then it rests for so many times that. */
const REST_FACTOR = 3;
/** What a slice counts at least, however coarse the clock. */
const SLICE_MS_MIN = 0.25;

/**
 * Lets long work that nobody waits for take a quarter of a processor at most: after every stretch it
 * rests for three times as long as that took. Where processors are shared, whoever is waited for
 * gets on meanwhile.
 */
export class Rests {
  private readonly clock: Clock;
  private workedMs = 0;
  /** No slice before. */
  untilMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Does a slice of the work, and counts it. */
  slice(work: () => void): void {
    const fromMs = this.clock.now();
    work();
    const nowMs = this.clock.now();
    this.workedMs += Math.max(SLICE_MS_MIN, nowMs - fromMs);
    if (this.workedMs < STRETCH_MS) return;
    this.untilMs = nowMs + REST_FACTOR * this.workedMs;
    this.workedMs = 0;
  }
}
