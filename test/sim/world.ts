import { Scheduler } from '../../src/sim/scheduler.ts';

const PATIENCE_MS = 5000;

/** Simulated time, in the hands of tests that also run in real time. */
export class TestWorld {
  readonly scheduler: Scheduler;

  constructor(seed: number) {
    this.scheduler = new Scheduler(seed);
  }

  readonly until = async (done: () => boolean, what: string): Promise<void> => {
    const deadlineMs = this.scheduler.nowMs + PATIENCE_MS;
    while (!this.scheduler.runUntil(done, this.scheduler.nowMs + 1)) {
      if (this.scheduler.nowMs > deadlineMs) throw new Error(`waited in vain for ${what}`);
      this.scheduler.run(this.scheduler.nowMs + 1);
    }
  };

  readonly pass = async (ms: number): Promise<void> => {
    this.scheduler.run(this.scheduler.nowMs + ms);
  };
}
