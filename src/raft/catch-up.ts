import type { Entry } from '../base/entry.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';

// How fast a leader feeds a follower that is far behind. Nobody waits for such a follower, but a
// follower that is fed as fast as it can swallow takes a whole core, and the leader's time and
// disk; where those are shared, everybody else waits for it. So it is fed at a pace, unless it
// is needed.

/** What an entry costs whoever handles it, whatever its length: to decode it, to keep it, to apply it.
 *  As much as so many of its bytes. */
const ENTRY_COST = 256;
/** Besides the pace of the limits, what the log grows by counts so many times: it is always fed faster
 *  than the log grows, and so gets there. */
const GROWTH_FACTOR = 2;
/** In a commit that takes so many heartbeats, a majority is missing that was counted on. */
const STALL_HEARTBEATS = 2;

/** What it costs to feed a follower with the entry, in bytes and what counts like them. */
export function feedCost({ record }: Entry): number {
  return record.length + ENTRY_COST;
}

/** What of the pace may be saved up: so much a time is sent at once, and who lacks no more than that
 *  never waits. */
const BURST_MS = 10;

/** How far a follower may be fed now. Only a leader has use for it. */
export class Pace {
  /** Feeding may go on when it is not negative; it may become so by what is fed then. */
  private credit = 0;
  private atMs = 0;
  private grownCost = 0;
  private hasBegun = false;

  /** What has passed until somebody asks counts for nothing. */
  begin(): void {
    this.hasBegun = false;
  }

  spend(cost: number): void {
    this.credit -= cost;
  }

  /** How long to wait before feeding goes on, in whole milliseconds; 0: it may now. */
  waitMs(nowMs: number, { grownCost, limits }: RaftState): number {
    const perMs = limits.catchUpBytesPerSecond / 1000;
    const burst = BURST_MS * perMs;
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.credit = burst;
      this.grownCost = grownCost;
    } else if (this.credit < burst) {
      this.credit = Math.min(burst, this.credit + (nowMs - this.atMs) * perMs);
    }
    // What the log has grown by in one turn may be more than a burst.
    const given = GROWTH_FACTOR * (grownCost - this.grownCost);
    this.credit = Math.min(this.credit + given, Math.max(burst, limits.inflightBytesMax));
    this.atMs = nowMs;
    this.grownCost = grownCost;
    return this.credit >= 0 ? 0 : Math.ceil(-this.credit / perMs);
  }
}

/** Whether the follower, which is catching up, may be sent more now. If not, the leader will tick when
 *  it may. */
export function mayFeed(state: RaftState, nowMs: number, progress: Progress): boolean {
  const waitMs = progress.pace.waitMs(nowMs, state);
  if (waitMs === 0 || isNeeded(state, nowMs, progress)) return true;
  state.feedDueMs = Math.min(state.feedDueMs, nowMs + waitMs);
  return false;
}

/** Whether somebody waits for this follower to get on: then it is fed as fast as it goes. */
function isNeeded(state: RaftState, nowMs: number, { peer }: Progress): boolean {
  if (state.transfer?.to === peer || isCommitStalled(state, nowMs)) return true;
  const sinceMs = nowMs - state.timing.electionTimeoutMinMs;
  let count = 1;
  for (const { state: its, standing, isCatchingUp, lastHeardMs } of state.peers) {
    const isThere = its === 'replicate' && standing === 'sound' && lastHeardMs >= sinceMs;
    if (isThere && !isCatchingUp) count++;
  }
  return count < state.quorum;
}

/** Those that make a majority seem to be there, and yet nothing is committed: a disk may hang. */
function isCommitStalled(state: RaftState, nowMs: number): boolean {
  const { commitIndex, log, timing } = state;
  if (commitIndex !== state.seenCommitIndex || commitIndex === log.lastIndex) {
    state.seenCommitIndex = commitIndex;
    state.seenCommitMs = nowMs;
  }
  return nowMs - state.seenCommitMs >= STALL_HEARTBEATS * timing.heartbeatMs;
}
