import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '../../client/address.ts';
import type { Client } from '../../client/client.ts';
import { CliError, ExitCode } from '../exit.ts';
import { ASK_MS, askAll, leaderAmong, type MemberStatus } from '../node-status.ts';
import { NodeGone, NodeSession } from './node-session.ts';

const PAUSE_MS = 50;

/**
 * An index behind everything that was acknowledged before this was called. The leader carries out a
 * read through its log and says, on the same connection, where that stands: so it doesn't matter who
 * believes to be the leader, or how far it says to have got. A read that was answered is in the log
 * behind all that was acknowledged before it was asked.
 * @throws CliError when the cluster does not answer within `deadlineMs`.
 */
export async function acknowledgedPoint(
  client: Client,
  seeds: readonly string[],
  deadlineMs: number,
): Promise<number> {
  const untilMs = performance.now() + deadlineMs;
  for (;;) {
    const askMs = Math.min(ASK_MS, deadlineMs);
    const leader = leaderAmong(await askAll(client, seeds, askMs));
    const leftMs = untilMs - performance.now();
    const point = leader === null || leftMs <= 0 ? null : await pointAt(leader, leftMs);
    if (point !== null) return point;
    if (performance.now() + PAUSE_MS >= untilMs) {
      const why = leader === null ? 'no leader answers' : 'the leader does not answer';
      throw new CliError(
        ExitCode.Unavailable,
        `unavailable: ${why}`,
        'dkvs status says who is there; without a leader nobody knows what has been acknowledged',
      );
    }
    await sleep(PAUSE_MS);
  }
}

/** Null when it is not the leader, or does not answer. */
async function pointAt({ address }: MemberStatus, deadlineMs: number): Promise<number | null> {
  const session = new NodeSession(parseAddress(address)!);
  try {
    const [read, point] = await Promise.all([
      session.ask(['DBSIZE'], deadlineMs),
      session.ask(['BACKUP', 'POINT'], deadlineMs),
    ]);
    if (point.kind === 'error') throw new CliError(ExitCode.Other, point.text);
    return read.kind === 'integer' && point.kind === 'integer' ? Number(point.value) : null;
  } catch (error) {
    if (error instanceof NodeGone) return null;
    throw error;
  } finally {
    session.close();
  }
}

/**
 * The node to read a backup from: the follower that has applied most, so that the leader is not
 * burdened; else the leader.
 * @param name the node that is wanted; null: any.
 * @param failed addresses of nodes that have been tried.
 * @returns null when there is none.
 */
export function chooseNode(
  statuses: readonly MemberStatus[],
  name: string | null,
  failed: ReadonlySet<string>,
): MemberStatus | null {
  const usable = statuses.filter((status) => {
    const isThere = status.role !== 'unreachable' && status.phase === 'running';
    return isThere && status.suspect !== true && !failed.has(status.address);
  });
  if (name !== null) return usable.find((status) => status.name === name) ?? null;
  const rank = ({ role, lastApplied }: MemberStatus) =>
    role === 'leader' ? -1 : (lastApplied ?? 0);
  return usable.reduce<MemberStatus | null>((best, status) => {
    return best === null || rank(status) > rank(best) ? status : best;
  }, null);
}
