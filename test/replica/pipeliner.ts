import { byteString } from '../../src/base/bytes.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import { type Node, type SimClient, show, type World } from './world.ts';

const BATCH_MAX = 12;
/** Replies that have not come by then: the connection is given up. */
const PATIENCE_MS = 4000;

type Step =
  | { readonly kind: 'incr' | 'get' | 'ping' }
  | { readonly kind: 'set'; readonly value: string };

/**
 * A client that knows neither MOVED nor REDIRECT, and sends many commands before it reads the
 * answer to the first. It holds the node to the order of its commands: on one connection, what is
 * acknowledged later took effect later.
 */
export class Pipeliner {
  readonly name: string;
  acked = 0;
  unknown = 0;
  refused = 0;
  /** The last that was acknowledged, and all that may be applied, now or later. */
  private value: string | null = null;
  private maybeValues = new Set<string>();
  private lastCount = 0;
  private readonly world: World;
  private readonly random: Prng;
  private readonly pick: () => Node;
  private client: SimClient | null = null;
  private serial = 0;
  private batch = 0;
  private stopped = false;

  constructor(world: World, name: string, pick: () => Node) {
    this.world = world;
    this.name = name;
    this.pick = pick;
    this.random = world.scheduler.random.fork();
  }

  start(): void {
    this.next();
  }

  stop(): void {
    this.stopped = true;
  }

  /** Of its counter: no less than was acknowledged, no more than may have been applied. */
  get bounds(): { readonly least: number; readonly most: number } {
    return { least: this.acked, most: this.acked + this.unknown };
  }

  /** What its key may hold in the end. */
  get possibleValues(): readonly (string | null)[] {
    return [this.value, ...this.maybeValues];
  }

  private next(): void {
    if (this.stopped) return;
    if (this.client === null || this.client.closed) this.client = this.world.client(this.pick());
    const client = this.client;
    const steps = Array.from({ length: 1 + this.random.below(BATCH_MAX) }, () => this.draw());
    const before = client.replies.length;
    this.batch++;
    const batch = this.batch;
    let judged = 0;
    const end = () => {
      if (this.batch !== batch) return;
      this.batch++;
      for (const step of steps.slice(judged)) this.lost(step);
      if (judged < steps.length) this.leave();
      this.world.scheduler.after(this.random.float() * 30, () => this.next());
    };
    client.onChange = () => {
      while (this.batch === batch && judged < steps.length) {
        const reply = client.replies[before + judged];
        if (reply === undefined) break;
        this.judge(steps[judged]!, reply);
        judged++;
      }
      if (judged === steps.length || client.closed) end();
    };
    this.world.scheduler.after(PATIENCE_MS, end);
    for (const step of steps) this.send(client, step);
  }

  private draw(): Step {
    const draw = this.random.below(7);
    if (draw === 0) return { kind: 'ping' };
    if (draw < 3) return { kind: 'get' };
    if (draw < 5) return { kind: 'incr' };
    this.serial++;
    return { kind: 'set', value: `${this.name}-${this.serial}` };
  }

  private send(client: SimClient, step: Step): void {
    if (step.kind === 'set') client.send('SET', `value-${this.name}`, step.value);
    else if (step.kind === 'get') client.send('GET', `value-${this.name}`);
    else if (step.kind === 'incr') client.send('INCR', `count-${this.name}`);
    else client.send('PING');
  }

  private judge(step: Step, reply: RespValue): void {
    if (reply.kind === 'error') {
      const code = reply.text.split(' ')[0]!;
      const known = ['CLUSTERDOWN', 'TRYAGAIN', 'NOTAPPLIED', 'UNKNOWN'].includes(code);
      this.require(known && step.kind !== 'ping', `${step.kind} got ${reply.text}`);
      this.require(code !== 'UNKNOWN' || step.kind !== 'get' || this.isLate(reply), reply.text);
      if (code === 'UNKNOWN') this.lost(step);
      else this.refused++;
    } else if (step.kind === 'ping') {
      this.require(show(reply) === '+PONG', `PING gave ${show(reply)}`);
    } else if (step.kind === 'set') {
      this.require(show(reply) === '+OK', `SET gave ${show(reply)}`);
      this.value = step.value;
    } else if (step.kind === 'get') {
      const value = reply.kind === 'bulk' ? byteString(reply.bytes) : null;
      const ok = this.possibleValues.includes(value);
      this.require(ok, `GET gave ${value}, not one of ${this.possibleValues.join(' ')}`);
    } else {
      const count = reply.kind === 'integer' ? Number(reply.value) : Number.NaN;
      this.acked++;
      const ok = count > this.lastCount && count >= this.acked && count <= this.bounds.most;
      this.require(ok, `INCR gave ${count} after ${this.lastCount}`);
      this.lastCount = count;
    }
  }

  /** The leader itself may say so of a read that it appended and could not commit in time. */
  private isLate(reply: RespValue): boolean {
    return reply.kind === 'error' && reply.text.includes('not committed and applied');
  }

  private lost(step: Step): void {
    if (step.kind === 'incr') this.unknown++;
    if (step.kind === 'set') this.maybeValues.add(step.value);
  }

  private leave(): void {
    this.client?.abandon();
    this.client = null;
  }

  private require(ok: boolean, what: string): void {
    if (ok) return;
    throw new Error(`${this.name} at ${this.world.scheduler.nowMs.toFixed(1)} ms: ${what}`);
  }
}
