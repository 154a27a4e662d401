import type { Clock, Timer } from '../replica/clock.ts';
import type { SimProcess } from './process.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

export interface SimClockOptions {
  /** What `now()` says when the world's time is 0. Processes don't agree on it. */
  readonly offsetMs: number;
  /** How many milliseconds of this clock pass in one of the world's. > 0. */
  readonly rate: number;
}

/** 2026-01-01, in milliseconds since 1970. */
const WORLD_BEGAN_MS = 1_767_225_600_000;

export const exactClock: SimClockOptions = { offsetMs: 0, rate: 1 };

/** The clock of one simulated process. */
export class SimClock implements Clock {
  private readonly scheduler: Scheduler;
  private readonly process: SimProcess;
  private readonly options: SimClockOptions;

  constructor(scheduler: Scheduler, process: SimProcess, options: SimClockOptions = exactClock) {
    this.scheduler = scheduler;
    this.process = process;
    this.options = options;
  }

  now(): number {
    return this.options.offsetMs + this.scheduler.nowMs * this.options.rate;
  }

  wallMs(): number {
    return WORLD_BEGAN_MS + this.now();
  }

  timer(atMs: number, callback: () => void): Timer {
    return new SimTimer(this, atMs, callback);
  }

  soon(callback: () => void): void {
    this.scheduler.after(0, () => this.process.deliver(callback));
  }

  /** Calls the timer's `due` once this clock shows `atMs`, as near as floating point gets. */
  schedule(atMs: number, due: () => void): Scheduled {
    const worldMs = (atMs - this.options.offsetMs) / this.options.rate;
    return this.scheduler.at(worldMs, () => this.process.deliver(due));
  }
}

class SimTimer implements Timer {
  private readonly clock: SimClock;
  private readonly atMs: number;
  private callback: (() => void) | null;
  private scheduled: Scheduled;

  constructor(clock: SimClock, atMs: number, callback: () => void) {
    this.clock = clock;
    this.atMs = atMs;
    this.callback = callback;
    this.scheduled = clock.schedule(atMs, () => this.due());
  }

  cancel(): void {
    this.callback = null;
    this.scheduled.cancel();
  }

  private due(): void {
    const { callback } = this;
    if (callback === null) return;
    if (this.clock.now() < this.atMs) {
      // Dividing by the rate rounded down. The smallest step is below a microsecond.
      this.scheduled = this.clock.schedule(this.atMs + 0.001, () => this.due());
      return;
    }
    this.callback = null;
    callback();
  }
}
