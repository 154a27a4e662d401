import { concatBytes } from '../base/bytes.ts';
import { Queue } from '../base/queue.ts';
import { encodeRequest } from '../protocol/request-writer.ts';
import { RespReader, type RespValue } from '../protocol/resp-reader.ts';
import type { Address } from './address.ts';
import type { Transport, TransportHandlers, TransportStream } from './transport.ts';

/** What every connection says first: this client follows REDIRECT (DESIGN §6). */
const GREETING = encodeRequest(['CLIENT', 'CAPA', 'redirect']);

/** How one attempt to have a command answered by one node ended. */
export type AttemptOutcome =
  | { readonly kind: 'reply'; readonly value: RespValue }
  /** Not one byte of it left: the node was refused, unreachable, or gone before it was sent. */
  | { readonly kind: 'unsent'; readonly reason: string }
  /** The connection was lost behind it: the node may have got it, and may have appended it. */
  | { readonly kind: 'lost'; readonly reason: string };

/** One command on its way to one node. Only `Connection` writes its fields. */
export interface Attempt {
  readonly request: Uint8Array;
  /** True from the moment its bytes were handed to the network: there is no way back. */
  sent: boolean;
  /** Null once it was called, or the attempt was withdrawn: a late reply is thrown away. */
  done: ((outcome: AttemptOutcome) => void) | null;
}

/**
 * One socket to one node. Commands are pipelined: they leave in the order in which they came, all
 * of one turn in one write, and replies belong to them in the same order (RESP has no ids).
 *
 * No command leaves before the node has answered the greeting: the kernel of a stopped process
 * still accepts connections and bytes, and what it took could no longer be called unsent.
 */
export class Connection implements TransportHandlers {
  readonly address: Address;
  private readonly transport: Transport;
  private readonly onGone: () => void;
  private readonly stream: TransportStream;
  private readonly replies = new RespReader();
  private state: 'connecting' | 'greeting' | 'open' | 'closed' = 'connecting';
  /** Not handed to the network yet, oldest first. */
  private readonly waiting: Queue<Attempt> = new Queue();
  /** Handed to the network and unanswered, oldest first. */
  private readonly inflight: Queue<Attempt> = new Queue();
  /** Attempts somebody still wants to hear about. */
  private wanted = 0;
  private retired = false;
  private flushScheduled = false;
  /** When the node last said something, or was first asked something after a silence. */
  private heardAtMs = 0;
  private closeReason = '';

  /** @param onGone called once, when this connection takes no more commands. */
  constructor(transport: Transport, address: Address, onGone: () => void) {
    this.transport = transport;
    this.address = address;
    this.onGone = onGone;
    this.stream = transport.connect(address, this);
  }

  /** For how long the node has owed an answer without a sign of life; 0 when it owes none. */
  silentMs(): number {
    return this.inflight.length === 0 ? 0 : this.transport.now() - this.heardAtMs;
  }

  /** Never calls `done` before it returns. */
  send(request: Uint8Array, done: (outcome: AttemptOutcome) => void): Attempt {
    const attempt: Attempt = { request, sent: false, done };
    this.waiting.push(attempt);
    this.wanted++;
    if (this.state === 'open' || this.state === 'closed') this.flushSoon();
    return attempt;
  }

  /** Nobody wants to hear of this attempt any more. If its bytes have not left, they never will. */
  withdraw(attempt: Attempt): void {
    if (attempt.done === null) return;
    attempt.done = null;
    this.wanted--;
    this.closeIfRetired();
  }

  /** Takes no more commands; closes once those it has have ended. */
  retire(): void {
    this.retired = true;
    this.closeIfRetired();
  }

  /** Breaks it off. Everything unanswered ends as `unsent` or `lost`. */
  destroy(reason: string): void {
    if (this.state === 'closed') return;
    this.stream.destroy();
    this.fail(reason);
  }

  onOpen(): void {
    if (this.state !== 'connecting') return;
    this.state = 'greeting';
    this.write([{ request: GREETING, sent: false, done: null }]);
  }

  onBytes(chunk: Uint8Array): void {
    if (this.state === 'closed') return;
    this.heardAtMs = this.transport.now();
    this.replies.feed(chunk);
    let value = this.replies.next();
    while (value !== 'more') {
      if ('protocolError' in value) {
        this.destroy(value.protocolError);
        return;
      }
      this.take(value);
      value = this.replies.next();
    }
  }

  onEnd(): void {
    this.destroy('the connection was closed by the node');
  }

  onDrain(): void {
    // Nothing to resume: the client bounds what is in flight, not the socket.
  }

  onClose(reason: 'closed' | 'reset' | 'refused' | 'unreachable'): void {
    this.fail(closeReasons[reason]);
  }

  private take(value: RespValue): void {
    const attempt = this.inflight.shift();
    if (attempt === undefined) {
      this.destroy('protocol error: a reply nobody asked for');
      return;
    }
    if (this.state === 'greeting') this.greeted();
    this.settle(attempt, { kind: 'reply', value });
  }

  /** The greeting was answered, whatever the answer: the process behind the socket is alive. */
  private greeted(): void {
    this.state = 'open';
    this.flush();
  }

  private flushSoon(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    this.transport.soon(() => {
      this.flushScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    const attempts: Attempt[] = [];
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (next.done !== null) attempts.push(next);
    }
    if (this.state === 'open') this.write(attempts);
    else for (const attempt of attempts) this.settle(attempt, this.lossOf(attempt));
  }

  private write(attempts: readonly Attempt[]): void {
    if (attempts.length === 0) return;
    if (this.inflight.length === 0) this.heardAtMs = this.transport.now();
    for (const attempt of attempts) {
      attempt.sent = true;
      this.inflight.push(attempt);
    }
    const first = attempts[0]!.request;
    this.stream.write(attempts.length === 1 ? first : concatBytes(attempts.map((a) => a.request)));
  }

  private fail(reason: string): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.closeReason = reason;
    this.onGone();
    for (let next = this.inflight.shift(); next !== undefined; next = this.inflight.shift()) {
      this.settle(next, this.lossOf(next));
    }
    // What still waits was promised a call-back that comes later, even when the caller is inside
    // `send`: the scheduled flush ends it.
    if (this.waiting.length > 0) this.flushSoon();
  }

  private lossOf(attempt: Attempt): AttemptOutcome {
    return { kind: attempt.sent ? 'lost' : 'unsent', reason: this.closeReason };
  }

  private settle(attempt: Attempt, outcome: AttemptOutcome): void {
    const done = attempt.done;
    if (done === null) return;
    attempt.done = null;
    this.wanted--;
    done(outcome);
    this.closeIfRetired();
  }

  private closeIfRetired(): void {
    if (this.retired && this.wanted === 0) this.destroy('the connection was replaced');
  }
}

const closeReasons: Record<Parameters<TransportHandlers['onClose']>[0], string> = {
  closed: 'the connection was closed',
  reset: 'the connection was reset',
  refused: 'the connection was refused',
  unreachable: 'the node could not be reached',
};
