import { concatBytes } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';
import { Queue } from '../base/queue.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

/** How the simulated network behaves while nothing is cut. */
export interface PipeOptions {
  /** One way, drawn anew for everything sent; what is sent in order arrives in order. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** The largest piece that travels, and is read, at once. */
  readonly chunkBytesMax: number;
  /** What both kernels hold of one direction: sent by one process, not yet read by the other. */
  readonly windowBytes: number;
  /** How often what is sent at once is cut in two, anywhere: the parts travel apart. */
  readonly splitChance: number;
  /** How often a delay is drawn up to `delayLongMs` instead: a packet was lost and sent again. */
  readonly longChance: number;
  readonly delayLongMs: number;
}

/** What a pipe needs to know and to tell. */
export interface PipeEnds {
  /** Whether a packet from the sender's host reaches the receiver's now. */
  passesForward(): boolean;
  /** Whether one from the receiver's reaches the sender's. */
  passesBack(): boolean;
  /** Nothing arrives before: the link is clogged, and holds back what is on it. 0: it isn't. */
  cloggedUntilMs(): number;
  /** Nobody holds the receiving end any more: the receiver's host answers with a reset. */
  receiverGone(): boolean;
  /** The sender's host was told by the receiver's that nobody is there. */
  onReset(): void;
  /** The sender's host has tried in vain for as long as TCP tries. */
  onGiveUp(): void;
  /** All that was buffered has been taken, after more than the high-water mark was. */
  onDrain(): void;
  /** The end, and all before it, has been handed to the kernel. */
  onEndSent(): void;
  /** There is something to `read`. */
  onArrival(): void;
}

/** What arrives: the connection itself (always first), bytes, the end (always last). */
export type Segment = 'open' | 'end' | Uint8Array;

/** What arrives together: sent at one instant, or caught up with on the way. */
interface Flight {
  readonly sentAtMs: number;
  readonly arrivesAtMs: number;
  readonly segments: Segment[];
  /** Null while it is lost, and not yet sent again. */
  arrival: Scheduled | null;
}

/** A write above it makes `onDrain` follow. It is Node's default. */
const HIGH_WATER_MARK_BYTES = 16 * 1024;
/** Linux: the first retransmission comes after 200 ms, each next after twice as long, up to 2 min;
 *  after 15 of them, 924.6 s in all, the connection is given up (tcp(7), tcp_retries2). */
const RETRANSMIT_MIN_MS = 200;
const RETRANSMIT_MAX_MS = 120_000;
const GIVE_UP_MS = 924_600;

/**
 * One direction of a simulated TCP connection: ordered, complete, delayed, cut into pieces anywhere
 * and joined again, with a window that fills when the reader does not read. What is lost on the way
 * is sent again, with TCP's patience: after a long cut that may take long, as it does in reality.
 */
export class Pipe {
  private readonly scheduler: Scheduler;
  private readonly random: Prng;
  private readonly options: PipeOptions;
  private readonly ends: PipeEnds;

  /** Written and not yet taken by the sender's kernel; the first piece may be taken in part. */
  private readonly buffered = new Queue<Uint8Array>();
  private bufferedFrom = 0;
  private bufferedTotal = 0;
  private needsDrain = false;
  private ending: 'no' | 'asked' | 'sent' = 'no';
  private isOpen = false;

  /** Sent and not yet arrived, in order. */
  private readonly transit = new Queue<Flight>();
  private youngest: Flight | null = null;
  /** What is sent next travels apart from what was sent before. */
  private apart = false;
  private lastArrivalMs = 0;
  private readonly onDue = (): void => this.arrive();
  /** What was under way when something got lost arrives no more, but is sent again. */
  private dataLost = false;
  private abandoned = false;
  private retransmission: Scheduled | null = null;
  private retransmitMs = RETRANSMIT_MIN_MS;
  private silentSinceMs = 0;

  /** Arrived and not yet read. */
  private readonly arrived = new Queue<Segment>();
  private sentBytes = 0;
  private readBytes = 0;
  private acknowledgedBytes = 0;

  constructor(scheduler: Scheduler, random: Prng, options: PipeOptions, ends: PipeEnds) {
    this.scheduler = scheduler;
    this.random = random;
    this.options = options;
    this.ends = ends;
  }

  get bufferedBytes(): number {
    return this.bufferedTotal;
  }

  get endSent(): boolean {
    return this.ending === 'sent';
  }

  /** Sends the connection itself, then all that was written before it stood. */
  open(): void {
    this.stand();
    this.send('open');
    this.pump();
  }

  /** The connection stands: what is written is sent. */
  stand(): void {
    this.isOpen = true;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.ending !== 'no') return;
    this.buffered.push(bytes);
    this.bufferedTotal += bytes.length;
    if (this.bufferedTotal >= HIGH_WATER_MARK_BYTES) this.needsDrain = true;
    if (this.isOpen) this.pump();
  }

  /** Nothing more will be written. Takes effect as a later event: `onEndSent` is told then. */
  end(): void {
    if (this.ending !== 'no') return;
    this.ending = 'asked';
    if (this.isOpen) this.pumpSoon();
  }

  /** The sender is gone: what it had not handed to the kernel is lost, a reset follows the rest. */
  reset(): void {
    this.buffered.clear();
    this.bufferedTotal = 0;
    this.ending = 'sent';
    this.abandoned = true;
    this.retransmission?.cancel();
  }

  /** When something sent now arrives; nothing sent later arrives before it. */
  arrivalMs(): number {
    const atMs = Math.max(this.scheduler.nowMs + this.delayMs(), this.ends.cloggedUntilMs());
    this.lastArrivalMs = Math.max(this.lastArrivalMs, atMs);
    return this.lastArrivalMs;
  }

  /** The next thing that arrived; bytes joined as far as they go. Null when there is nothing. */
  read(): Segment | null {
    const first = this.arrived.shift();
    if (first === undefined) return null;
    if (typeof first === 'string') return first;
    const parts = [first];
    let length = first.length;
    for (;;) {
      const next = this.arrived.peek();
      if (next === undefined || typeof next === 'string') break;
      if (length + next.length > this.options.chunkBytesMax) break;
      parts.push(next);
      length += next.length;
      this.arrived.shift();
    }
    this.acknowledge(length);
    return parts.length === 1 ? first : concatBytes(parts);
  }

  get readable(): boolean {
    return this.arrived.length > 0;
  }

  private pumpSoon(): void {
    this.scheduler.after(0, () => this.pump());
  }

  /** Hands to the kernel what it takes: most often all that fits, sometimes a few bytes, so that every
   *  boundary falls somewhere. */
  private pump(): void {
    const { splitChance, chunkBytesMax } = this.options;
    while (this.bufferedTotal > 0 && this.windowLeft() > 0) {
      const max = Math.min(this.bufferedTotal, this.windowLeft(), chunkBytesMax);
      const isCut = splitChance > 0 && this.random.chance(splitChance);
      const few = isCut && this.random.chance(0.5) ? Math.min(max, 64) : max;
      this.send(this.take(isCut ? 1 + this.random.below(few) : max));
      this.apart = isCut;
    }
    if (this.bufferedTotal > 0) return;
    if (this.needsDrain) {
      this.needsDrain = false;
      this.ends.onDrain();
    }
    if (this.ending === 'asked') {
      this.ending = 'sent';
      this.send('end');
      this.ends.onEndSent();
    }
  }

  private windowLeft(): number {
    return this.options.windowBytes - (this.sentBytes - this.acknowledgedBytes);
  }

  private delayMs(): number {
    const { delayMinMs, delayMaxMs, longChance, delayLongMs } = this.options;
    const maxMs = longChance > 0 && this.random.chance(longChance) ? delayLongMs : delayMaxMs;
    return delayMinMs + this.random.float() * (maxMs - delayMinMs);
  }

  /** What was written never changes any more, so a whole piece travels as it is. */
  private take(length: number): Uint8Array {
    const whole = this.buffered.peek()!;
    if (this.bufferedFrom === 0 && whole.length === length) {
      this.buffered.shift();
      this.bufferedTotal -= length;
      return whole;
    }
    const taken = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const first = this.buffered.peek()!;
      const part = first.subarray(this.bufferedFrom, this.bufferedFrom + length - at);
      taken.set(part, at);
      at += part.length;
      this.bufferedFrom += part.length;
      if (this.bufferedFrom === first.length) {
        this.buffered.shift();
        this.bufferedFrom = 0;
      }
    }
    this.bufferedTotal -= length;
    return taken;
  }

  private send(segment: Segment): void {
    if (typeof segment !== 'string') this.sentBytes += segment.length;
    const { youngest, apart } = this;
    const { nowMs } = this.scheduler;
    this.apart = false;
    if (youngest !== null && youngest.sentAtMs === nowMs && !apart) {
      youngest.segments.push(segment);
      return;
    }
    const arrivesAtMs = this.arrivalMs();
    if (youngest !== null && youngest.arrivesAtMs === arrivesAtMs) {
      youngest.segments.push(segment);
      return;
    }
    const arrival = this.dataLost ? null : this.scheduler.at(arrivesAtMs, this.onDue);
    const flight: Flight = { sentAtMs: nowMs, arrivesAtMs, segments: [segment], arrival };
    this.youngest = flight;
    this.transit.push(flight);
  }

  private forgetArrivals(): void {
    for (let i = 0; i < this.transit.length; i++) {
      const flight = this.transit.at(i);
      flight.arrival?.cancel();
      flight.arrival = null;
    }
  }

  private arrive(): void {
    if (!this.ends.passesForward()) {
      this.forgetArrivals();
      this.dataLost = true;
      this.retransmitLater();
      return;
    }
    const clearMs = this.ends.cloggedUntilMs();
    if (clearMs > this.scheduler.nowMs) {
      this.transit.peek()!.arrival = this.scheduler.at(clearMs, this.onDue);
      return;
    }
    const flight = this.transit.shift()!;
    if (this.youngest === flight) this.youngest = null;
    if (this.ends.receiverGone()) {
      this.answerReset();
      return;
    }
    for (const segment of flight.segments) this.arrived.push(segment);
    this.ends.onArrival();
  }

  private answerReset(): void {
    this.forgetArrivals();
    this.transit.clear();
    this.youngest = null;
    this.scheduler.after(this.options.delayMinMs, () => {
      if (this.ends.passesBack()) this.ends.onReset();
    });
  }

  /** Tells the sender's kernel how much has been read: one way later, or at once when nobody waits
   *  for the news. */
  private acknowledge(bytes: number): void {
    this.readBytes += bytes;
    if (this.bufferedTotal === 0 && this.ends.passesBack()) {
      this.acknowledgedBytes = this.readBytes;
      return;
    }
    const upTo = this.readBytes;
    this.scheduler.after(this.delayMs(), () => {
      if (this.ends.passesBack()) this.acknowledged(upTo);
      else this.retransmitLater();
    });
  }

  private acknowledged(upTo: number): void {
    if (upTo <= this.acknowledgedBytes) return;
    this.acknowledgedBytes = upTo;
    this.pump();
  }

  private retransmitLater(): void {
    if (this.retransmission !== null || this.abandoned) return;
    if (this.retransmitMs === RETRANSMIT_MIN_MS) this.silentSinceMs = this.scheduler.nowMs;
    this.retransmission = this.scheduler.after(this.retransmitMs, () => {
      this.retransmission = null;
      this.retransmit();
    });
    this.retransmitMs = Math.min(2 * this.retransmitMs, RETRANSMIT_MAX_MS);
  }

  private retransmit(): void {
    if (!this.ends.passesForward() || !this.ends.passesBack()) {
      if (this.scheduler.nowMs - this.silentSinceMs >= GIVE_UP_MS) this.ends.onGiveUp();
      else this.retransmitLater();
      // Forward alone may pass: then the data arrives, and only its acknowledgement is missing.
      if (!this.ends.passesForward()) return;
    } else {
      this.retransmitMs = RETRANSMIT_MIN_MS;
      this.acknowledged(this.readBytes);
    }
    if (!this.dataLost) return;
    this.dataLost = false;
    for (let i = 0; i < this.transit.length; i++) {
      this.transit.at(i).arrival = this.scheduler.at(this.arrivalMs(), this.onDue);
    }
  }
}
