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

/** The clock of one simulated process. It may go fast or slow, and jump ahead, as a virtual machine's
 *  does that was stopped for a while; it never goes back. */
export class SimClock implements Clock {
  private readonly scheduler: Scheduler;
  private readonly process: SimProcess;
  private readonly timers = new Set<SimTimer>();
  /** Since `baseWorldMs` of the world, when it showed `baseMs`, it has gone at `rate`. */
  private baseMs: number;
  private baseWorldMs = 0;
  private rate: number;

  constructor(scheduler: Scheduler, process: SimProcess, options: SimClockOptions = exactClock) {
    this.scheduler = scheduler;
    this.process = process;
    this.baseMs = options.offsetMs;
    this.rate = options.rate;
  }

  now(): number {
    return this.baseMs + (this.scheduler.nowMs - this.baseWorldMs) * this.rate;
  }

  wallMs(): number {
    return WORLD_BEGAN_MS + this.now();
  }

  timer(atMs: number, callback: () => void): Timer {
    const timer = new SimTimer(this, atMs, callback);
    this.timers.add(timer);
    return timer;
  }

  soon(callback: () => void): void {
    this.process.soon(callback);
  }

  /** From now on it goes at this rate. */
  setRate(rate: number): void {
    this.change(0, rate);
  }

  /** It now shows so much more; what was due meanwhile is due at once. */
  jump(aheadMs: number): void {
    this.change(aheadMs, this.rate);
  }

  /** @internal Calls the timer's `due` once this clock shows `atMs`, as near as floating point
   *  gets. */
  schedule(atMs: number, due: () => void): Scheduled {
    const worldMs = this.baseWorldMs + (atMs - this.baseMs) / this.rate;
    return this.scheduler.at(worldMs, due, this.process);
  }

  /** @internal */
  forget(timer: SimTimer): void {
    this.timers.delete(timer);
  }

  private change(aheadMs: number, rate: number): void {
    this.baseMs = this.now() + aheadMs;
    this.baseWorldMs = this.scheduler.nowMs;
    this.rate = rate;
    for (const timer of this.timers) timer.reschedule();
  }
}

class SimTimer implements Timer {
  private readonly clock: SimClock;
  private readonly atMs: number;
  private callback: (() => void) | null;
  private scheduled: Scheduled;
  private readonly due = (): void => this.onDue();

  constructor(clock: SimClock, atMs: number, callback: () => void) {
    this.clock = clock;
    this.atMs = atMs;
    this.callback = callback;
    this.scheduled = clock.schedule(atMs, this.due);
  }

  cancel(): void {
    this.callback = null;
    this.scheduled.cancel();
    this.clock.forget(this);
  }

  reschedule(): void {
    this.scheduled.cancel();
    this.scheduled = this.clock.schedule(this.atMs, this.due);
  }

  private onDue(): void {
    const { callback } = this;
    if (callback === null) return;
    if (this.clock.now() < this.atMs) {
      // Dividing by the rate rounded down. The smallest step is below a microsecond.
      this.scheduled = this.clock.schedule(this.atMs + 0.001, this.due);
      return;
    }
    this.callback = null;
    this.clock.forget(this);
    callback();
  }
}
