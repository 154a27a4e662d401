import { performance } from 'node:perf_hooks';
import type { Clock, Timer } from '../replica/clock.ts';

/** Node takes a longer delay for 1 ms. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The machine's monotonic clock and the event loop's timers. */
export class NodeClock implements Clock {
  now(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  timer(atMs: number, callback: () => void): Timer {
    return new NodeTimer(atMs, callback);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }
}

class NodeTimer implements Timer {
  private readonly atMs: number;
  private readonly callback: () => void;
  private timeout: NodeJS.Timeout;

  constructor(atMs: number, callback: () => void) {
    this.atMs = atMs;
    this.callback = callback;
    this.timeout = this.arm();
  }

  cancel(): void {
    clearTimeout(this.timeout);
  }

  private arm(): NodeJS.Timeout {
    const delayMs = Math.min(Math.max(Math.ceil(this.atMs - performance.now()), 0), TIMEOUT_MAX_MS);
    return setTimeout(() => this.due(), delayMs);
  }

  /** A timeout may come up to a millisecond early (the loop counts in whole ones), and a delay that
   *  was too long for one timeout takes several. */
  private due(): void {
    if (performance.now() < this.atMs) this.timeout = this.arm();
    else this.callback();
  }
}
