import type { Entry } from '../base/entry.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Reply } from '../kv/reply.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Message } from '../raft/messages.ts';
import type { RaftState } from '../raft/state.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Looks into a replica, for those who judge it (sim/observer.ts). It may read what it is shown and
 * must change nothing. It costs nothing where there is none.
 */
export interface Probe {
  /** The data directory is open: what was recovered, and the machine that entries will go to. */
  opened(storage: Storage, machine: StateMachine): void;
  /** The core begins: this node may vote from now on. */
  coreStarted(state: RaftState): void;
  /** The message leaves the replica now; a promise only does once it is durable. Whether a link is
   *  open to take it is the network's affair: what it promises must hold either way. */
  sent(message: Message): void;
  applied(entry: Entry, reply: Reply): void;
  /** This node has written down the state behind `info.index`, and it is durable. */
  snapshotTaken(info: SnapshotInfo): void;
  /** The machine has jumped to the state behind `info.index`. */
  snapshotInstalled(info: SnapshotInfo): void;
}
