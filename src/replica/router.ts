import type { Entry } from '../base/entry.ts';
import type { Index, Term } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import { Queue } from '../base/queue.ts';
import type { LogPoint } from '../base/snapshot.ts';
import type { Reply } from '../kv/reply.ts';
import {
  clusterDown,
  moved,
  notApplied,
  redirect,
  tryAgain,
  unknownOutcome,
} from '../protocol/errors.ts';
import type { Clock } from './clock.ts';
import { Forwarder } from './forwarder.ts';
import type { Network } from './network.ts';
import type { Request } from './request.ts';
import type { NodeView } from './status.ts';
import { Waiters } from './waiters.ts';

/** The way into the log, as the router needs it. */
export interface Proposer {
  propose(record: Uint8Array): Index | 'not-leader' | 'overloaded' | 'transferring';
  readonly currentTerm: Term;
}

/** How long a request waits, in ms after its arrival. */
export interface RequestTiming {
  /** For a leader to be known; then CLUSTERDOWN: nothing was appended. */
  readonly electionWaitMs: number;
  /** For its entry to be applied; then UNKNOWN. Greater than `electionWaitMs`. */
  readonly outcomeWaitMs: number;
}

/** What a node needs to forward, in place of redirecting. */
export interface ForwardingWorld {
  readonly network: Network;
  readonly clock: Clock;
  readonly askForTurn: () => void;
}

export const defaultRequestTiming: RequestTiming = { electionWaitMs: 1000, outcomeWaitMs: 1800 };

/**
 * Decides what becomes of a client's command: into the log where this node leads, to the leader
 * where another does, and to wait while nobody is known to. Every answer is true: a refusal says
 * "not appended here", and once appended, only the log decides.
 */
export class Router {
  private readonly waiters: Waiters;
  /** Requests that wait for a leader to be known, oldest first. Nothing of them is appended. */
  private readonly parked = new Queue<Request>();
  private readonly view: NodeView;
  private readonly limits: Limits;
  private readonly timing: RequestTiming;
  /** Has a line of its own, for the requests that can be forwarded; null: none can. */
  private readonly forwarder: Forwarder | null;
  private proposer: Proposer | null = null;
  /** Requests taken and not yet answered, and their bytes. */
  private pendingCount = 0;
  private pendingBytes = 0;

  /** @param world null: this node redirects, whoever asks. */
  constructor(
    view: NodeView,
    limits: Limits,
    timing: RequestTiming,
    world: ForwardingWorld | null,
  ) {
    this.view = view;
    this.limits = limits;
    this.timing = timing;
    this.waiters = new Waiters({
      applied: (request, reply) => this.answer(request, reply),
      neverApplied: (request) => this.answer(request, notApplied()),
      jumpedOver: (request) => {
        this.answer(request, unknownOutcome('a snapshot has taken the place of its entry'));
      },
    });
    this.forwarder = world === null ? null : this.makeForwarder(world);
  }

  get forwards(): boolean {
    return this.forwarder !== null;
  }

  /** From now on there is a log to append to. */
  open(proposer: Proposer): void {
    this.proposer = proposer;
  }

  get unanswered(): number {
    return this.pendingCount;
  }

  submit(request: Request): void {
    const { pendingRequestsMax, pendingBytesMax } = this.limits;
    this.pendingCount++;
    this.pendingBytes += request.bytes;
    if (this.pendingCount > pendingRequestsMax || this.pendingBytes > pendingBytesMax) {
      this.answer(request, tryAgain('too many requests are pending on this node'));
    } else if (request.forwarding !== null && this.forwarder !== null) {
      this.forwarder.submit(request);
    } else if (this.parked.length > 0 || !this.route(request)) {
      this.parked.push(request);
    }
  }

  /** Tries the parked requests again: what is known of the leader may have changed. */
  leaderMayHaveChanged(): void {
    this.forwarder?.leaderMayHaveChanged();
    for (let head = this.parked.peek(); head !== undefined; head = this.parked.peek()) {
      if (!this.route(head)) return;
      this.parked.shift();
    }
  }

  /** An entry was applied, with this result. */
  settle(entry: Entry, reply: Reply): void {
    this.waiters.settle(entry, reply);
  }

  /** The machine has jumped over entries (§7). */
  jump(point: LogPoint): void {
    this.waiters.jump(point);
  }

  /** When `expire` has something to do next; Infinity while nothing waits. */
  get nextDeadlineMs(): number {
    const parkedMs = this.parked.peek()?.arrivedMs ?? Number.POSITIVE_INFINITY;
    return Math.min(
      parkedMs + this.timing.electionWaitMs,
      this.waiters.oldestArrivalMs + this.timing.outcomeWaitMs,
      this.forwarder?.nextDeadlineMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Answers those who have waited long enough. */
  expire(nowMs: number): void {
    this.forwarder?.run();
    for (let head = this.parked.peek(); head !== undefined; head = this.parked.peek()) {
      if (head.arrivedMs + this.timing.electionWaitMs > nowMs) break;
      this.parked.shift();
      this.answer(head, clusterDown(this.whyNoLeader()));
    }
    while (this.waiters.oldestArrivalMs + this.timing.outcomeWaitMs <= nowMs) {
      this.answer(
        this.waiters.shift()!,
        unknownOutcome(`not committed and applied within ${this.timing.outcomeWaitMs} ms`),
      );
    }
  }

  /** The node stops: what is still parked was certainly not appended. */
  refuseParked(reason: string): void {
    this.forwarder?.refuseWaiting(reason);
    for (let head = this.parked.shift(); head !== undefined; head = this.parked.shift()) {
      this.answer(head, clusterDown(reason));
    }
  }

  /** What is forwarded and unanswered is heard of no more. */
  close(): void {
    this.forwarder?.close();
  }

  /** True when the request was appended, answered or refused; false when it has to wait. */
  private route(request: Request): boolean {
    if (this.append(request)) return true;
    const leader = this.view.leader;
    if (leader === null || leader.id === this.view.self.id) return false;
    const { host, port } = leader;
    const toLeader =
      request.redirectForm === 'redirect' ? redirect(host, port) : moved(request.slot, host, port);
    this.answer(request, toLeader);
    return true;
  }

  /** True when the request was appended or refused here; false when this node does not lead, or is
   *  handing leadership over. */
  private append(request: Request): boolean {
    const outcome = this.proposer?.propose(request.record) ?? 'not-leader';
    if (typeof outcome === 'number') {
      request.connection.lastIndex = outcome;
      this.waiters.add(outcome, this.proposer!.currentTerm, request);
      return true;
    }
    if (outcome === 'overloaded') {
      this.answer(request, tryAgain('too much is appended and not yet committed'));
      return true;
    }
    return false;
  }

  private makeForwarder({ network, clock, askForTurn }: ForwardingWorld): Forwarder {
    const { view, limits, timing } = this;
    const host = {
      append: (request: Request) => this.append(request),
      answer: (request: Request, reply: Reply) => this.answer(request, reply),
      whyNoLeader: () => this.whyNoLeader(),
      wake: askForTurn,
    };
    return new Forwarder({ network, clock, view, limits, timing, host });
  }

  private answer(request: Request, reply: Reply): void {
    this.pendingCount--;
    this.pendingBytes -= request.bytes;
    request.connection.answer(request, reply);
  }

  private whyNoLeader(): string {
    if (this.view.phase === 'joining') {
      return 'first start: waiting for the other members to answer';
    }
    const { self, suspects, term } = this.view;
    const noLeader = `${self.name} knows of no leader in term ${term}`;
    return suspects.length === 0 ? noLeader : `${noLeader}; ${this.whySuspects()}`;
  }

  /** A suspect needs a leader to be made whole, and a leader a majority of the others. */
  private whySuspects(): string {
    const { members, suspects } = this.view;
    const names = suspects.map(({ name }) => name).join(', ');
    const consequence = suspects.length === 1 ? 'so it does not vote' : 'so they do not vote';
    const found = `rot was found in the log of ${names}, ${consequence}`;
    if (members.length - suspects.length > members.length / 2) return found;
    const wayOut = '"dkvs wal accept" is the way out, and may lose data';
    return `${found}, and too few others are left for a majority: ${wayOut}`;
  }
}
