import * as net from 'node:net';
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
import { SharedLookup } from './lookup.ts';

/** What one system call takes as one piece; above it, pieces are handed over as they are. */
const JOIN_BYTES_MAX = 64 * 1024;

/** Half-open streams are the contract's (`onEnd`); small writes leave at once, since they are
 *  joined here already; keep-alive ends what a vanished client left behind. */
const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true };

/**
 * What sockets read into: all of them into the same memory, one after the other, for a read and the
 * callback that gets it are one step of the event loop. (Not on Windows, where a read that is waiting
 * has its memory already.)
 */
const READ_BYTES = 64 * 1024;
const sharesMemory = process.platform !== 'win32';

/** TCP by way of Node. All that is written in one callback leaves in one system call. */
export class NodeNetwork implements Network {
  private readonly onListenerError: (error: Error) => void;
  private readonly names = new SharedLookup();
  private readonly written: NodeStream[] = [];
  private readonly memory = new Uint8Array(READ_BYTES);

  /**
   * @param onListenerError for the log: a connection could not be accepted. (At the limit of open
   * files libuv itself accepts and closes at once: the dialer sees that, nobody here does.)
   */
  constructor(onListenerError: (error: Error) => void) {
    this.onListenerError = onListenerError;
  }

  listen(address: Address, accept: Accept, done: (error: string | null) => void): Listener {
    const options = { ...socketOptions, pauseOnConnect: true };
    const server = net.createServer(options, (accepted) => {
      const remote = { host: accepted.remoteAddress ?? '', port: accepted.remotePort ?? 0 };
      const stream = new NodeStream(this, true);
      stream.attach(this.withSharedMemory(accepted, stream));
      stream.handlers = accept(stream, remote);
    });
    let listening = false;
    server.on('error', (error: NodeJS.ErrnoException) => {
      // Once it listens, the server goes on listening: only this one connection was lost.
      if (listening) this.onListenerError(error);
      else done(error.code ?? error.message);
    });
    server.listen(address.port, address.host, () => {
      listening = true;
      done(null);
    });
    return new NodeListener(server, address);
  }

  connect(address: Address, handlers: StreamHandlers): Stream {
    const { host, port } = address;
    const { lookup } = this.names;
    const stream = new NodeStream(this, false);
    const onread = this.reading(stream);
    stream.attach(net.connect({ ...socketOptions, host, port, lookup, ...onread }));
    stream.handlers = handlers;
    return stream;
  }

  /** The option that makes a socket read into the shared memory (Node's `onread`): a read costs
   *  neither an allocation nor a way through Node's stream machinery. */
  private reading(stream: NodeStream): { onread: net.OnReadOpts } | null {
    if (!sharesMemory) return null;
    const callback = (length: number): boolean => {
      stream.onLent(this.memory.subarray(0, length));
      return true;
    };
    return { onread: { buffer: this.memory, callback } };
  }

  /**
   * An accepted socket is made by Node, without that option; so its handle goes into a socket of ours,
   * as Node's own cluster module does it. Where a version of Node should not have the handle there,
   * the socket stays as it is, and is only slower.
   */
  private withSharedMemory(accepted: net.Socket, stream: NodeStream): net.Socket {
    const holder = accepted as unknown as { _handle: { useUserBuffer?: unknown } | null };
    const onread = this.reading(stream);
    const handle = holder._handle;
    if (onread === null || typeof handle?.useUserBuffer !== 'function') return accepted;
    holder._handle = null;
    accepted.destroy();
    const options = { handle, allowHalfOpen: true, ...onread };
    return new net.Socket(options as net.SocketConstructorOpts);
  }

  /** Lets the stream flush when the callback that runs now is over. */
  flushSoon(stream: NodeStream): void {
    if (this.written.length === 0) process.nextTick(() => this.flush());
    this.written.push(stream);
  }

  private flush(): void {
    for (const stream of this.written) stream.flush();
    this.written.length = 0;
  }
}

class NodeListener implements Listener {
  private readonly server: net.Server;
  private readonly asked: Address;

  constructor(server: net.Server, asked: Address) {
    this.server = server;
    this.asked = asked;
  }

  get address(): Address {
    const bound = this.server.address();
    if (bound === null || typeof bound === 'string') return this.asked;
    return { host: bound.address, port: bound.port };
  }

  close(): void {
    this.server.close();
  }
}

class NodeStream implements Stream {
  /** Set by the network before the first event. */
  handlers: StreamHandlers | null = null;
  private readonly network: NodeNetwork;
  /** Set by the network, once, before the first event. */
  private socket!: net.Socket;
  private readonly connectTimeout: NodeJS.Timeout | null;
  /** Written in this turn. */
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private opened: boolean;
  private ending = false;
  private endReceived = false;
  private broken = false;
  private refused = false;

  constructor(network: NodeNetwork, opened: boolean) {
    this.network = network;
    this.opened = opened;
    this.connectTimeout = opened ? null : setTimeout(() => this.destroy(), CONNECT_TIMEOUT_MS);
  }

  attach(socket: net.Socket): void {
    this.socket = socket;
    socket.on('connect', () => this.onConnect());
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('end', () => this.onEnd());
    socket.on('drain', () => this.handlers?.onDrain());
    socket.on('error', (error) => this.onError(error));
    socket.on('close', () => this.onClose());
    // Without a listener for data, which there is none of with shared memory, nothing would flow.
    socket.resume();
  }

  get bufferedBytes(): number {
    return this.pendingBytes + this.socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.ending || this.broken || bytes.length === 0) return;
    if (this.pending.length === 0) this.network.flushSoon(this);
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
  }

  end(): void {
    if (this.ending || this.broken) return;
    this.flush();
    this.ending = true;
    this.socket.end();
  }

  /** With a reset, so that the other side does not take what arrived for all there was. */
  destroy(): void {
    if (this.broken) return;
    this.broken = true;
    this.pending = [];
    this.pendingBytes = 0;
    if (this.opened) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  flush(): void {
    const { pending, pendingBytes, socket } = this;
    if (pending.length === 0) return;
    this.pending = [];
    this.pendingBytes = 0;
    if (pending.length === 1) {
      socket.write(pending[0]!);
    } else if (pendingBytes <= JOIN_BYTES_MAX) {
      socket.write(Buffer.concat(pending, pendingBytes));
    } else {
      socket.cork();
      for (const bytes of pending) socket.write(bytes);
      socket.uncork();
    }
  }

  private onConnect(): void {
    if (this.broken) return;
    clearTimeout(this.connectTimeout ?? undefined);
    this.opened = true;
    this.handlers?.onOpen();
  }

  /** Where there is no shared memory. */
  private onData(chunk: Buffer): void {
    // A plain Uint8Array over the same memory: `slice` of a Buffer would not copy.
    this.onLent(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  }

  /** Bytes have come, in memory that the next read uses again. */
  onLent(bytes: Uint8Array): void {
    if (!this.broken) this.handlers?.onBytes(bytes);
  }

  private onEnd(): void {
    if (this.broken) return;
    this.endReceived = true;
    this.handlers?.onEnd();
  }

  private onError(error: NodeJS.ErrnoException): void {
    this.broken = true;
    this.refused = isRefusal(error);
  }

  private onClose(): void {
    clearTimeout(this.connectTimeout ?? undefined);
    this.handlers?.onClose(this.closeReason());
    this.broken = true;
    this.handlers = null;
  }

  private closeReason(): CloseReason {
    if (!this.opened) return this.refused ? 'refused' : 'unreachable';
    return this.ending && this.endReceived && !this.broken ? 'closed' : 'reset';
  }
}

/** A name may stand for several addresses: then each of them must have refused. */
function isRefusal(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefusal);
  return error.code === 'ECONNREFUSED';
}
