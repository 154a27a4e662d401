import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { Message } from '../../raft/messages.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/** How often a piece of a snapshot may be sent again to one follower before it is no progress. */
const ATTEMPTS_MAX = 100;

/**
 * S21, a snapshot is the state behind a prefix of the ledger, and covers nothing that is not committed;
 * on one node they never go back. That its state is the right one is seen when it is restored
 * (state-machines.ts). D-7: when a node says that it has one, a crash now would leave it.
 *
 * L7: after the faults have stopped, a snapshot on its way makes progress.
 */
export class SnapshotJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By node id: that of the newest snapshot, taken or installed. */
  private readonly newest: number[] = [];
  private isHealed = false;
  /** By leader, follower, snapshot and offset. */
  private readonly attempts = new Map<string, number>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(node: SimNode): void {
    this.newest[node.id] = this.chronicle.of(node).image.snapshot?.index ?? 0;
  }

  override snapshotTaken(node: SimNode, info: SnapshotInfo): void {
    this.judge(node, info);
    const { snapshot } = this.chronicle.of(node).image;
    const isDurable = snapshot?.index === info.index && snapshot.term === info.term;
    if (isDurable || this.chronicle.hasHole(node)) return;
    throw new Violation(
      'S21',
      `${node.name} has taken a snapshot at ${info.index}, but a loss of power would leave it ` +
        `with ${snapshot === null ? 'none' : `the one at ${snapshot.index}`}`,
    );
  }

  override snapshotInstalled(node: SimNode, info: SnapshotInfo): void {
    this.judge(node, info);
  }

  override healed(): void {
    this.isHealed = true;
  }

  override sent(node: SimNode, message: Message): void {
    if (!this.isHealed || message.kind !== 'InstallSnapshot') return;
    const { to, snapshot, offset, bytes } = message;
    // To ask how much there is costs nothing, and goes on while a disk hangs.
    if (bytes.length === 0) return;
    const key = `${node.id} ${to} ${snapshot.index} ${snapshot.id} ${offset}`;
    const attempts = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempts);
    if (attempts <= ATTEMPTS_MAX) return;
    throw new Violation(
      'L7',
      `${node.name} sends byte ${offset} of its snapshot at ${snapshot.index} to node ${to} for ` +
        `the ${attempts}th time`,
    );
  }

  private judge(node: SimNode, { index, term }: SnapshotInfo): void {
    const { ledger } = this.chronicle;
    if (ledger.termAt(index) !== term) {
      throw new Violation(
        'S21',
        `${node.name} has a snapshot at entry ${index} of term ${term}, but what was committed ` +
          `there is of term ${ledger.termAt(index)} (-1: nothing)`,
      );
    }
    const before = this.newest[node.id] ?? 0;
    // The same index again: the one before was found to be damaged.
    if (index < before) {
      throw new Violation(
        'S21',
        `${node.name} has a snapshot at ${index}, after one at ${before}: they go back`,
      );
    }
    this.newest[node.id] = index;
  }
}
