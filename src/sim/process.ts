import { Queue } from '../base/queue.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * When a program gets what it asked for "soon": `apart`, as an event of its own, behind all that
 * happens at this instant; or `behind`, right after the call that asked, before anything else is
 * heard of. An event loop may do either, as its poll finds more to read or not.
 */
export type Turns = 'apart' | 'behind';

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
  private readonly turns: Turns;
  /** Asked for from inside a call, and to be called right behind it. */
  private readonly behind = new Queue<() => void>();
  private isInside = false;

  constructor(scheduler: Scheduler, host: ProcessHost | null = null, turns: Turns = 'apart') {
    this.scheduler = scheduler;
    this.host = host;
    this.turns = turns;
  }

  get state(): 'running' | 'paused' | 'dead' {
    return this.current;
  }

  /** Calls back now, or when the process goes on, or never. */
  deliver(callback: () => void): void {
    if (this.current === 'running' && this.held.length === 0) this.enter(callback);
    else if (this.current !== 'dead') this.held.push(callback);
  }

  /** Calls back at this instant, but not from inside the call that asks. */
  soon(callback: () => void): void {
    if (this.isInside && this.turns === 'behind') this.behind.push(callback);
    else this.scheduler.after(0, callback, this);
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
    this.behind.clear();
  }

  /** One by one: any of them may end with the process paused or killed. */
  private release(): void {
    if (this.current !== 'running') return;
    const next = this.held.shift();
    if (next === undefined) return;
    if (this.held.length > 0) this.scheduler.after(0, () => this.release());
    this.enter(next);
  }

  /** The call, and what it wants to have behind it, unless it ends the process or stops it. */
  private enter(callback: () => void): void {
    this.isInside = true;
    this.call(callback);
    for (let next = this.behind.shift(); next !== undefined; next = this.behind.shift()) {
      if (this.current === 'running') this.call(next);
      else if (this.current === 'paused') this.held.push(next);
    }
    this.isInside = false;
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
