import { Queue } from '../base/queue.ts';
import type { Scheduler } from './scheduler.ts';

/** Who watches over a process. */
export interface ProcessHost {
  /** It was called back, and has returned: alive. */
  ran(): void;
  /** It threw: a bug, or the power was cut under it. Rethrows what it does not know. */
  threw(thrown: unknown): void;
}

/**
 * One run of a program on a simulated host: what its clock and its network call back goes through
 * here, so that it can be stopped (SIGSTOP: everything waits, in order) and killed (kill -9:
 * nothing is called back any more). A restart is a new SimProcess.
 */
export class SimProcess {
  private readonly scheduler: Scheduler;
  private current: 'running' | 'paused' | 'dead' = 'running';
  private readonly held = new Queue<() => void>();
  private readonly host: ProcessHost | null;

  constructor(scheduler: Scheduler, host: ProcessHost | null = null) {
    this.scheduler = scheduler;
    this.host = host;
  }

  get state(): 'running' | 'paused' | 'dead' {
    return this.current;
  }

  /** Calls back now, or when the process goes on, or never. */
  deliver(callback: () => void): void {
    if (this.current === 'running' && this.held.length === 0) this.call(callback);
    else if (this.current !== 'dead') this.held.push(callback);
  }

  pause(): void {
    if (this.current === 'running') this.current = 'paused';
  }

  resume(): void {
    if (this.current !== 'paused') return;
    this.current = 'running';
    this.scheduler.after(0, () => this.release());
  }

  kill(): void {
    this.current = 'dead';
    this.held.clear();
  }

  /** One by one: any of them may end with the process paused or killed. */
  private release(): void {
    if (this.current !== 'running') return;
    const next = this.held.shift();
    if (next === undefined) return;
    if (this.held.length > 0) this.scheduler.after(0, () => this.release());
    this.call(next);
  }

  private call(callback: () => void): void {
    if (this.host === null) {
      callback();
      return;
    }
    try {
      callback();
    } catch (thrown) {
      this.host.threw(thrown);
      return;
    }
    if (this.current !== 'dead') this.host.ran();
  }
}
