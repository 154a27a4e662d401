import { assert } from '../base/assert.ts';
import { Prng } from '../base/prng.ts';
import { Queue } from '../base/queue.ts';

const HEAP_MIN = 256;

/**
 * Simulated time: everything in `sim/` happens as a callback of one of these, one after the other,
 * in the order of (time, when it was scheduled). The same seed gives the same run.
 */
export class Scheduler {
  /** The world's randomness. Whoever draws often forks its own. */
  readonly random: Prng;
  /** How many events have happened. */
  events = 0;
  private readonly heap: ScheduledEvent[] = [];
  /** Of each event in the heap, beside it: to compare two, nobody has to go and fetch them. */
  private times = new Float64Array(HEAP_MIN);
  /** What happens at this very instant, behind what was scheduled for it before: most events do,
   *  and a ring is cheaper than a heap. */
  private readonly soon = new Queue<ScheduledEvent>();
  private time = 0;
  private sequence = 0;

  constructor(seed: number) {
    this.random = new Prng(seed);
  }

  /** The world's true time, in milliseconds since the run began. */
  get nowMs(): number {
    return this.time;
  }

  /** Whether anything is left to happen. */
  get idle(): boolean {
    return this.next() === undefined;
  }

  /**
   * Calls back at `atMs`, or as the last thing of this instant if that has passed.
   * @param through who hands the call on, in its own time; null: nobody stands in between.
   */
  at(atMs: number, callback: () => void, through: Deliverer | null = null): Scheduled {
    if (!Number.isFinite(atMs)) refuse(atMs);
    const { time } = this;
    const event = new ScheduledEvent(Math.max(atMs, time), this.sequence++, callback, through);
    if (event.atMs === time) {
      this.soon.push(event);
    } else {
      this.heap.push(event);
      if (this.heap.length > this.times.length) this.grow();
      this.siftUp(this.heap.length - 1, event);
    }
    return event;
  }

  after(delayMs: number, callback: () => void, through: Deliverer | null = null): Scheduled {
    return this.at(this.time + delayMs, callback, through);
  }

  /** Lets the next thing happen. False when nothing is left. */
  step(): boolean {
    const event = this.next();
    if (event === undefined) return false;
    this.fire(event);
    return true;
  }

  /** Lets everything happen up to and including `untilMs`, which it then is. */
  run(untilMs: number): void {
    for (let event = this.next(); event !== undefined && event.atMs <= untilMs; ) {
      this.fire(event);
      event = this.next();
    }
    this.time = Math.max(this.time, untilMs);
  }

  /** Steps until `done` holds, at most up to `untilMs`. Tells whether it holds. */
  runUntil(done: () => boolean, untilMs: number): boolean {
    while (!done()) {
      const event = this.next();
      if (event === undefined || event.atMs > untilMs) return false;
      this.fire(event);
    }
    return true;
  }

  /** The first event that was not cancelled. It stays where it is. */
  private next(): ScheduledEvent | undefined {
    while (this.heap[0]?.cancelled === true) this.removeFirst();
    while (this.soon.peek()?.cancelled === true) this.soon.shift();
    const first = this.heap[0];
    const soon = this.soon.peek();
    if (soon === undefined) return first;
    return first?.before(soon) === true ? first : soon;
  }

  private fire(event: ScheduledEvent): void {
    if (event === this.soon.peek()) this.soon.shift();
    else this.removeFirst();
    this.time = event.atMs;
    this.events++;
    event.fire();
  }

  private removeFirst(): ScheduledEvent | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.siftDown(last);
    return first;
  }

  /** Finds the event its place, from `from` on towards the first. */
  private siftUp(from: number, event: ScheduledEvent): void {
    const { heap, times } = this;
    const { atMs } = event;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentMs = times[parent]!;
      if (parentMs < atMs || (parentMs === atMs && !event.before(heap[parent]!))) break;
      heap[at] = heap[parent]!;
      times[at] = parentMs;
      at = parent;
    }
    heap[at] = event;
    times[at] = atMs;
  }

  /** Finds the event its place, from the first on. */
  private siftDown(event: ScheduledEvent): void {
    const { heap, times } = this;
    const { length } = heap;
    const { atMs } = event;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      const second = child + 1;
      if (second < length && times[second]! <= times[child]!) {
        if (times[second]! < times[child]! || heap[second]!.before(heap[child]!)) child = second;
      }
      const childMs = times[child]!;
      if (atMs < childMs || (atMs === childMs && event.before(heap[child]!))) break;
      heap[at] = heap[child]!;
      times[at] = childMs;
      at = child;
    }
    heap[at] = event;
    times[at] = atMs;
  }

  private grow(): void {
    const grown = new Float64Array(2 * this.times.length);
    grown.set(this.times);
    this.times = grown;
  }
}

function refuse(atMs: number): void {
  assert(false, () => `an event needs a time, not ${atMs}`);
}

/** Whoever may hold a call back, or swallow it: a process. */
export interface Deliverer {
  deliver(callback: () => void): void;
}

/** What was scheduled; it can be called off. */
export interface Scheduled {
  /** Harmless once it has happened. */
  cancel(): void;
}

class ScheduledEvent implements Scheduled {
  readonly atMs: number;
  private readonly sequence: number;
  /** Null once it has happened or was cancelled, so that nothing is kept alive by the heap. */
  private callback: (() => void) | null;
  private readonly through: Deliverer | null;

  constructor(atMs: number, sequence: number, callback: () => void, through: Deliverer | null) {
    this.atMs = atMs;
    this.sequence = sequence;
    this.callback = callback;
    this.through = through;
  }

  get cancelled(): boolean {
    return this.callback === null;
  }

  cancel(): void {
    this.callback = null;
  }

  fire(): void {
    const { callback, through } = this;
    if (callback === null) return;
    this.callback = null;
    if (through === null) callback();
    else through.deliver(callback);
  }

  before(other: ScheduledEvent): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.sequence < other.sequence);
  }
}
