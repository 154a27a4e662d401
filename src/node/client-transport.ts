import { createConnection, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Address } from '../client/address.ts';
import type { Transport, TransportHandlers, TransportStream } from '../client/transport.ts';

/** How long a connection may take to come about, in ms. */
const CONNECT_MS = 500;
/** `setTimeout` fires at once when asked for more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Node's sockets, monotonic clock and timers, as the client wants them. */
export const nodeTransport: Transport = {
  connect: (address, handlers) => new SocketStream(address, handlers),
  now: () => performance.now(),
  timer(atMs, callback) {
    const delayMs = Math.max(0, Math.ceil(atMs - performance.now()));
    const timeout = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX));
    return { cancel: () => clearTimeout(timeout) };
  },
  soon: (callback) => void setImmediate(callback),
  random: () => Math.random(),
};

class SocketStream implements TransportStream {
  private readonly socket: Socket;
  private opened = false;
  private closed = false;

  constructor(address: Address, handlers: TransportHandlers) {
    const socket = createConnection({ host: address.host, port: address.port, noDelay: true });
    this.socket = socket;
    let errorCode = '';
    const timeout = setTimeout(() => socket.destroy(), CONNECT_MS);
    socket.on('connect', () => {
      clearTimeout(timeout);
      this.opened = true;
      handlers.onOpen();
    });
    socket.on('data', (chunk) => handlers.onBytes(chunk));
    socket.on('end', () => handlers.onEnd());
    socket.on('drain', () => handlers.onDrain());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      errorCode = error.code ?? error.name;
    });
    socket.on('close', () => {
      clearTimeout(timeout);
      this.closed = true;
      if (this.opened) handlers.onClose(errorCode === '' ? 'closed' : 'reset');
      else handlers.onClose(errorCode === 'ECONNREFUSED' ? 'refused' : 'unreachable');
    });
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.socket.write(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }
}
