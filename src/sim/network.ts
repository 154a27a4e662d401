import type { Prng } from '../base/prng.ts';
import {
  type Accept,
  type Address,
  type CloseReason,
  CONNECT_TIMEOUT_MS,
  type Listener,
  type Network,
  type Stream,
  type StreamHandlers,
} from '../replica/network.ts';
import { Pipe, type PipeEnds, type PipeOptions } from './pipe.ts';
import type { SimProcess } from './process.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

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

class SimHost implements Network {
  readonly world: SimNetwork;
  readonly name: string;
  readonly process: SimProcess;
  readonly listeners = new Map<number, SimListener>();
  readonly streams = new Set<SimStream>();
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

class SimListener implements Listener {
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

/** One end of a connection: what its process holds, and what its kernel knows of the way there. */
class SimStream implements Stream, PipeEnds {
  private readonly host: SimHost;
  readonly peerHost: string;
  /** Null on the accepting end until the process has accepted. */
  private handlers: StreamHandlers | null;
  private state: 'connecting' | 'open' | 'closed' = 'connecting';
  /** The other end, once its kernel knows of this one. */
  private peer: SimStream | null = null;
  /** Null until something is sent: most attempts to connect to a host that is down never are. */
  private pipe: Pipe | null = null;
  private paused = false;
  private reading = false;
  private endRead = false;
  private connectTimeout: Scheduled | null = null;
  /** The accepting end: what to ask when the process gets to see the connection. */
  private acceptance: { readonly listener: SimListener; readonly remote: Address } | null = null;

  constructor(host: SimHost, peerHost: string, handlers: StreamHandlers | null) {
    this.host = host;
    this.peerHost = peerHost;
    this.handlers = handlers;
    host.streams.add(this);
  }

  private get out(): Pipe {
    const { world } = this.host;
    this.pipe ??= new Pipe(world.scheduler, world.random, world.options, this);
    return this.pipe;
  }

  get bufferedBytes(): number {
    return this.state === 'closed' || this.pipe === null ? 0 : this.pipe.bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.state === 'closed') return;
    this.out.write(bytes);
  }

  /** What is written is on its way already. */
  flush(): void {}

  end(): void {
    if (this.state === 'closed') return;
    this.out.end();
  }

  destroy(): void {
    if (this.state === 'closed') return;
    this.sendReset();
    this.close(this.state === 'open' ? 'reset' : 'unreachable');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.readLater();
  }

  // What the pipe to the other end asks and tells.

  passesForward(): boolean {
    return this.host.world.passes(this.host.name, this.peerHost);
  }

  passesBack(): boolean {
    return this.host.world.passes(this.peerHost, this.host.name);
  }

  cloggedUntilMs(): number {
    return this.host.world.cloggedUntilMs(this.host.name, this.peerHost);
  }

  receiverGone(): boolean {
    return this.peer === null || this.peer.state === 'closed';
  }

  onReset(): void {
    this.close('reset');
  }

  onGiveUp(): void {
    this.close('reset');
  }

  onDrain(): void {
    this.deliver((handlers) => handlers.onDrain());
  }

  onEndSent(): void {
    this.closeWhenDone();
  }

  onArrival(): void {
    this.peer?.readNow();
  }

  /** The process is gone: nobody is told here, the other end is. */
  abandon(): void {
    this.sendReset();
    this.close('reset');
  }

  /** The three-way handshake; the third packet is the first segment of the dialer's direction. */
  connect(port: number, local: Address): void {
    const { world } = this.host;
    this.connectTimeout = world.scheduler.after(CONNECT_TIMEOUT_MS, () => this.destroy());
    world.scheduler.after(world.delayMs(), () => {
      if (this.state !== 'connecting') return;
      if (!world.passes(this.host.name, this.peerHost)) return;
      const target = world.host(this.peerHost);
      if (target === undefined) return;
      const listener = target.listeners.get(port);
      if (listener === undefined || target.refusesUntilMs > world.scheduler.nowMs)
        this.answer(() => this.close('refused'));
      else this.meet(new SimStream(target, this.host.name, null), listener, local);
    });
  }

  private meet(accepting: SimStream, listener: SimListener, remote: Address): void {
    accepting.peer = this;
    accepting.acceptance = { listener, remote };
    accepting.state = 'open';
    accepting.out.stand();
    this.peer = accepting;
    this.answer(() => this.established());
  }

  /** What the accepting host's kernel answers to a dialer that still waits. */
  private answer(arrive: () => void): void {
    const { world, name } = this.host;
    world.scheduler.after(world.delayMs(), () => {
      if (this.state === 'connecting' && world.passes(this.peerHost, name)) arrive();
    });
  }

  private established(): void {
    // Killed in between: its reset is as fast as its answer.
    if (this.peer?.state === 'closed') {
      this.close('refused');
      return;
    }
    this.state = 'open';
    this.connectTimeout?.cancel();
    this.deliver((handlers) => handlers.onOpen());
    this.out.open();
  }

  breakOff(): void {
    const { peer } = this;
    this.close('reset');
    peer?.close('reset');
  }

  private readNow(): void {
    if (this.reading || this.state === 'closed') return;
    this.reading = true;
    this.host.process.deliver(this.onReadable);
  }

  private readonly onReadable = (): void => {
    this.reading = false;
    this.read();
  };

  private readLater(): void {
    if (this.reading || this.state === 'closed') return;
    this.reading = true;
    this.host.later(this.onReadable);
  }

  private read(): void {
    if (this.paused || this.state === 'closed') return;
    const incoming = this.peer?.pipe ?? null;
    const segment = incoming === null ? null : incoming.read();
    if (incoming === null || segment === null) return;
    if (incoming.readable) this.readLater();
    if (segment === 'open') {
      this.accepted();
    } else if (segment === 'end') {
      this.endRead = true;
      this.handlers?.onEnd();
      this.closeWhenDone();
    } else {
      this.handlers?.onBytes(segment);
    }
  }

  private accepted(): void {
    const { listener, remote } = this.acceptance!;
    if (listener.open) this.handlers = listener.accept(this, remote);
    else this.destroy();
  }

  private closeWhenDone(): void {
    if (this.endRead && this.pipe?.endSent === true) this.close('closed');
  }

  /** Behind what is on its way; a reset that gets lost is not sent again. */
  private sendReset(): void {
    const { peer, host } = this;
    this.pipe?.reset();
    if (peer === null) return;
    host.world.scheduler.at(this.out.arrivalMs(), () => {
      if (host.world.passes(host.name, this.peerHost)) peer.close('reset');
    });
  }

  private close(reason: CloseReason): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.connectTimeout?.cancel();
    this.host.streams.delete(this);
    this.host.later(() => this.handlers?.onClose(reason));
  }

  private deliver(call: (handlers: StreamHandlers) => void): void {
    this.host.later(() => {
      if (this.state !== 'closed' && this.handlers !== null) call(this.handlers);
    });
  }
}
