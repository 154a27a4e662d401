import { assert } from '../base/assert.ts';

/** How long things take, in milliseconds. None of it matters to safety, all of it to availability
 *  (§5.6: broadcast time << election timeout << mean time between failures). */
export interface RaftTiming {
  /** A leader is heard at least this often. */
  readonly heartbeatMs: number;
  /** Election timeouts are drawn between these two. For the lower one a follower is loyal to the
   *  leader it heard, and a leader lives without an answer from a quorum. */
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  /** Followers whose leader's process is gone pre-vote one after another within this; and who has
   *  asked, or granted, holds still for so long. */
  readonly processGoneDelayMaxMs: number;
  /** A tick that comes later than asked for by more than this says that the process was held up. */
  readonly lateTickMs: number;
  /** A disk that has not finished a write in this time is taken to be broken. */
  readonly storageStallMs: number;
}

export const defaultTiming: RaftTiming = {
  heartbeatMs: 50,
  electionTimeoutMinMs: 300,
  electionTimeoutMaxMs: 600,
  processGoneDelayMaxMs: 20,
  lateTickMs: 25,
  storageStallMs: 1500,
};

/** @throws AssertionError that names the relation that does not hold. */
export function checkTiming(timing: RaftTiming): void {
  const holds = (ok: boolean, relation: string) => assert(ok, () => `timing: ${relation}`);
  holds(timing.heartbeatMs > 0, 'heartbeatMs > 0');
  holds(
    timing.electionTimeoutMinMs >= 3 * timing.heartbeatMs,
    'electionTimeoutMinMs >= 3 * heartbeatMs, so that one lost heartbeat costs no election',
  );
  holds(
    timing.electionTimeoutMaxMs > timing.electionTimeoutMinMs,
    'electionTimeoutMaxMs > electionTimeoutMinMs, or split votes repeat (§5.2)',
  );
  holds(
    timing.processGoneDelayMaxMs >= 0 && timing.processGoneDelayMaxMs < timing.heartbeatMs,
    '0 <= processGoneDelayMaxMs < heartbeatMs',
  );
  holds(
    timing.lateTickMs > 0 && timing.lateTickMs < timing.electionTimeoutMinMs,
    '0 < lateTickMs < electionTimeoutMinMs',
  );
  holds(
    timing.storageStallMs >= timing.electionTimeoutMaxMs,
    'storageStallMs >= electionTimeoutMaxMs',
  );
}
