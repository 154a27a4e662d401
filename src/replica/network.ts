/** A connection that does not stand by then is `unreachable`. */
export const CONNECT_TIMEOUT_MS = 500;

/**
 * Byte streams, as TCP offers them. Real sockets in `node/network.ts`, simulated ones in
 * `sim/network.ts`; both pass the same conformance suite. Handlers are called later, never from
 * inside the call that caused them.
 */
export interface Network {
  /** Listens until closed. `done` gets null, or why it can't: "EADDRINUSE", … */
  listen(address: Address, accept: Accept, done: (error: string | null) => void): Listener;
  /** Starts to connect. `handlers.onOpen` says that it did, `handlers.onClose` that it did not: at
   *  the latest after CONNECT_TIMEOUT_MS. */
  connect(address: Address, handlers: StreamHandlers): Stream;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Takes an incoming stream, already open (no `onOpen`), and says who handles it. */
export type Accept = (stream: Stream, remote: Address) => StreamHandlers;

export interface Listener {
  /** Where it really listens: the port that 0 became. Valid once `done` was called. */
  readonly address: Address;
  /** Stops accepting. Streams that are open stay open. */
  close(): void;
}

export interface StreamHandlers {
  onOpen(): void;
  /** The bytes are lent until this returns: what is to stay must have been copied by then. */
  onBytes(chunk: Uint8Array): void;
  /** The other side will send no more; this side may still write. */
  onEnd(): void;
  /** What was written has been taken: `bufferedBytes` is low again after it was not. */
  onDrain(): void;
  /** Exactly once, last. */
  onClose(reason: CloseReason): void;
}

/**
 * `closed`: both sides were done. `reset`: broken off while open, by either side. `refused`: the
 * host answered that nobody listens there: the process is gone, its host is not. `unreachable`: no
 * connection for any other reason.
 */
export type CloseReason = 'closed' | 'reset' | 'refused' | 'unreachable';

export interface Stream {
  /** Written but not yet taken by the network below. */
  readonly bufferedBytes: number;
  /** The bytes must not change afterwards. Ignored once the stream is closed. */
  write(bytes: Uint8Array): void;
  /** Lets what was written leave now, and not when the callback that runs now is over. */
  flush(): void;
  /** Sends what is buffered, then closes. */
  end(): void;
  /** Closes at once and throws away what is buffered. */
  destroy(): void;
  /** Stops (and starts) delivering bytes, so that the sender feels it. */
  pause(): void;
  resume(): void;
}
