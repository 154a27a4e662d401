import type { Prng } from '../base/prng.ts';
import type {
  Accept,
  Address,
  Listener,
  Network,
  Stream,
  StreamHandlers,
} from '../replica/network.ts';
import type { PipeOptions } from './pipe.ts';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { SimStream } from './stream.ts';

export const defaultPipeOptions: PipeOptions = {
  delayMinMs: 0.05,
  delayMaxMs: 0.5,
  chunkBytesMax: 64 * 1024,
  windowBytes: 256 * 1024,
  splitChance: 0.5,
  longChance: 0,
  delayLongMs: 0,
};

const EPHEMERAL_PORT_FIRST = 49_152;

/** The network between all simulated hosts, and the hand that cuts it. */
export class SimNetwork {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly options: PipeOptions;
  /** How often it was cut, healed or clogged. */
  changes = 0;
  private readonly drawnOptions: { -readonly [K in keyof PipeOptions]: PipeOptions[K] };
  private readonly hosts = new Map<string, SimHost>();
  /** From which host no packet reaches which others. */
  private readonly cuts = new Map<string, Set<string>>();
  /** Until when the link from a host to another holds back what is on it. */
  private readonly clogs = new Map<string, Map<string, number>>();

  constructor(scheduler: Scheduler, options: PipeOptions = defaultPipeOptions) {
    this.scheduler = scheduler;
    this.random = scheduler.random.fork();
    this.drawnOptions = { ...options };
    this.options = this.drawnOptions;
  }

  /** From now on no packet is late. */
  calm(): void {
    this.drawnOptions.longChance = 0;
  }

  /** The network as one process on `host` sees it. A host's processes don't outlive each other:
   *  a restarted one takes its predecessor's place, after `resetAll`. */
  attach(host: string, process: SimProcess): Network {
    const attached = new SimHost(this, host, process);
    this.hosts.set(host, attached);
    return attached;
  }

  /** No packet passes between the two, until healed. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  cutOneWay(from: string, to: string): void {
    this.changes++;
    const cuts = this.cuts.get(from);
    if (cuts === undefined) this.cuts.set(from, new Set([to]));
    else cuts.add(to);
  }

  /** Both ways. TCP connections that outlived the cut go on when TCP tries again. */
  heal(a: string, b: string): void {
    this.healOneWay(a, b);
    this.healOneWay(b, a);
  }

  healOneWay(from: string, to: string): void {
    this.changes++;
    const cuts = this.cuts.get(from);
    if (cuts?.delete(to) === true && cuts.size === 0) this.cuts.delete(from);
  }

  healAll(): void {
    this.changes++;
    this.cuts.clear();
    this.clogs.clear();
  }

  /** What is on its way from one to the other, or sent so meanwhile, does not arrive before. */
  clogOneWay(from: string, to: string, untilMs: number): void {
    this.changes++;
    const clogs = this.clogs.get(from);
    if (clogs === undefined) this.clogs.set(from, new Map([[to, untilMs]]));
    else clogs.set(to, untilMs);
  }

  /** Breaks off, on both sides, the connections between the two for which `chosen` says so: as a
   *  firewall does that has forgotten them. */
  breakOff(a: string, b: string, chosen: () => boolean): void {
    this.hosts.get(a)?.breakOff(b, chosen);
  }

  /** Connections to this host are refused until then, though its process lives. */
  refuse(host: string, untilMs: number): void {
    const refusing = this.hosts.get(host);
    if (refusing !== undefined) refusing.refusesUntilMs = untilMs;
  }

  /** The host's process is gone (kill it first): its kernel resets every connection, and refuses
   *  new ones until another process listens. */
  resetAll(host: string): void {
    this.hosts.get(host)?.resetAll();
  }

  passes(from: string, to: string): boolean {
    return this.cuts.size === 0 || this.cuts.get(from)?.has(to) !== true;
  }

  cloggedUntilMs(from: string, to: string): number {
    return this.clogs.size === 0 ? 0 : (this.clogs.get(from)?.get(to) ?? 0);
  }

  /** Undefined: nobody by that name, or no route to it. */
  host(name: string): SimHost | undefined {
    return this.hosts.get(name);
  }

  delayMs(): number {
    const { delayMinMs, delayMaxMs } = this.options;
    return delayMinMs + this.random.float() * (delayMaxMs - delayMinMs);
  }
}

/** One host: what listens there, and its ends of connections. Its process sees it as the network. */
export class SimHost implements Network {
  readonly world: SimNetwork;
  readonly name: string;
  readonly process: SimProcess;
  readonly listeners = new Map<number, SimListener>();
  readonly streams = new Set<SimStream>();
  /** Set by `SimNetwork.refuse`. */
  refusesUntilMs = 0;
  private nextPort = EPHEMERAL_PORT_FIRST;

  constructor(world: SimNetwork, name: string, process: SimProcess) {
    this.world = world;
    this.name = name;
    this.process = process;
  }

  listen(address: Address, accept: Accept, done: (error: string | null) => void): Listener {
    const port = address.port === 0 ? this.ephemeralPort() : address.port;
    const listener = new SimListener(this, { host: address.host, port }, accept);
    const taken = this.listeners.has(port);
    if (!taken) this.listeners.set(port, listener);
    this.later(() => done(taken ? 'EADDRINUSE' : null));
    return listener;
  }

  connect(address: Address, handlers: StreamHandlers): Stream {
    const stream = new SimStream(this, address.host, handlers);
    stream.connect(address.port, { host: this.name, port: this.ephemeralPort() });
    return stream;
  }

  resetAll(): void {
    this.listeners.clear();
    for (const stream of [...this.streams]) stream.abandon();
  }

  breakOff(peerHost: string, chosen: () => boolean): void {
    for (const stream of [...this.streams]) {
      if (stream.peerHost === peerHost && chosen()) stream.breakOff();
    }
  }

  /** Calls the process back at this instant, but not from inside a call of its own. */
  later(callback: () => void): void {
    this.process.soon(callback);
  }

  private ephemeralPort(): number {
    const port = this.nextPort;
    this.nextPort = port === 65_535 ? EPHEMERAL_PORT_FIRST : port + 1;
    return this.listeners.has(port) ? this.ephemeralPort() : port;
  }
}

/** A port that a process accepts connections on. */
export class SimListener implements Listener {
  readonly address: Address;
  readonly accept: Accept;
  private readonly host: SimHost;

  constructor(host: SimHost, address: Address, accept: Accept) {
    this.host = host;
    this.address = address;
    this.accept = accept;
  }

  get open(): boolean {
    return this.host.listeners.get(this.address.port) === this;
  }

  close(): void {
    if (this.open) this.host.listeners.delete(this.address.port);
  }
}
