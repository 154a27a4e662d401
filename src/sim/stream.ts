import {
  type Address,
  type CloseReason,
  CONNECT_TIMEOUT_MS,
  type Stream,
  type StreamHandlers,
} from '../replica/network.ts';
import type { SimHost, SimListener } from './network.ts';
import { Pipe, type PipeEnds } from './pipe.ts';
import type { Scheduled } from './scheduler.ts';

/** One end of a connection: what its process holds, and what its kernel knows of the way there. */
export class SimStream implements Stream, PipeEnds {
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
