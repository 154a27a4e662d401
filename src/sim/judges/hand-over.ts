import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';
import { Lasting } from './lasting.ts';

/** The end is noticed at a heartbeat, and timers may be late by a little. */
const SLACK_HEARTBEATS = 2;

/**
 * L9: a hand-over of leadership ends within an election timeout. Either another leads, or this leader
 * takes proposals again: while one is under way, it refuses them all.
 */
export class HandOverJudge extends Observer {
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
    const { nowMs } = this.chronicle.world;
    const lastedMs = this.lasting.howLong(node, state.transfer?.deadlineMs ?? null, nowMs);
    const { electionTimeoutMaxMs, heartbeatMs } = state.timing;
    if (lastedMs <= electionTimeoutMaxMs + SLACK_HEARTBEATS * heartbeatMs) return;
    throw new Violation(
      'L9',
      `${node.name}, the leader of term ${state.currentTerm}, has been handing over to node ` +
        `${state.transfer?.to} for ${lastedMs.toFixed(0)} ms, and takes no proposals`,
    );
  }
}
