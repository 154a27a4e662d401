import type { Incarnation, NodeId } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { PeerAuth } from '../protocol/peer-proof.ts';
import type { Member } from '../raft/configuration.ts';
import type { Message } from '../raft/messages.ts';
import type { Clock } from './clock.ts';
import type { Bindings, IdentityBook } from './identity.ts';
import type { Network } from './network.ts';

/** What a replica learns from its streams to and from its peers. */
export interface PeerEvents {
  /** From a peer whose directory is bound; both sides are admitted, the peer is established. */
  onMessage(message: Message): void;
  /** The dialed stream stands: messages to the peer are sent from now on. */
  onConnected(peer: NodeId, incarnation: Incarnation): void;
  /** The dialed stream was lost: messages to the peer are dropped until it stands again. */
  onDisconnected(peer: NodeId): void;
  /** After the dialed stream to this incarnation was lost, its host refused another: the process is
   *  gone, its host is not (DESIGN §8). */
  onProcessGone(peer: NodeId, incarnation: Incarnation): void;
  /** While this node is not established, what the peer has bound to its name: nothing, this
   *  directory, or another. Comes again with every handshake. */
  onAdmission(peer: NodeId, knowsMe: 'none' | 'same' | 'other'): void;
  /** The peer, a member of this cluster, knows this node by another directory, or by a later state of
   *  this one: this one has forgotten promises, and must give no others. May come again. */
  onDisowned(peer: NodeId, text: string): void;
  /** The peer refused this node, or this node found the peer to be another than it should be. The
   *  codes are RefusalCode's, or those of a newer peer. Once for each code in a row. */
  onRefused(peer: NodeId, code: string, text: string): void;
  /** For the log: a stream was given up, or a dialer refused. NOBODY: it had not said its name. */
  onNotice(peer: NodeId, text: string): void;
}

/** What the streams of one node to its peers share. */
export interface PeerContext {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Prng;
  readonly limits: Limits;
  readonly identity: IdentityBook;
  /** The secret that peers share; null: whoever speaks the protocol is believed. */
  readonly auth: PeerAuth | null;
  readonly bindings: Bindings;
  /** All members but this node. */
  readonly members: readonly Member[];
  readonly events: PeerEvents;
}

/**
 * Dialers ping this often, and every stream is looked after this often. Silence is counted in these
 * ticks, not in milliseconds: a process that was held up finds one late tick, not a dead peer, and
 * reads what waits for it before the next.
 */
export const TICK_MS = 250;
/** A stream that says nothing for so many ticks is given up: 1 s. */
export const SILENT_TICKS_MAX = 4;
