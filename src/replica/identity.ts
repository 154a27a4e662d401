import { assert } from '../base/assert.ts';
import { bytesEqual } from '../base/bytes.ts';
import type { Incarnation, NodeId } from '../base/ids.ts';
import { startAgo } from '../base/start-history.ts';
import { type Introduction, PROTOCOL_VERSION } from '../protocol/frames.ts';
import type { Member } from '../raft/configuration.ts';

/** Which data directory speaks under a member's name, and how often it had been started. */
export interface Binding {
  readonly nodeId: NodeId;
  /** 16 bytes. */
  readonly directoryId: Uint8Array;
  readonly incarnation: Incarnation;
  /** The id of that start (base/start-history.ts). */
  readonly startId: Uint8Array;
}

/** What this node says of itself when it meets a peer. */
export interface SelfIdentity {
  readonly nodeId: NodeId;
  readonly name: string;
  /** 16 bytes. */
  readonly directoryId: Uint8Array;
  /** 16 bytes; zeros while unknown. */
  readonly clusterId: Uint8Array;
  readonly incarnation: Incarnation;
  /** The ids of the directory's last starts, this one's first (base/start-history.ts). */
  readonly startHistory: Uint8Array;
  /** Durable. Before it, this directory may be an emptied one, and nobody binds it. */
  readonly admitted: boolean;
  /** Durable. Before it, too few may have bound it: no votes, no acknowledgements. Not said to
   *  peers: what a node that isn't established says is nothing. */
  readonly established: boolean;
  /** CRC-32 of the members of the first configuration; of a restored cluster, with its id. */
  readonly membersCrc: number;
}

/** Where identities are kept. The replica makes it out of its storage. */
export interface IdentityBook {
  self(): SelfIdentity;
  /** What was bound, durably. */
  binding(peer: NodeId): Binding | null;
  /** Replaces the peer's binding; `done` when that is durable. */
  bind(binding: Binding, done: () => void): void;
}

export type RefusalCode =
  | 'WRONG_VERSION'
  | 'WRONG_CLUSTER'
  | 'OTHER_MEMBERS'
  | 'UNKNOWN_NODE'
  | 'WRONG_ADDRESSEE'
  | 'DIRECTORY_REPLACED'
  | 'DIRECTORY_OLD';

/** Why a node does not talk to another. The text is ASCII, and says what to do. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly text: string;
}

/**
 * Judges an introduction; the same rules on both sides of a stream. Null: it may stay.
 * @param peer the member that says it, or should; null when the members have none such.
 * @param binding what is bound to the peer's name so far.
 */
export function judge(
  self: SelfIdentity,
  peer: Member | null,
  said: Introduction,
  binding: Binding | null,
): Refusal | null {
  return (
    judgeCluster(self, said) ??
    judgeNames(self, peer, said) ??
    (binding === null ? null : judgeDirectory(binding, said))
  );
}

function judgeCluster(self: SelfIdentity, said: Introduction): Refusal | null {
  if (said.protocolVersion !== PROTOCOL_VERSION) {
    return refusal(
      'WRONG_VERSION',
      `${self.name} speaks peer protocol ${PROTOCOL_VERSION}, ${said.fromName} speaks ` +
        `${said.protocolVersion}: run the same version of dkvs on both`,
    );
  }
  if (isKnown(self.clusterId) && isKnown(said.clusterId)) {
    if (bytesEqual(self.clusterId, said.clusterId)) return null;
    return refusal(
      'WRONG_CLUSTER',
      `${said.fromName} and ${self.name} hold data of two different clusters: check --data and ` +
        'the addresses in --cluster',
    );
  }
  // While a cluster has no id yet, only the list of its members tells it from another.
  if (self.membersCrc === said.membersCrc) return null;
  return refusal(
    'OTHER_MEMBERS',
    `${said.fromName} and ${self.name} were first started with different members, or only one of ` +
      'them was restored from a backup: give both the same --cluster, and restore every member',
  );
}

function judgeNames(self: SelfIdentity, peer: Member | null, said: Introduction): Refusal | null {
  if (said.toNode !== self.nodeId || said.toName !== self.name) {
    return refusal(
      'WRONG_ADDRESSEE',
      `${said.fromName} looked for ${said.toName} and found ${self.name}: check the addresses in ` +
        '--cluster',
    );
  }
  if (peer === null || peer.id !== said.fromNode || peer.name !== said.fromName) {
    return refusal(
      'UNKNOWN_NODE',
      `${said.fromName} is not another member of the cluster that ${self.name} is in: check ` +
        '--name and --cluster',
    );
  }
  return null;
}

/**
 * One data directory is one identity for ever: it carries the promises given under its name. And it
 * goes on from where it was: the start that is remembered has to be in the history of every later
 * one, in its place. A copy that was taken before it lacks it, however often it is started then.
 *
 * A member that slept while the other was started more than STARTS_MAX times finds the history cut
 * off before what it remembers. It lets it pass, for the others were awake: to refuse would keep two
 * sound nodes apart for ever, and a copy that meets anybody who knows better is not started again
 * (`disowned`), so it does not get that far.
 */
function judgeDirectory(binding: Binding, said: Introduction): Refusal | null {
  if (!bytesEqual(binding.directoryId, said.directoryId)) {
    return refusal(
      'DIRECTORY_REPLACED',
      `${said.fromName} was known with another data directory; an emptied or replaced directory ` +
        'may not vote under its old name: bring the old one back, or leave it stopped',
    );
  }
  if (said.incarnation < binding.incarnation) {
    return refusal(
      'DIRECTORY_OLD',
      `${said.fromName} was known at start ${binding.incarnation} of its data directory, and is ` +
        `at start ${said.incarnation} now: this is an old copy, which has forgotten promises; ` +
        'bring the newer one back, or leave it stopped',
    );
  }
  const startsSince = said.incarnation - binding.incarnation;
  const then = startAgo(said.startHistory, startsSince);
  if (then !== null && !bytesEqual(then, binding.startId)) {
    return refusal(
      'DIRECTORY_OLD',
      `${said.fromName} was known at start ${binding.incarnation} of its data directory, and is ` +
        `at start ${said.incarnation} now, without having been through that one: this is an old ` +
        'copy, which has forgotten promises; bring the newer one back, or leave it stopped',
    );
  }
  return null;
}

/**
 * Whether this is the member `peer` speaking, as far as can be known: of this cluster, under that
 * name, and, once it was bound, out of that directory. At which start of it does not matter here:
 * who refuses this node may be an old copy as well, and still know better than this node does.
 */
export function isMember(
  self: SelfIdentity,
  peer: Member,
  said: Introduction,
  binding: Binding | null,
): boolean {
  const sameDirectory = binding === null || bytesEqual(binding.directoryId, said.directoryId);
  return sameDirectory && (judgeCluster(self, said) ?? judgeNames(self, peer, said)) === null;
}

function refusal(code: RefusalCode, text: string): Refusal {
  return { code, text };
}

/** A cluster's id is 16 random bytes, never all zeros. */
export function isKnown(clusterId: Uint8Array): boolean {
  return clusterId.some((byte) => byte !== 0);
}

/**
 * Binds names to directories through the book. A binding that is still on its way to the disk
 * already counts when others are judged, or two directories could pass under one name at once.
 */
export class Bindings {
  private readonly book: IdentityBook;
  private readonly underway = new Map<NodeId, { binding: Binding; waiting: (() => void)[] }>();

  constructor(book: IdentityBook) {
    this.book = book;
  }

  get(peer: NodeId): Binding | null {
    return this.underway.get(peer)?.binding ?? this.book.binding(peer);
  }

  /** Whether exactly this is bound, durably. */
  isBound(said: Introduction): boolean {
    const binding = this.book.binding(said.fromNode);
    return binding !== null && matches(binding, said);
  }

  /** Binds what `judge` has let pass; `done` when it is durable: at once, if it is already. */
  bind(said: Introduction, done: () => void): void {
    if (this.isBound(said) && !this.underway.has(said.fromNode)) {
      done();
      return;
    }
    const current = this.underway.get(said.fromNode);
    if (current !== undefined && matches(current.binding, said)) {
      current.waiting.push(done);
      return;
    }
    const { fromNode, directoryId, incarnation } = said;
    const binding = { nodeId: fromNode, directoryId, incarnation, startId: currentStart(said) };
    const started = { binding, waiting: [done] };
    this.underway.set(fromNode, started);
    this.book.bind(binding, () => {
      if (this.underway.get(fromNode) === started) this.underway.delete(fromNode);
      for (const callback of started.waiting) callback();
    });
  }
}

function matches(binding: Binding, said: Introduction): boolean {
  return (
    binding.incarnation === said.incarnation &&
    bytesEqual(binding.startId, currentStart(said)) &&
    bytesEqual(binding.directoryId, said.directoryId)
  );
}

function currentStart({ startHistory }: Introduction): Uint8Array {
  const startId = startAgo(startHistory, 0);
  assert(startId !== null, () => 'an introduction without a start');
  return startId;
}

/** What `self` says to the member `to`, or to whoever says to be it. */
export function introduce(self: SelfIdentity, to: Pick<Member, 'id' | 'name'>): Introduction {
  return {
    protocolVersion: PROTOCOL_VERSION,
    fromNode: self.nodeId,
    toNode: to.id,
    incarnation: self.incarnation,
    membersCrc: self.membersCrc,
    admitted: self.admitted,
    clusterId: self.clusterId,
    directoryId: self.directoryId,
    startHistory: self.startHistory,
    fromName: self.name,
    toName: to.name,
  };
}
