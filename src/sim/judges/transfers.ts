import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { InstallSnapshot, Message } from '../../raft/messages.ts';
import type { Progress } from '../../raft/progress.ts';
import type { RaftState } from '../../raft/state.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';

/** So many snapshots are taken before what is sent is needed for the transfer only. */
const TAKEN_MIN = 2;

/** A snapshot on its way from a leader to a follower. */
interface Transfer {
  readonly run: number;
  readonly term: number;
  /** The life of the follower's process. */
  readonly incarnation: number;
  readonly snapshot: SnapshotInfo;
  /** By the leader's clock. */
  heardMs: number;
  /** Snapshots that the leader has taken since, and since it had not heard the follower for long. */
  taken: number;
  /** The file may have gone bad. */
  isDoubtful: boolean;
  /** What was begun in its place. */
  instead: SnapshotInfo | null;
}

/**
 * L7: what a leader has begun to send to a follower it sends to the end, whatever snapshots it
 * takes meanwhile. If each of them began the transfer anew, a follower that needs longer for one
 * than the leader for the next would never get there.
 *
 * It may begin anew once it has not heard the follower for an election timeout (docs/snapshots.md,
 * "to a follower that answers"), and when the file has gone bad, or can't be read. What stays is
 * settled shortly before a snapshot gets its name, so the first one after a silence proves nothing
 * yet; nor does the first after the beginning, which leaves the one that is sent among the two
 * newest. Another term, and another life of either process, is another transfer.
 */
export class TransferJudge extends Observer {
  /** By leader, then by follower. */
  private readonly transfers = new Map<SimNode, Map<number, Transfer>>();

  override damaged(node: SimNode): void {
    for (const transfer of this.from(node).values()) transfer.isDoubtful = true;
  }

  override snapshotTaken(node: SimNode): void {
    for (const transfer of this.from(node).values()) {
      if (transfer.instead === null) transfer.taken++;
    }
  }

  override sent(node: SimNode, message: Message): void {
    if (message.kind !== 'InstallSnapshot') return;
    const state = node.raftState;
    const progress = state?.peers.find(({ peer }) => peer === message.to);
    if (state?.role !== 'leader' || progress === undefined) return;
    const transfers = this.from(node);
    const before = transfers.get(message.to);
    if (before === undefined || !isSame(before, node, state, progress)) {
      transfers.set(message.to, begun(node, state, progress, message));
    } else if (before.snapshot.id !== message.snapshot.id) {
      before.instead = message.snapshot;
    }
  }

  override stepped(node: SimNode): void {
    const transfers = this.transfers.get(node);
    if (transfers === undefined || transfers.size === 0) return;
    const state = node.raftState;
    if (state?.role !== 'leader') {
      transfers.clear();
      return;
    }
    for (const progress of state.peers) {
      const transfer = transfers.get(progress.peer);
      if (transfer === undefined) continue;
      if (!isSame(transfer, node, state, progress)) transfers.delete(progress.peer);
      else this.judge(node, state, progress, transfer);
    }
  }

  /** Whether the follower was silent for too long is known when it is heard again. */
  private judge(node: SimNode, state: RaftState, progress: Progress, transfer: Transfer): void {
    const isDone = progress.matchIndex >= transfer.snapshot.index;
    if (isDone || progress.state === 'replicate') {
      this.from(node).delete(progress.peer);
      return;
    }
    if (node.disk.faults !== null) transfer.isDoubtful = true;
    const { lastHeardMs } = progress;
    if (lastHeardMs === transfer.heardMs) return;
    const silentMs = lastHeardMs - transfer.heardMs;
    if (silentMs >= state.timing.electionTimeoutMinMs) transfer.taken = 0;
    transfer.heardMs = lastHeardMs;
    const { instead, snapshot, taken, isDoubtful } = transfer;
    if (instead === null) return;
    this.from(node).delete(progress.peer);
    if (isDoubtful || taken < TAKEN_MIN) return;
    throw new Violation(
      'L7',
      `${node.name} has begun to send node ${progress.peer} its snapshot at ${snapshot.index}, and ` +
        `begins anew with that at ${instead.index}, though it hears it`,
    );
  }

  private from(node: SimNode): Map<number, Transfer> {
    let transfers = this.transfers.get(node);
    if (transfers === undefined) {
      transfers = new Map();
      this.transfers.set(node, transfers);
    }
    return transfers;
  }
}

function begun(
  node: SimNode,
  { currentTerm }: RaftState,
  { incarnation, lastHeardMs }: Progress,
  { snapshot }: InstallSnapshot,
): Transfer {
  const life = { run: node.run, term: currentTerm, incarnation };
  return { ...life, snapshot, heardMs: lastHeardMs, taken: 0, isDoubtful: false, instead: null };
}

function isSame(transfer: Transfer, node: SimNode, state: RaftState, progress: Progress): boolean {
  return (
    transfer.run === node.run &&
    transfer.term === state.currentTerm &&
    transfer.incarnation === progress.incarnation
  );
}
