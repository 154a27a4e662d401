import { byteString, concatBytes } from '../base/bytes.ts';
import { Queue } from '../base/queue.ts';
import { bulk, error, integer, map, NULL, type Reply, simple, verbatim } from '../kv/reply.ts';
import { encodeRequest } from '../protocol/request-writer.ts';
import { RespReader, type RespValue } from '../protocol/resp-reader.ts';
import type { Member } from '../raft/configuration.ts';
import type { Clock } from './clock.ts';
import type { Network, Stream, StreamHandlers } from './network.ts';
import type { Request } from './request.ts';

export interface UpstreamOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** This node's name, by which the leader can tell its connection from others. */
  readonly from: string;
  readonly to: Member;
}

export interface UpstreamEvents {
  /** From now on it takes commands. */
  opened(): void;
  replied(request: Request, reply: Reply): void;
  /**
   * The stream is gone: called once, unless `destroy` ended it.
   * @param unanswered handed to the network, oldest first: the node may have got them
   * @param unsent not one byte of these has left
   */
  lost(unanswered: readonly Request[], unsent: readonly Request[]): void;
}

/**
 * One stream to the client port of the node that leads. The commands of all of this node's clients
 * travel on it, pipelined, and replies belong to them in the same order (RESP has no ids).
 *
 * It says CLIENT CAPA redirect, so it is answered REDIRECT: what has been forwarded once is never
 * forwarded again. And no command leaves before that greeting is answered: the kernel of a stopped
 * process still accepts connections and bytes, and what it took could no longer be called unsent.
 */
export class Upstream implements StreamHandlers {
  readonly member: Member;
  /** When it was dialed. */
  readonly sinceMs: number;
  private readonly clock: Clock;
  private readonly events: UpstreamEvents;
  private readonly stream: Stream;
  private readonly from: string;
  private readonly replies = new RespReader();
  private state: 'connecting' | 'greeting' | 'open' | 'closed' = 'connecting';
  /** Replies to the greeting that have not come yet. */
  private greetingsLeft = 0;
  /** Handed to the network and unanswered, oldest first. */
  private readonly inflight = new Queue<Request>();
  /** They leave together at the end of this turn. */
  private unsent: Request[] = [];
  private bytes = 0;

  constructor(options: UpstreamOptions, events: UpstreamEvents) {
    this.member = options.to;
    this.clock = options.clock;
    this.from = options.from;
    this.sinceMs = options.clock.now();
    this.events = events;
    const { host, port } = options.to;
    this.stream = options.network.connect({ host, port }, this);
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Commands that it was given and that are not answered, and their bytes. */
  get unanswered(): number {
    return this.inflight.length + this.unsent.length;
  }

  get unansweredBytes(): number {
    return this.bytes;
  }

  /** When the oldest of them came to this node; Infinity when there is none. */
  get oldestArrivalMs(): number {
    const oldest = this.inflight.peek() ?? this.unsent[0];
    return oldest?.arrivedMs ?? Number.POSITIVE_INFINITY;
  }

  /** Only while it is open, and only a request that can be forwarded. */
  send(request: Request): void {
    if (this.unsent.length === 0) this.clock.soon(() => this.flush());
    this.unsent.push(request);
    this.bytes += request.forwarding!.bytes.length;
  }

  /** Breaks it off, and hears nothing more. @returns what `lost` would have been told. */
  destroy(): { readonly unanswered: readonly Request[]; readonly unsent: readonly Request[] } {
    this.state = 'closed';
    this.stream.destroy();
    const unanswered: Request[] = [];
    for (let next = this.inflight.shift(); next !== undefined; next = this.inflight.shift()) {
      unanswered.push(next);
    }
    const { unsent } = this;
    this.unsent = [];
    return { unanswered, unsent };
  }

  onOpen(): void {
    if (this.state !== 'connecting') return;
    this.state = 'greeting';
    const greeting = [
      // So that nothing of a reply is lost on the way to a client that speaks RESP3.
      encodeRequest(['HELLO', '3']),
      encodeRequest(['CLIENT', 'SETINFO', 'LIB-NAME', `dkvs-follower-${this.from}`]),
      encodeRequest(['CLIENT', 'CAPA', 'redirect']),
    ];
    this.greetingsLeft = greeting.length;
    this.stream.write(concatBytes(greeting));
  }

  onBytes(chunk: Uint8Array): void {
    this.replies.feed(chunk);
    while (this.state === 'greeting' || this.state === 'open') {
      const value = this.replies.next();
      if (value === 'more') break;
      const reply = 'protocolError' in value ? null : replyOf(value);
      if (reply === null || !this.take(reply)) this.fail();
    }
    this.replies.keep();
  }

  onEnd(): void {
    this.fail();
  }

  onDrain(): void {
    // Nothing to resume: what is unanswered is bounded, and so is what is written.
  }

  onClose(): void {
    this.fail();
  }

  /** False when the other side does not speak as a node of this cluster does. */
  private take(reply: Reply): boolean {
    if (this.state === 'greeting') return this.greeted(reply);
    const request = this.inflight.shift();
    if (request === undefined) return false;
    this.bytes -= request.forwarding!.bytes.length;
    this.events.replied(request, reply);
    return true;
  }

  /** A leader that speaks RESP2 alone will do, whatever it thinks of names; but it must redirect. */
  private greeted(reply: Reply): boolean {
    this.greetingsLeft--;
    if (this.greetingsLeft > 0) return true;
    if (reply.kind !== 'simple') return false;
    this.state = 'open';
    this.events.opened();
    return true;
  }

  private flush(): void {
    const { unsent } = this;
    if (this.state !== 'open' || unsent.length === 0) return;
    this.unsent = [];
    for (const request of unsent) this.inflight.push(request);
    const parts = unsent.map((request) => request.forwarding!.bytes);
    this.stream.write(parts.length === 1 ? parts[0]! : concatBytes(parts));
  }

  private fail(): void {
    if (this.state === 'closed') return;
    const { unanswered, unsent } = this.destroy();
    this.events.lost(unanswered, unsent);
  }
}

/** Null for what no command answers. */
function replyOf(value: RespValue): Reply | null {
  switch (value.kind) {
    case 'simple':
      return simple(value.text);
    case 'error':
      return error(value.text);
    case 'integer':
      return integer(value.value);
    case 'bulk':
      return bulk(byteString(value.bytes));
    case 'null':
      return NULL;
    case 'verbatim':
      return verbatim(byteString(value.bytes));
    case 'array':
    case 'set': {
      const items = value.items.map(replyOf);
      return items.includes(null) ? null : { kind: value.kind, items: items as Reply[] };
    }
    case 'map': {
      const entries = value.entries.map((entry) => entry.map(replyOf));
      return entries.flat().includes(null) ? null : map(entries as [Reply, Reply][]);
    }
    default:
      return null;
  }
}
