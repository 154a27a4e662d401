import type { Index } from '../../base/ids.ts';
import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import type { CoreNode } from './core-node.ts';

/** Why a message never arrives: chance took it, its link is cut, or nobody is there to hear it. */
export type Loss = 'dropped' | 'cut' | 'down';

/** How far a core's log went. */
export interface LogEnd {
  readonly lastIndex: Index;
  readonly commitIndex: Index;
}

/** Looks on while a cluster of cores runs, and throws when it sees something forbidden. */
export interface Witness {
  started(node: CoreNode): void;
  /** It is about to: what it holds in memory can still be seen. */
  crashing(node: CoreNode): void;
  /** @param requests how many of its requests to the disk were not durable.
   *  @param kept how many of these the disk has finished nevertheless. */
  crashed(node: CoreNode, requests: number, kept: number): void;
  /** Its log has rotted while it was down; `again`: it was a suspect already. */
  rotted(node: CoreNode, again: boolean): void;
  /** The message leaves; if it promises anything, that must be durable already. */
  sent(node: CoreNode, message: Message): void;
  delivered(message: Message, to: CoreNode): void;
  lost(message: Message, why: Loss): void;
  duplicated(message: Message): void;
  /** It is about to be delivered before another one that left earlier on the same link. */
  overtook(message: Message): void;
  traced(node: CoreNode, event: TraceEvent): void;
  /** What a crash now would leave of the node has changed. */
  durable(node: CoreNode): void;
  /** The host has answered a read with so many entries; none: the read failed. */
  read(node: CoreNode, entries: number): void;
  /** The node's state machine has moved. */
  applied(node: CoreNode): void;
  /** It has published a snapshot of its own. */
  snapshotTaken(node: CoreNode, snapshot: SnapshotInfo): void;
  /** It has cut the front of its log, durably; its core does not know yet. */
  compacted(node: CoreNode): void;
  /** It has read a piece of a snapshot, or failed to. */
  snapshotRead(node: CoreNode, found: boolean): void;
  /** A snapshot that was sent to it is whole; before that its log ended so. */
  received(
    node: CoreNode,
    snapshot: SnapshotInfo,
    outcome: 'installed' | 'dropped',
    before: LogEnd,
  ): void;
  /** A turn of the node has ended. */
  stepped(node: CoreNode): void;
}
