import { assert } from '../src/base/assert.ts';

/**
 * When commands are due, at a fixed rate, whatever became of those before: the n-th (from 0) n
 * rates after the beginning. A latency counts from here, not from when the command could be sent:
 * a server that stands still then costs all who would have come meanwhile, as it does in life.
 */
export class Arrivals {
  /** All that will ever be due. */
  readonly total: number;
  private readonly ratePerSecond: number;
  private readonly begunAtMs: number;
  private taken = 0;

  constructor(ratePerSecond: number, seconds: number, begunAtMs: number) {
    assert(ratePerSecond > 0, () => `a rate of ${ratePerSecond}`);
    this.ratePerSecond = ratePerSecond;
    this.begunAtMs = begunAtMs;
    this.total = Math.round(ratePerSecond * seconds);
  }

  /** How many have not been taken. */
  get left(): number {
    return this.total - this.taken;
  }

  get isOver(): boolean {
    return this.left === 0;
  }

  dueMs(n: number): number {
    return this.begunAtMs + (n * 1000) / this.ratePerSecond;
  }

  /** The number of the next one, if it is due by now; else -1. */
  take(nowMs: number): number {
    return !this.isOver && this.dueMs(this.taken) <= nowMs ? this.taken++ : -1;
  }
}
