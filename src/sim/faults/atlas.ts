import type { NodeId } from '../../base/ids.ts';
import { decodeSlot, SLOT_NAMES } from '../../storage/hard-state.ts';
import type { SimServer } from '../server.ts';

/**
 * Which nodes' disks have been harmed beyond what a crash does, and which may be (TigerBeetle's fault
 * atlas). A committed entry is on a majority of the disks. While less than half of them are harmed at
 * a time, a good copy of it is left, and the whole nodes still are a majority, each two of which
 * have one in common: so nothing is lost, and the cluster must serve again. A harmed node counts
 * until it has been made whole.
 */
export class Atlas {
  private readonly servers: readonly SimServer[];
  private readonly harmed = new Set<NodeId>();
  private readonly anythingGoes: boolean;

  constructor(servers: readonly SimServer[], anythingGoes: boolean) {
    this.servers = servers;
    this.anythingGoes = anythingGoes;
  }

  /** Whether what this node has synced may be destroyed now. Then it counts as harmed. */
  claim(server: SimServer): boolean {
    if (!this.anythingGoes && !this.mayHarm(server)) return false;
    this.harmed.add(server.id);
    return true;
  }

  /** As `claim`, for what a node can't notice by itself: that it was emptied, or set back. Never of so
   *  many that those who remember are no majority. */
  claimForgetting(server: SimServer): boolean {
    if (!this.mayHarm(server)) return false;
    this.harmed.add(server.id);
    return true;
  }

  isHarmed(server: SimServer): boolean {
    this.releaseMended();
    return this.harmed.has(server.id);
  }

  /** The nodes that a cluster must be able to live on. */
  whole(): readonly SimServer[] {
    return this.servers.filter((server) => !this.isHarmed(server));
  }

  private mayHarm(server: SimServer): boolean {
    this.releaseMended();
    const most = Math.floor((this.servers.length - 1) / 2);
    return !this.harmed.has(server.id) && this.harmed.size < most;
  }

  /** A slot is mended by the next write of the hard state: then either alone is enough again. A log is,
   *  once the judge of D3 finds nothing missing any more, and the node knows it itself, durably. */
  private releaseMended(): void {
    for (const server of this.servers) {
      if (!this.harmed.has(server.id)) continue;
      const { damage } = server;
      if (damage.hardState && server.isUp && SLOT_NAMES.every((name) => isWhole(server, name))) {
        damage.hardState = false;
      }
      const isTrusted = server.raftState?.isSuspect === false && server.disk.faults === null;
      if (isTrusted && !damage.log && !damage.hardState && !damage.lost) {
        this.harmed.delete(server.id);
      }
    }
  }
}

function isWhole(server: SimServer, name: string): boolean {
  const bytes = server.disk.durableFile(name);
  return bytes !== null && typeof decodeSlot(bytes) === 'object';
}
