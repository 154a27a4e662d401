import type { Address } from './address.ts';

/**
 * What the client needs from its host: byte streams, time and chance. The shapes are those of the
 * replica's `Network` and `Clock`, so that one adapter serves both, in Node and in the simulator.
 * Handlers and timers are called later, never from inside the call that caused them.
 */
export interface Transport {
  /** Starts to connect. `onOpen` says that it did, `onClose` that it did not. */
  connect(address: Address, handlers: TransportHandlers): TransportStream;
  /** Milliseconds from an arbitrary start. Monotonic. */
  now(): number;
  /** Calls back once, not before `atMs` of `now()`. */
  timer(atMs: number, callback: () => void): TransportTimer;
  /** Calls back once at the end of this turn of the event loop. */
  soon(callback: () => void): void;
  /** Uniform in [0, 1): jitter, nothing secret. */
  random(): number;
}

export interface TransportHandlers {
  onOpen(): void;
  onBytes(chunk: Uint8Array): void;
  /** The node will send no more. */
  onEnd(): void;
  onDrain(): void;
  /** Exactly once, last. */
  onClose(reason: 'closed' | 'reset' | 'refused' | 'unreachable'): void;
}

export interface TransportStream {
  /** The bytes must not change afterwards. Ignored once the stream is closed. */
  write(bytes: Uint8Array): void;
  destroy(): void;
}

export interface TransportTimer {
  /** Harmless once it has fired. */
  cancel(): void;
}

/** The part of `AbortSignal` that the client uses: any host's own fits. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
