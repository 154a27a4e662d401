import type { Clock, Timer } from './clock.ts';

/**
 * One timer for everything that a replica waits for. It is only moved when it must ring earlier: a
 * deadline that was put off, as every heartbeat does, costs no system call, only a ring for nothing.
 */
export class Alarm {
  private readonly clock: Clock;
  private readonly nextDeadlineMs: () => number;
  private readonly ring: () => void;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private closed = false;

  /** @param nextDeadlineMs when there is something to do; Infinity: never. @param ring it is due. */
  constructor(clock: Clock, nextDeadlineMs: () => number, ring: () => void) {
    this.clock = clock;
    this.nextDeadlineMs = nextDeadlineMs;
    this.ring = ring;
  }

  /** To be called when the next deadline may have come nearer. */
  set(): void {
    if (this.closed) return;
    const atMs = this.nextDeadlineMs();
    if (atMs >= this.timerAtMs) return;
    this.timer?.cancel();
    this.timerAtMs = atMs;
    this.timer = this.clock.timer(atMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      if (this.nextDeadlineMs() <= this.clock.now()) this.ring();
      else this.set();
    });
  }

  /** For good. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }
}
