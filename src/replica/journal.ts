import { type Index, NOBODY, type NodeId, type Term } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Member } from '../raft/configuration.ts';
import type { Trace, TraceEvent } from '../raft/trace.ts';
import { describeDamage } from '../storage/damage.ts';
import type { Rot } from '../storage/found-log.ts';
import type { Storage } from '../storage/storage.ts';
import type { Log } from './log-line.ts';
import type { ElectionCounts } from './status.ts';

/** What a replica tells its operator, in sentences; each line has a stable event name too. */
export class Journal {
  /** Counted here, where every transition of the core comes by. */
  readonly elections: ElectionCounts = { campaigns: 0, won: 0, leaders: 0 };
  private readonly log: Log;
  private readonly members: readonly Member[];

  constructor(log: Log, members: readonly Member[]) {
    this.log = log;
    this.members = members;
  }

  /** What was found on disk at the start. */
  recovered({ recovered, state }: Storage): void {
    const { base, lastIndex, commitIndex, tornBytes, snapshot, snapshotsDamaged } = recovered;
    const { currentTerm: term, incarnation } = state;
    const torn = `; cut a torn tail of ${tornBytes} bytes that nobody was promised`;
    const from = snapshot === null ? '' : `snapshot at ${snapshot.index}, `;
    const message =
      `${from}log of ${lastIndex - base.index} entries up to ${lastIndex}, term ${term}, ` +
      `start ${incarnation}${tornBytes > 0 ? torn : ''}`;
    const snapshotIndex = snapshot?.index ?? 0;
    const fields = { snapshotIndex, lastIndex, commitIndex, term, incarnation, tornBytes };
    this.log({ level: tornBytes > 0 ? 'warn' : 'info', event: 'recovered', message, fields });
    if (snapshotsDamaged.length > 0) this.snapshotsDamaged(snapshotsDamaged);
    if (recovered.rot !== null) this.rot(recovered.rot);
    else if (state.suspect) this.stillSuspect(lastIndex);
  }

  private rot(rot: Rot): void {
    const kept =
      rot.kept.length === 0 ? 'nothing was there to be kept' : `kept as ${rot.kept.join(', ')}`;
    const message =
      `ROT: ${describeDamage(rot)}; cut off behind entry ${rot.goodIndex}, ${kept}; this node is a ` +
      'suspect: it neither votes nor counts until a leader has sent it everything again';
    const { file, offset, goodIndex } = rot;
    const fields = { file, offset, goodIndex, kept: rot.kept.join(',') };
    this.log({ level: 'error', event: 'rot', message, fields });
  }

  private snapshotsDamaged(kept: readonly string[]): void {
    const message =
      `bad bytes in a snapshot: kept as ${kept.join(', ')}, which nobody needs any more; look after ` +
      'the disk';
    const fields = { kept: kept.join(',') };
    this.log({ level: 'error', event: 'snapshot-damaged', message, fields });
  }

  private stillSuspect(lastIndex: Index): void {
    const message =
      'still a suspect, for rot found at an earlier start: this node neither votes nor counts ' +
      'until a leader has sent it everything again';
    this.log({ level: 'warn', event: 'suspect', message, fields: { lastIndex } });
  }

  snapshotTaken({ index, bytes }: SnapshotInfo, tookMs: number): void {
    const took = Math.round(tookMs);
    const message = `snapshot of the state behind entry ${index}: ${bytes} bytes in ${took} ms`;
    this.log({ level: 'info', event: 'snapshot', message, fields: { index, bytes, tookMs: took } });
  }

  snapshotPostponed(error: string): void {
    const message = `no room for a snapshot, so the log can't be cut: ${error}; trying again`;
    this.log({ level: 'warn', event: 'snapshot-postponed', message, fields: { error } });
  }

  /** It has come whole, and the log begins anew behind it. */
  snapshotReceived({ index, bytes }: SnapshotInfo): void {
    const message = `too far behind for the leader's log: got its snapshot at ${index}, ${bytes} bytes`;
    this.log({ level: 'info', event: 'snapshot-received', message, fields: { index, bytes } });
  }

  snapshotInstalled({ index, bytes }: SnapshotInfo): void {
    const message = `the data is now that of the snapshot at ${index}`;
    this.log({ level: 'info', event: 'snapshot-installed', message, fields: { index, bytes } });
  }

  joining(waitingFor: readonly string[]): void {
    this.log({
      level: 'info',
      event: 'joining',
      message: `first start: waiting for ${waitingFor.join(', ')}`,
      fields: { waitingFor: waitingFor.join(',') },
    });
  }

  peer(event: 'peer-refused' | 'peer-notice', peer: NodeId, message: string, code: string): void {
    const fields = { peer: peer === NOBODY ? null : this.nameOf(peer), code };
    this.log({ level: 'warn', event, message, fields });
  }

  /** A transition of the core, where an operator cares for it. Passes every event on. */
  following(next: Trace | null): Trace {
    return (event) => {
      next?.(event);
      if (event.kind === 'role') this.role(event);
      else if (event.kind === 'reinstated') this.reinstated(event.term);
      else if (event.kind === 'leader' && event.leader !== NOBODY) {
        const { term } = event;
        const leader = this.nameOf(event.leader);
        this.elections.leaders++;
        const message = `${leader} leads term ${term}`;
        this.log({ level: 'info', event: 'leader', message, fields: { leader, term } });
      }
    };
  }

  private reinstated(term: Term): void {
    const message = `whole again in term ${term}: no suspect any more, this node votes and counts`;
    this.log({ level: 'info', event: 'reinstated', message, fields: { term } });
  }

  private role({ role, term, reason }: Extract<TraceEvent, { kind: 'role' }>): void {
    if (role === 'candidate') this.elections.campaigns++;
    if (role === 'leader') {
      this.elections.won++;
      this.elections.leaders++;
    }
    const message = `${role} in term ${term}: ${reason}`;
    this.log({ level: 'info', event: 'role', message, fields: { role, term, reason } });
  }

  private nameOf(id: NodeId): string {
    return this.members[id - 1]?.name ?? `member ${id}`;
  }
}
