import { byteString } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';
import type { Outcome } from '../client/call.ts';
import { Client } from '../client/client.ts';
import { SimClientTransport } from './client-transport.ts';
import { SimClock } from './clock.ts';
import type { SimNetwork } from './network.ts';
import type { Observer, SimOperation } from './observer.ts';
import type { OperationKind, WorkloadPlan } from './plan.ts';
import { SimProcess, type Turns } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** One client: a host of its own, and the client library on it. It has one operation at a time. */
class SimClient {
  readonly host: string;
  readonly number: number;
  readonly process: SimProcess;
  readonly transport: SimClientTransport;
  readonly client: Client;
  busy = false;

  constructor(number: number, world: WorkloadWorld) {
    const { scheduler, network } = world;
    this.number = number;
    this.host = `c${number}`;
    const process = new SimProcess(scheduler, null, world.turns);
    this.process = process;
    const random = scheduler.random.fork();
    this.transport = new SimClientTransport(
      network.attach(this.host, process),
      new SimClock(scheduler, process),
      random,
    );
    // Each starts with another node.
    const first = number % world.addresses.length;
    const nodes = [...world.addresses.slice(first), ...world.addresses.slice(0, first)];
    this.client = new Client(this.transport, { nodes });
  }
}

export interface WorkloadWorld {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly observer: Observer;
  readonly addresses: readonly string[];
  readonly turns: Turns;
}

const REGISTERS = 4;
const COUNTERS = 2;
/** Keys of one set are read and deleted together. */
const SETS = 2;
const SET_KEYS = 3;
/** Keys that commands name together have one history together. */
const SET_LIFE_MS = 1000;
const LIST_LIFE_MS = 250;
const CLIENTS_MAX = 64;

/**
 * What clients ask of the cluster: registers with compare-and-set, counters, and sets of keys that
 * are deleted and counted as one. Every value is written once only, so that a read tells which write
 * it saw. They come in bursts, for what happens at the same time is what can go wrong, and groups of
 * operations make groups of entries.
 */
export class Workload {
  private readonly world: WorkloadWorld;
  private readonly plan: WorkloadPlan;
  private readonly random: Prng;
  private readonly clients: SimClient[] = [];
  private readonly kinds: readonly OperationKind[];
  private readonly totalWeight: number;
  /** What was last seen under a key: what compare-and-set compares with. */
  private readonly seen = new Map<string, string>();
  private operations = 0;
  private unanswered = 0;
  private stopped = false;

  constructor(world: WorkloadWorld, plan: WorkloadPlan) {
    this.world = world;
    this.plan = plan;
    this.random = world.scheduler.random.fork();
    this.kinds = Object.keys(plan.weights) as OperationKind[];
    this.totalWeight = this.kinds.reduce((sum, kind) => sum + plan.weights[kind], 0);
  }

  get hosts(): readonly string[] {
    return this.clients.map(({ host }) => host);
  }

  /** Asked, so far. */
  get asked(): number {
    return this.operations;
  }

  get pending(): number {
    return this.unanswered;
  }

  get redirects(): number {
    return this.clients.reduce((sum, { transport }) => sum + transport.redirects, 0);
  }

  start(): void {
    this.burst();
  }

  /** Asks for nothing more. */
  stop(): void {
    this.stopped = true;
  }

  private burst(): void {
    if (this.stopped) return;
    const count = 1 + this.random.below(this.plan.burstMax);
    for (let i = 0; i < count; i++) this.ask();
    const meanMs = (count * 1000) / this.plan.operationsPerSecond;
    this.world.scheduler.after(meanMs * 2 * this.random.float(), () => this.burst());
  }

  private ask(): void {
    const client = this.idleClient();
    if (client === null) return;
    const { observer, scheduler } = this.world;
    const operation: SimOperation = {
      id: ++this.operations,
      client: client.number,
      args: this.draw(),
      deadlineMs: this.plan.deadlineMs,
      invokedAtMs: scheduler.nowMs,
    };
    client.busy = true;
    this.unanswered++;
    observer.invoked(operation);
    const done = (outcome: Outcome) => {
      client.busy = false;
      this.unanswered--;
      this.learn(operation, outcome);
      observer.returned(operation, outcome);
    };
    client.process.deliver(() => {
      client.client.submit(operation.args, operation.deadlineMs, done);
    });
  }

  private idleClient(): SimClient | null {
    const idle = this.clients.filter(({ busy }) => !busy);
    if (idle.length > 0) return idle[this.random.below(idle.length)]!;
    if (this.clients.length >= CLIENTS_MAX) return null;
    const client = new SimClient(this.clients.length + 1, this.world);
    this.clients.push(client);
    return client;
  }

  private learn({ args }: SimOperation, outcome: Outcome): void {
    if (outcome.kind !== 'reply') return;
    const [command, key = '', value = ''] = args;
    const { value: reply } = outcome;
    if (command === 'SET' && reply.kind === 'simple') this.seen.set(key, value);
    if (command === 'GET' && reply.kind === 'bulk') this.seen.set(key, byteString(reply.bytes));
    if (command === 'GET' && reply.kind === 'null') this.seen.delete(key);
  }

  private draw(): readonly string[] {
    let at = this.random.float() * this.totalWeight;
    const kind = this.kinds.find((each) => (at -= this.plan.weights[each]) < 0) ?? 'get';
    return this.drawn[kind]();
  }

  private readonly drawn: Record<OperationKind, () => readonly string[]> = {
    set: () => ['SET', this.anyKey(), this.value()],
    get: () => ['GET', this.random.chance(0.2) ? this.counter() : this.anyKey()],
    compareAndSet: () => {
      const key = this.register();
      const expected = this.seen.get(key) ?? 'nothing';
      const word = this.random.chance(0.8) ? 'IFEQ' : 'IFNE';
      return ['SET', key, this.value(), word, expected];
    },
    conditional: () => {
      const condition = this.random.chance(0.5) ? 'NX' : 'XX';
      const words = this.random.chance(0.3) ? [condition, 'GET'] : [condition];
      return ['SET', this.anyKey(), this.value(), ...words];
    },
    increment: () =>
      this.random.chance(0.7)
        ? ['INCR', this.counter()]
        : ['INCRBY', this.counter(), `${this.random.below(100) - 30}`],
    delete: () => ['DEL', ...this.someKeys()],
    exists: () => ['EXISTS', ...this.someKeys()],
    append: () => ['APPEND', this.list(), `+${this.operations + 1}`],
    take: () => ['GETDEL', this.anyKey()],
    setMany: () => [
      'MSET',
      ...this.someKeys().flatMap((key, i) => [key, `m${this.operations + 1}.${i}`]),
    ],
    getMany: () => ['MGET', ...this.someKeys(), this.list()],
  };

  /** Of the time: a key's history stays short enough to be searched for an order. */
  private era(): number {
    return Math.floor(this.world.scheduler.nowMs / this.plan.keyLifeMs);
  }

  private register(): string {
    return `r${this.random.below(REGISTERS)}.${this.era()}`;
  }

  private counter(): string {
    return `n${this.random.below(COUNTERS)}.${this.era()}`;
  }

  /** What values are appended to, for so short a time that it stays a value of a legal length. */
  private list(): string {
    return `a${Math.floor(this.world.scheduler.nowMs / LIST_LIFE_MS)}`;
  }

  private anyKey(): string {
    return this.random.chance(0.6) ? this.register() : this.someKeys()[0]!;
  }

  /** One or more keys of one set. */
  private someKeys(): readonly string[] {
    const era = Math.floor(this.world.scheduler.nowMs / SET_LIFE_MS);
    const set = `s${this.random.below(SETS)}.${era}`;
    const first = this.random.below(SET_KEYS);
    const count = 1 + this.random.below(SET_KEYS);
    return Array.from({ length: count }, (_, i) => `${set}.${(first + i) % SET_KEYS}`);
  }

  private value(): string {
    const unique = `v${this.operations + 1}`;
    return this.random.chance(this.plan.longValueChance) ? unique.padEnd(250, '.') : unique;
  }
}
