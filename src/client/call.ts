import { unreachable } from '../base/assert.ts';
import { utf8Decode } from '../base/utf8.ts';
import { errorCode } from '../protocol/errors.ts';
import { encodeRequest } from '../protocol/request-writer.ts';
import type { RespValue } from '../protocol/resp-reader.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import type { Attempt, AttemptOutcome, Connection } from './connection.ts';
import type { Nodes } from './nodes.ts';
import type { Transport, TransportTimer } from './transport.ts';

/** What became of a command: always true, never a guess. */
export type Outcome =
  | { readonly kind: 'reply'; readonly value: RespValue }
  /** The cluster refused the command itself; `text` is its error reply. */
  | { readonly kind: 'refused'; readonly text: string }
  /** Not applied, and never will be. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** It may have been applied. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface CallOptions {
  /** Repeating the command changes nothing, so a lost answer is asked for again. */
  readonly isRead: boolean;
  /** Whom to ask: the leader, wherever it is; any node; or this node and no other, once. */
  readonly route: 'leader' | 'any' | Address;
  readonly deadlineAtMs: number;
  /** After this long without an answer another node is asked (a read), or one whose connection
   *  has not come about is given up (any command). */
  readonly attemptMs: number;
}

const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 250;
/** What took a node so long will take it a little longer the next time. */
const AGAIN_FACTOR = 1.1;
/** Answered at once, also by a node that waits for a leader. */
const INQUIRY = encodeRequest(['STATUS']);

/**
 * One command on its way through the cluster. It asks node after node, each at most once a round,
 * backs off, and starts a new round, until a node answers or the deadline passes. What was sent is
 * sent again only if it is certain not to have been appended, or changes nothing.
 */
export class Call {
  private readonly transport: Transport;
  private readonly nodes: Nodes;
  private readonly request: Uint8Array;
  private readonly options: CallOptions;
  private done: ((outcome: Outcome) => void) | null;
  /** Nodes asked in this round. */
  private readonly tried: Set<string> = new Set();
  /** Attempts whose answer still counts. More than one only for reads. */
  private readonly live: Map<Attempt, Connection> = new Map();
  /** The attempt whose failure makes the call move on; null while backing off. */
  private current: Attempt | null = null;
  /** The attempt that only asks whether a leader is known: it carries nothing that could be applied. */
  private inquiry: Attempt | null = null;
  /** When `current` was asked. */
  private askedAtMs = 0;
  /** Nodes that have said that no leader is known, and how long it took them: an election's time. */
  private readonly leaderless: Map<string, { readonly ms: number; readonly text: string }> =
    new Map();
  private rounds = 0;
  private reason = 'no node answered in time';
  private readonly deadlineTimer: TransportTimer;
  private timer: TransportTimer | null = null;

  /** @param done called exactly once, later. */
  constructor(
    transport: Transport,
    nodes: Nodes,
    request: Uint8Array,
    options: CallOptions,
    done: (outcome: Outcome) => void,
  ) {
    this.transport = transport;
    this.nodes = nodes;
    this.request = request;
    this.options = options;
    this.done = done;
    this.deadlineTimer = transport.timer(options.deadlineAtMs, () => this.outOfTime());
    this.askNext();
  }

  /** That a node found no leader says more than that others did not answer. */
  private outOfTime(): void {
    const isOnItsWay = this.current !== null && this.current !== this.inquiry;
    const [leaderless] = isOnItsWay ? [] : this.leaderless.values();
    this.giveUp(leaderless?.text ?? this.reason);
  }

  /** Ends the call now, with what is certain: unknown if a write may be on its way. */
  giveUp(reason: string): void {
    let mayBeApplied = false;
    if (!this.options.isRead) {
      for (const attempt of this.live.keys()) {
        mayBeApplied ||= attempt.sent && attempt !== this.inquiry;
      }
    }
    this.finish({ kind: mayBeApplied ? 'unknown' : 'unavailable', reason });
  }

  private askNext(): void {
    const { route } = this.options;
    if (typeof route === 'object') {
      const isAsked = this.tried.size === 0 && this.ask(route);
      if (!isAsked) this.setTimer(0, () => this.giveUp(this.reason));
      return;
    }
    let address = this.nodes.choose(this.tried);
    while (address !== null && !this.ask(address)) address = this.nodes.choose(this.tried);
    if (address === null) this.backOff();
  }

  /** @returns false when the node is not worth asking in this round. */
  private ask(address: Address): boolean {
    const name = formatAddress(address);
    this.tried.add(name);
    const connection = this.nodes.connectionTo(address);
    if (connection === null || this.isAsking(connection)) {
      this.reason = `${name} does not answer`;
      return false;
    }
    if (this.wouldAnswerTooLate()) this.inquire(connection, address);
    else this.sendTo(connection, address);
    return true;
  }

  private sendTo(connection: Connection, address: Address): void {
    const attempt: Attempt = connection.send(this.request, (outcome) => {
      this.live.delete(attempt);
      this.conclude(attempt, address, outcome);
    });
    this.begin(attempt, connection, address);
  }

  private begin(attempt: Attempt, connection: Connection, address: Address): void {
    this.live.set(attempt, connection);
    this.current = attempt;
    this.askedAtMs = this.transport.now();
    if (typeof this.options.route === 'string') {
      this.armAttemptTimer(attempt, formatAddress(address));
    }
  }

  /**
   * A node that knows of no leader waits for one, and answers only when it has found none. A write
   * that it holds when the deadline passes is of unknown outcome, though it is all but certain that
   * nothing was appended. So once a node has said so, and there is no time left to hear it again,
   * no node gets the write before it has said that it knows of a leader.
   */
  private wouldAnswerTooLate(): boolean {
    if (this.options.isRead || this.leaderless.size === 0) return false;
    const longestMs = Math.max(...[...this.leaderless.values()].map(({ ms }) => ms));
    return this.transport.now() + AGAIN_FACTOR * longestMs > this.options.deadlineAtMs;
  }

  private inquire(connection: Connection, address: Address): void {
    const attempt: Attempt = connection.send(INQUIRY, (outcome) => {
      this.live.delete(attempt);
      if (attempt !== this.current) return;
      if (outcome.kind === 'reply' && knowsLeader(outcome.value)) this.sendTo(connection, address);
      else this.askNext();
    });
    this.inquiry = attempt;
    this.begin(attempt, connection, address);
  }

  private isAsking(connection: Connection): boolean {
    for (const asked of this.live.values()) if (asked === connection) return true;
    return false;
  }

  private armAttemptTimer(attempt: Attempt, name: string): void {
    this.setTimer(this.options.attemptMs, () => {
      this.reason = `${name} does not answer`;
      if (attempt.sent) {
        // A write that has left must be waited for. A read may be asked for elsewhere, but this
        // answer still counts if it comes first: a slow leader must not starve its readers.
        if (!this.options.isRead && attempt !== this.inquiry) return;
      } else {
        this.live.get(attempt)?.withdraw(attempt);
        this.live.delete(attempt);
      }
      this.current = null;
      this.askNext();
    });
  }

  private conclude(attempt: Attempt, address: Address, outcome: AttemptOutcome): void {
    const isCurrent = attempt === this.current;
    if (outcome.kind === 'reply') {
      if (!isRouting(outcome.value)) this.answer(outcome.value, address);
      else if (isCurrent) this.reroute(textOf(outcome.value), address);
      return;
    }
    // An older attempt of a read came to nothing; a younger one is on its way.
    if (!isCurrent) return;
    this.reason = `${formatAddress(address)}: ${outcome.reason}`;
    this.nodes.doubtLeader(address);
    const mayBeApplied = outcome.kind === 'lost' && !this.options.isRead;
    if (mayBeApplied) this.finish({ kind: 'unknown', reason: this.reason });
    else this.askNext();
  }

  private answer(value: RespValue, address: Address): void {
    if (this.options.route === 'leader') this.nodes.learnLeader(address);
    if (value.kind === 'error') this.finish({ kind: 'refused', text: value.text });
    else this.finish({ kind: 'reply', value });
  }

  private reroute(text: string, address: Address): void {
    this.reason = text;
    const move = routingErrors.get(errorCode(text))!;
    if (move === 'unknown' && !this.options.isRead) {
      this.finish({ kind: 'unknown', reason: text });
      return;
    }
    if (typeof this.options.route === 'object') {
      this.finish({ kind: 'unavailable', reason: text });
      return;
    }
    switch (move) {
      case 'redirect':
        this.follow(parseAddress(text.slice(text.lastIndexOf(' ') + 1)));
        break;
      case 'elsewhere':
        this.leaderless.set(formatAddress(address), {
          ms: this.transport.now() - this.askedAtMs,
          text,
        });
        this.nodes.doubtLeader(address);
        this.askNext();
        break;
      case 'unknown':
        this.nodes.doubtLeader(address);
        this.askNext();
        break;
      case 'later':
        this.backOff();
        break;
      default:
        unreachable(move);
    }
  }

  private follow(leader: Address | null): void {
    if (leader !== null) {
      this.nodes.learnLeader(leader);
      this.leaderless.delete(formatAddress(leader));
    }
    // Each node once a round, and `Nodes` bounds how many there are: so many hops, at most. A leader
    // that was asked before redirects too: the cluster has not agreed with itself yet.
    if (leader === null || this.tried.has(formatAddress(leader))) this.backOff();
    else if (!this.ask(leader)) this.askNext();
  }

  /** Waits a little, a little longer each time, and starts a new round. */
  private backOff(): void {
    this.current = null;
    const longest = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.rounds, 10));
    this.rounds++;
    this.setTimer(longest * (0.5 + 0.5 * this.transport.random()), () => {
      this.tried.clear();
      this.askNext();
    });
  }

  private setTimer(delayMs: number, callback: () => void): void {
    this.timer?.cancel();
    this.timer = this.transport.timer(this.transport.now() + delayMs, callback);
  }

  private finish(outcome: Outcome): void {
    const { done } = this;
    if (done === null) return;
    this.done = null;
    this.timer?.cancel();
    this.deadlineTimer.cancel();
    for (const [attempt, connection] of this.live) connection.withdraw(attempt);
    this.live.clear();
    done(outcome);
  }
}

/**
 * The errors that say where a command stands rather than what is wrong with it. All but UNKNOWN
 * are certain: the command was not, and will not be, applied.
 */
const routingErrors: ReadonlyMap<string, 'redirect' | 'elsewhere' | 'later' | 'unknown'> = new Map([
  ['REDIRECT', 'redirect'],
  ['MOVED', 'redirect'],
  ['CLUSTERDOWN', 'elsewhere'],
  ['TRYAGAIN', 'later'],
  ['NOTAPPLIED', 'later'],
  ['UNKNOWN', 'unknown'],
]);

const textOf = (value: RespValue): string => (value.kind === 'error' ? value.text : '');

/** Whether a reply to STATUS names a leader. */
function knowsLeader(value: RespValue): boolean {
  if (value.kind !== 'bulk') return false;
  try {
    return typeof JSON.parse(utf8Decode(value.bytes))?.leader === 'string';
  } catch {
    return false; // whatever answers there is no node
  }
}

const isRouting = (value: RespValue): boolean => routingErrors.has(errorCode(textOf(value)));
