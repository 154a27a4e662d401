import { NOBODY, type NodeId } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import { FrameEncoder } from '../protocol/frames.ts';
import type { PeerAuth } from '../protocol/peer-proof.ts';
import type { Member } from '../raft/configuration.ts';
import type { Message } from '../raft/messages.ts';
import type { Clock, Timer } from './clock.ts';
import { Bindings, type IdentityBook } from './identity.ts';
import type { Address, Listener, Network, Stream, StreamHandlers } from './network.ts';
import { type AcceptorOwner, PeerAcceptor } from './peer-acceptor.ts';
import { type PeerContext, type PeerEvents, TICK_MS } from './peer-context.ts';
import { PeerLink } from './peer-link.ts';

export interface PeersOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Prng;
  readonly limits: Limits;
  readonly identity: IdentityBook;
  /** The secret that peers share; null: whoever speaks the protocol is believed. */
  readonly auth: PeerAuth | null;
  /** All members but this node. */
  readonly members: readonly Member[];
  readonly events: PeerEvents;
}

/** What is logged of strangers in a window: who dials and dials must not fill the disk with lines. */
const NOTICES_MAX = 16;
const NOTICE_WINDOW_MS = 10_000;

/**
 * All streams between this node and the other members: every node dials every other, and a stream
 * carries its dialer's messages only.
 */
export class Peers {
  private readonly context: PeerContext;
  private readonly links = new Map<NodeId, PeerLink>();
  private readonly encoder = new FrameEncoder();
  private readonly accepted = new Set<PeerAcceptor>();
  /** The accepted stream that counts, of each peer that was greeted. */
  private readonly greeted = new Map<NodeId, PeerAcceptor>();
  private readonly owner: AcceptorOwner = {
    onGreeted: (acceptor, peer) => this.onGreeted(acceptor, peer),
    onNotice: (peer, text) => this.onNotice(peer, text),
    onClosed: (acceptor) => this.onClosed(acceptor),
  };
  private notices = 0;
  private noticesSinceMs = Number.NEGATIVE_INFINITY;
  private listener: Listener | null = null;
  private ticker: Timer | null = null;
  private closed = false;

  constructor(options: PeersOptions) {
    const bindings = new Bindings(options.identity);
    const random = options.random.fork();
    this.context = { ...options, random, bindings };
    for (const member of options.members) {
      this.links.set(member.id, new PeerLink(this.context, member));
    }
  }

  /** Listens, then dials. `done` gets null, or why it can't listen ("EADDRINUSE", …). */
  start(listenAddress: Address, done: (error: string | null) => void): void {
    const { network } = this.context;
    this.listener = network.listen(
      listenAddress,
      (stream, remote) => this.accept(stream, remote),
      (error) => {
        if (this.closed) return;
        if (error === null) {
          for (const link of this.links.values()) link.start();
          this.tickLater();
        }
        done(error);
      },
    );
  }

  /**
   * Sends the message if the peer's link is open. AppendEntries are dropped while too much is
   * waiting to leave: Raft sends them again. The rest is small, and never dropped while it is open.
   */
  send(message: Message): void {
    const link = this.links.get(message.to);
    if (link === undefined || !link.isOpen) return;
    if (message.kind === 'AppendEntries') {
      if (link.bufferedBytes > this.context.limits.peerOutputBytesMax) return;
    }
    link.send(this.encoder.encode(message));
  }

  /** Lets what was sent leave now: for who is about to do what takes a while. */
  flush(): void {
    for (const link of this.links.values()) link.flush();
  }

  /** Sent to the peer and not yet taken by the network. */
  bufferedBytes(peer: NodeId): number {
    return this.links.get(peer)?.bufferedBytes ?? 0;
  }

  isOpen(peer: NodeId): boolean {
    return this.links.get(peer)?.isOpen ?? false;
  }

  /** To be called when what `identity.self()` answers has changed. */
  identityChanged(): void {
    for (const link of this.links.values()) link.greet();
    for (const acceptor of this.accepted) acceptor.reconsider();
  }

  /** For good. No event follows. */
  close(): void {
    this.closed = true;
    this.listener?.close();
    this.ticker?.cancel();
    for (const link of this.links.values()) link.close();
    for (const acceptor of this.accepted) acceptor.giveUp();
  }

  /** Strangers can't keep a member out: when they hold all the places that there are for them, the
   *  newcomer gets the place that was held longest by the host that holds the most. */
  private accept(stream: Stream, { host }: Address): StreamHandlers {
    const acceptor = new PeerAcceptor(this.context, this.owner, stream, host);
    const places = this.links.size + this.context.limits.peerStrangersMax;
    if (this.closed) acceptor.giveUp();
    else if (this.accepted.size >= places) this.evictStranger();
    this.accepted.add(acceptor);
    return acceptor;
  }

  private evictStranger(): void {
    const byHost = new Map<string, PeerAcceptor[]>();
    let most: PeerAcceptor[] = [];
    // In the order in which they came.
    for (const acceptor of this.accepted) {
      if (!acceptor.isStranger) continue;
      const its = byHost.get(acceptor.from) ?? [];
      byHost.set(acceptor.from, its);
      its.push(acceptor);
      if (its.length > most.length) most = its;
    }
    const [oldest] = most;
    if (oldest === undefined) return;
    this.accepted.delete(oldest);
    oldest.giveUp();
  }

  private onNotice(peer: Member | null, text: string): void {
    const { clock, events } = this.context;
    if (peer === null) {
      if (clock.now() - this.noticesSinceMs > NOTICE_WINDOW_MS) {
        this.noticesSinceMs = clock.now();
        this.notices = 0;
      }
      this.notices++;
      if (this.notices > NOTICES_MAX) return;
    }
    const more = this.notices === NOTICES_MAX ? ' (no more of strangers for a while)' : '';
    events.onNotice(peer?.id ?? NOBODY, text + (peer === null ? more : ''));
  }

  private onGreeted(acceptor: PeerAcceptor, peer: Member): void {
    const older = this.greeted.get(peer.id);
    this.greeted.set(peer.id, acceptor);
    if (older !== undefined && older !== acceptor) older.giveUp();
    this.links.get(peer.id)?.hurry();
  }

  private onClosed(acceptor: PeerAcceptor): void {
    this.accepted.delete(acceptor);
    for (const [peer, current] of this.greeted) {
      if (current === acceptor) this.greeted.delete(peer);
    }
  }

  private tickLater(): void {
    const { clock } = this.context;
    this.ticker = clock.timer(clock.now() + TICK_MS, () => {
      for (const link of this.links.values()) link.tick();
      for (const acceptor of this.accepted) acceptor.tick();
      if (!this.closed) this.tickLater();
    });
  }
}
