import type { Limits } from '../base/limits.ts';
import { Queue } from '../base/queue.ts';
import type { Reply } from '../kv/reply.ts';
import {
  clusterDown,
  errorCode,
  NOT_APPLIED_CODES,
  tryAgain,
  unknownOutcome,
} from '../protocol/errors.ts';
import type { Member } from '../raft/configuration.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Clock } from './clock.ts';
import { ELSEWHERE } from './connection.ts';
import type { Network } from './network.ts';
import type { Request } from './request.ts';
import type { RequestTiming } from './router.ts';
import type { NodeView } from './status.ts';
import { Upstream } from './upstream.ts';

/** After a refusal or a loss, the same leader is left alone for so long. */
const RETRY_MS = 20;
/** How long the answers of a leader that is none any more are waited for. */
const DEPOSED_MS = 200;
/** A connection that takes no commands by then is dialed anew. */
const OPEN_MS = 1000;

export interface ForwarderOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly view: NodeView;
  readonly limits: Limits;
  readonly timing: RequestTiming;
  readonly host: ForwarderHost;
}

/** The router, as the forwarder needs it. */
export interface ForwarderHost {
  /** Into this node's log. False when this node does not lead, or is about to lead no longer. */
  append(request: Request): boolean;
  answer(request: Request, reply: Reply): void;
  /** Why nobody is known to lead. */
  whyNoLeader(): string;
  /** A turn is due: something was answered or appended, or a deadline has changed. */
  wake(): void;
}

/**
 * Has the leader, wherever it is, carry out the commands of clients that know neither MOVED nor
 * REDIRECT: one stream to it, for all of them, in the order in which the commands came.
 *
 * It never asks twice for what may have been done. A command whose bytes were handed to the stream
 * and that is lost with it has an unknown outcome, unless it is a read. It may be asked again if it
 * certainly had no effect: not sent, redirected (not appended there), or a read. Even then only if
 * no later command of its connection may have had one: it would take effect behind it, and a
 * connection's commands take effect in its order. So after the first refusal nothing more is sent
 * until all that is under way is answered.
 */
export class Forwarder {
  private readonly options: ForwarderOptions;
  /** Given to nobody yet, oldest first. */
  private waiting = new Queue<Request>();
  /** Without effect, oldest first, while something behind them is still unanswered. */
  private held: Request[] = [];
  /** Leads to the leader, or to the last one. */
  private upstream: Upstream | null = null;
  /** Since when another node than that of `upstream` has been known to lead. */
  private deposedAtMs = Number.POSITIVE_INFINITY;
  /** The leader is left alone until then; null: it is not. */
  private retryAtMs: number | null = null;

  constructor(options: ForwarderOptions) {
    this.options = options;
  }

  submit(request: Request): void {
    if (this.waiting.length > 0 || !this.route(request)) this.waiting.push(request);
  }

  /** What is known of the leader may have changed. */
  leaderMayHaveChanged(): void {
    this.retryAtMs = null;
    this.run();
  }

  /** When `run` has something to do next; Infinity while nothing waits. */
  get nextDeadlineMs(): number {
    const { electionWaitMs, outcomeWaitMs } = this.options.timing;
    let atMs = Number.POSITIVE_INFINITY;
    const oldest = this.waiting.peek();
    if (oldest !== undefined) {
      atMs = oldest.arrivedMs + electionWaitMs;
      if (this.retryAtMs !== null) atMs = Math.min(atMs, this.retryAtMs);
    }
    if (this.upstream === null) return atMs;
    const { isOpen, oldestArrivalMs, sinceMs } = this.upstream;
    const openMs = isOpen ? Number.POSITIVE_INFINITY : sinceMs + OPEN_MS;
    return Math.min(atMs, openMs, oldestArrivalMs + outcomeWaitMs, this.deposedAtMs + DEPOSED_MS);
  }

  /** Does all that time, the leader and the window allow. */
  run(): void {
    const nowMs = this.options.clock.now();
    if (this.retryAtMs !== null && this.retryAtMs <= nowMs) this.retryAtMs = null;
    this.judgeUpstream(nowMs);
    this.expireWaiting(nowMs);
    for (let head = this.waiting.peek(); head !== undefined; head = this.waiting.peek()) {
      if (!this.route(head)) return;
      this.waiting.shift();
    }
  }

  /** The node stops: what still waits was certainly not appended. */
  refuseWaiting(reason: string): void {
    for (let head = this.waiting.shift(); head !== undefined; head = this.waiting.shift()) {
      this.options.host.answer(head, clusterDown(reason));
    }
  }

  close(): void {
    this.upstream?.destroy();
    this.upstream = null;
  }

  /** True when it was sent, appended or answered; false when it has to wait. */
  private route(request: Request): boolean {
    const { host, view } = this.options;
    const { leader, self } = view;
    // What went to another leader comes first.
    if (leader === null || this.isDeposed) return false;
    if (leader.id === self.id) return host.append(request);
    if (this.held.length > 0 || this.retryAtMs !== null) return false;
    this.upstream ??= this.dial(leader);
    if (!this.upstream.isOpen || !this.fits(this.upstream, request)) return false;
    this.upstream.send(request);
    return true;
  }

  /** The stream leads to a node while another is known to lead. */
  private get isDeposed(): boolean {
    const { leader } = this.options.view;
    return this.upstream !== null && leader !== null && leader.id !== this.upstream.member.id;
  }

  /** No more than the leader reads before it answers; and however large, one request alone. */
  private fits({ unanswered, unansweredBytes }: Upstream, request: Request): boolean {
    const { clientPipelineMax, inflightBytesMax } = this.options.limits;
    const bytes = unansweredBytes + request.forwarding!.bytes.length;
    return unanswered === 0 || (unanswered < clientPipelineMax && bytes <= inflightBytesMax);
  }

  private dial(leader: Member): Upstream {
    const { network, clock, view } = this.options;
    return new Upstream(
      { network, clock, from: view.self.name, to: leader },
      {
        opened: () => this.progress(),
        replied: (request, reply) => this.onReply(request, reply),
        lost: (unanswered, unsent) => {
          this.lose(unanswered, unsent, `the connection to ${leader.name} was lost`);
          this.progress();
        },
      },
    );
  }

  private progress(): void {
    this.run();
    this.options.host.wake();
  }

  private onReply(request: Request, reply: Reply): void {
    const code = reply.kind === 'error' ? errorCode(reply.text) : '';
    if (code === 'REDIRECT' || code === 'MOVED') this.held.push(request);
    else {
      if (!NOT_APPLIED_CODES.has(code)) {
        this.overtaken(request.connection);
        request.connection.lastIndex = ELSEWHERE;
      }
      this.options.host.answer(request, reply);
    }
    if (this.held.length > 0 && this.upstream!.unanswered === 0) {
      this.leaveAlone();
      this.routeHeldAgain();
    }
    this.progress();
  }

  /** Gives the stream up when its time is over. */
  private judgeUpstream(nowMs: number): void {
    const { upstream } = this;
    if (upstream === null) return;
    const { isDeposed } = this;
    if (!isDeposed) this.deposedAtMs = Number.POSITIVE_INFINITY;
    else if (this.deposedAtMs === Number.POSITIVE_INFINITY) this.deposedAtMs = nowMs;
    const { outcomeWaitMs } = this.options.timing;
    const { name } = upstream.member;
    if (isDeposed && upstream.unanswered === 0) {
      this.drop('');
    } else if (this.deposedAtMs + DEPOSED_MS <= nowMs) {
      this.drop(`${name} was deposed and did not answer`);
    } else if (upstream.oldestArrivalMs + outcomeWaitMs <= nowMs) {
      this.drop(`${name} did not answer within ${outcomeWaitMs} ms`);
    } else if (!upstream.isOpen && upstream.sinceMs + OPEN_MS <= nowMs) {
      this.drop('');
    }
  }

  private drop(reason: string): void {
    const { unanswered, unsent } = this.upstream!.destroy();
    this.lose(unanswered, unsent, reason);
  }

  /** The stream is gone, and with it the answers to these. */
  private lose(unanswered: readonly Request[], unsent: readonly Request[], reason: string): void {
    if (!this.isDeposed) this.leaveAlone();
    this.upstream = null;
    this.deposedAtMs = Number.POSITIVE_INFINITY;
    for (const request of unanswered) {
      if (request.forwarding!.isRead) this.held.push(request);
      else {
        this.overtaken(request.connection);
        this.options.host.answer(request, unknownOutcome(reason));
      }
    }
    this.held.push(...unsent);
    this.routeHeldAgain();
  }

  /** Nothing is under way any more: what had no effect goes first. */
  private routeHeldAgain(): void {
    const { held, waiting } = this;
    this.held = [];
    this.waiting = new Queue();
    for (const request of held) this.waiting.push(request);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      this.waiting.push(next);
    }
  }

  private leaveAlone(): void {
    this.retryAtMs = this.options.clock.now() + RETRY_MS;
  }

  /** A later command of this connection may have had an effect: those that are held have not, and
   *  must not have one any more. */
  private overtaken(connection: ClientConnection): void {
    if (this.held.length === 0) return;
    const late = this.held.filter((request) => request.connection === connection);
    this.held = this.held.filter((request) => request.connection !== connection);
    for (const request of late) {
      const reason = 'the leader changed, and later commands of this connection came first';
      this.options.host.answer(request, tryAgain(reason));
    }
  }

  private expireWaiting(nowMs: number): void {
    const { host, timing, view } = this.options;
    for (let head = this.waiting.peek(); head !== undefined; head = this.waiting.peek()) {
      if (head.arrivedMs + timing.electionWaitMs > nowMs) return;
      this.waiting.shift();
      const { leader, self } = view;
      const reason =
        leader === null
          ? host.whyNoLeader()
          : `${leader.name} leads, and ${self.name} could not hand it on`;
      host.answer(head, clusterDown(reason));
    }
  }
}
