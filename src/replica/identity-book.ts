import type { NodeId } from '../base/ids.ts';
import { native } from '../base/native.ts';
import {
  CLUSTER_ID_BYTES,
  decodeConfiguration,
  encodeConfiguration,
  type Member,
  sameMembers,
} from '../raft/configuration.ts';
import type { Storage } from '../storage/storage.ts';
import type { Failure } from './failure.ts';
import type { Binding, IdentityBook, SelfIdentity } from './identity.ts';
import { addressOf } from './status.ts';

/** The first members as bytes: what a new directory keeps, and what nodes compare at first. */
export function membersImage(members: readonly Member[]): Uint8Array {
  return encodeConfiguration({ clusterId: new Uint8Array(CLUSTER_ID_BYTES), members });
}

/**
 * The same of a directory that was made out of a backup. The cluster's id is part of it, so that such a
 * directory agrees with none that was not: a majority of empty ones could begin a log of their own,
 * which the restored one would take for its own (docs/admission.md).
 */
export function restoredMembersImage(
  clusterId: Uint8Array,
  members: readonly Member[],
): Uint8Array {
  return encodeConfiguration({ clusterId, members });
}

/** Who this node is and whom it knows, kept in the hard state. */
export class StorageIdentityBook implements IdentityBook {
  private readonly storage: Storage;
  private readonly membersCrc: number;
  /** Every binding asked for, durable or on its way: two at a time must not undo each other. */
  private readonly wanted = new Map<NodeId, Binding>();

  constructor(storage: Storage) {
    this.storage = storage;
    for (const binding of storage.state.bindings) this.wanted.set(binding.nodeId, binding);
    const image = storage.state.membersImage;
    this.membersCrc = native.crc32(image, 0, image.length, 0);
  }

  /** Why this command line can't go with this data directory; null when it can. */
  static mismatch(storage: Storage, self: Member, members: readonly Member[]): Failure | null {
    const { state } = storage;
    const refuse = (message: string, remedy: string): Failure => ({
      code: 'settings',
      message,
      remedy,
    });
    if (state.name !== self.name) {
      return refuse(
        `this data directory belongs to ${state.name}, not to ${self.name}`,
        `start it with --name ${state.name}, or give ${self.name} a directory of its own`,
      );
    }
    const known = decodeConfiguration(state.membersImage)?.members ?? [];
    if (sameMembers(known, members)) return null;
    return refuse(
      `this data directory was made for --cluster ${clusterFlag(known)}, not ${clusterFlag(members)}`,
      'start it with the members it was made for, or with a new data directory on every node',
    );
  }

  self(): SelfIdentity {
    const { state } = this.storage;
    const { nodeId, name, directoryId, clusterId, incarnation, startHistory } = state;
    return {
      nodeId,
      name,
      directoryId,
      clusterId,
      incarnation,
      startHistory,
      admitted: state.admitted,
      established: state.established,
      membersCrc: this.membersCrc,
    };
  }

  binding(peer: NodeId): Binding | null {
    return this.storage.state.bindings.find((binding) => binding.nodeId === peer) ?? null;
  }

  bind(binding: Binding, done: () => void): void {
    this.wanted.set(binding.nodeId, binding);
    this.storage.saveIdentity({ bindings: [...this.wanted.values()] }, done);
  }
}

function clusterFlag(members: readonly Member[]): string {
  const one = (member: Member) => {
    const peer = member.peerPort === member.port + 10_000 ? '' : `@${member.peerPort}`;
    return `${member.name}=${addressOf(member)}${peer}`;
  };
  return members.map(one).join(',');
}
