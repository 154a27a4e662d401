import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';
import { Lasting } from './lasting.ts';

/** It asks itself at a heartbeat, and one that comes late is excused. */
const SLACK_HEARTBEATS = 3;

/**
 * L10: a leader whose disk makes no progress gives up. It would go on to be heard, and could not
 * even commit by itself. Nor does it win again while the disk stands still: a candidate's vote has to
 * be durable before it asks for others (D1).
 */
export class StalledDiskJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly lasting = new Lasting();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override stepped(node: SimNode): void {
    const state = node.raftState;
    if (state === null || state.role !== 'leader') {
      this.lasting.howLong(node, null, 0);
      return;
    }
    const { stableIndex } = state.durability;
    const isOwed = stableIndex < state.log.lastIndex;
    const { nowMs } = this.chronicle.world;
    const lastedMs = this.lasting.howLong(node, isOwed ? stableIndex : null, nowMs);
    const { heartbeatMs, lateTickMs, storageStallMs } = state.timing;
    if (lastedMs <= storageStallMs + SLACK_HEARTBEATS * heartbeatMs + lateTickMs) return;
    throw new Violation(
      'L10',
      `${node.name} leads term ${state.currentTerm}, though its disk has owed it entry ` +
        `${stableIndex + 1} for ${lastedMs.toFixed(0)} ms`,
    );
  }
}
