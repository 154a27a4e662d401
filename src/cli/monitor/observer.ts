import { leaderAmong, type MemberReport } from '../node-status.ts';
import { lagBehind } from '../status-table.ts';

/** What the members said at one moment. */
export interface Sample {
  readonly at: Date;
  /** Milliseconds of a monotonic clock. */
  readonly atMs: number;
  readonly reports: readonly MemberReport[];
}

/** Something that was not so when last looked. */
export type Change =
  | {
      readonly kind: 'leader';
      readonly at: Date;
      readonly name: string;
      readonly term: number | null;
      /** How long no leader was seen, in ms; null for the first. */
      readonly withoutMs: number | null;
    }
  | { readonly kind: 'no-leader'; readonly at: Date; readonly previous: string | null }
  | { readonly kind: 'down' | 'up'; readonly at: Date; readonly name: string };

/** One member, as `dkvs monitor --json` prints it; what isn't known is null. */
export interface MonitoredMember {
  readonly name: string | null;
  readonly address: string;
  readonly role: string;
  readonly term: number | null;
  readonly commitIndex: number | null;
  readonly lastApplied: number | null;
  readonly lastIndex: number | null;
  readonly lag: number | null;
  readonly entriesPerSecond: number | null;
  readonly clients: number | null;
  readonly memoryBytes: number | null;
}

/** The cluster at one moment. */
export interface View {
  readonly at: Date;
  /** Name or address; null when nobody leads. */
  readonly leader: string | null;
  readonly term: number | null;
  /** When it was seen to take over; null when it led before anybody looked. */
  readonly since: Date | null;
  /** How fast the commit index grows: of the member that is furthest. */
  readonly entriesPerSecond: number | null;
  readonly reports: readonly MemberReport[];
  readonly members: readonly MonitoredMember[];
}

/** Compares what the members say with what they said before: who leads, who is there, how fast. */
export class Observer {
  private last: Sample | null = null;
  private leader: string | null = null;
  private term: number | null = null;
  private since: Date | null = null;
  /** When a leader was last seen, in ms of the samples' clock; null before the first. */
  private ledAtMs: number | null = null;
  private readonly isUp: Map<string, boolean> = new Map();

  take(sample: Sample): { readonly view: View; readonly changes: readonly Change[] } {
    const changes = [...this.comings(sample), ...this.leaderChanges(sample)];
    const members = this.membersOf(sample);
    this.last = sample;
    const rates = members.flatMap(({ entriesPerSecond: rate }) => (rate === null ? [] : [rate]));
    return {
      view: {
        at: sample.at,
        leader: this.leader,
        term: this.term,
        since: this.since,
        entriesPerSecond: rates.length === 0 ? null : Math.max(...rates),
        reports: sample.reports,
        members,
      },
      changes,
    };
  }

  private comings({ at, reports }: Sample): readonly Change[] {
    const changes: Change[] = [];
    for (const { status } of reports) {
      const isUp = status.role !== 'unreachable';
      const wasUp = this.isUp.get(status.address);
      this.isUp.set(status.address, isUp);
      // A member that is there from the start is no news.
      if (isUp === (wasUp ?? true)) continue;
      changes.push({ kind: isUp ? 'up' : 'down', at, name: status.name ?? status.address });
    }
    return changes;
  }

  private leaderChanges({ at, atMs, reports }: Sample): readonly Change[] {
    const found = leaderAmong(reports);
    if (found === null) {
      const previous = this.leader;
      const isNews = previous !== null || this.last === null;
      this.leader = this.since = this.term = null;
      return isNews ? [{ kind: 'no-leader', at, previous }] : [];
    }
    const name = found.name ?? found.address;
    const isNews = name !== this.leader || found.term !== this.term;
    const withoutMs = this.ledAtMs === null ? null : atMs - this.ledAtMs;
    this.ledAtMs = atMs;
    if (!isNews) return [];
    this.leader = name;
    this.term = found.term;
    this.since = this.last === null ? null : at;
    return [{ kind: 'leader', at, name, term: found.term, withoutMs }];
  }

  private membersOf({ atMs, reports }: Sample): readonly MonitoredMember[] {
    const lagOf = lagBehind(reports);
    return reports.map(({ status, facts }) => ({
      name: status.name,
      address: status.address,
      role: status.role,
      term: status.term,
      commitIndex: status.commitIndex,
      lastApplied: status.lastApplied,
      lastIndex: status.lastIndex,
      lag: lagOf(status),
      entriesPerSecond: this.rateOf(status.address, status.commitIndex, atMs),
      clients: facts?.clients ?? null,
      memoryBytes: facts?.memoryBytes ?? null,
    }));
  }

  private rateOf(address: string, commitIndex: number | null, atMs: number): number | null {
    const before = this.last?.reports.find(({ status }) => status.address === address);
    const from = before?.status.commitIndex ?? null;
    if (from === null || commitIndex === null || this.last === null) return null;
    // A node that has just been started knows of less than it did before.
    const entries = Math.max(0, commitIndex - from);
    return Math.round((1000 * entries) / Math.max(1, atMs - this.last.atMs));
  }
}
