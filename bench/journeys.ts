import type { Moment, Note } from './journey-probe.ts';

/** The way of one write through a cluster of three, in microseconds since it came to the leader. */
export interface Journey {
  /** On the leader: the first entry left for a follower, and the last. */
  readonly sent: number;
  readonly sentAll: number;
  /** Its own write to the log, and the sync behind it. */
  readonly written: Span;
  readonly synced: Span;
  /** The two followers, that which acknowledged first in front. */
  readonly followers: readonly [FollowerJourney, FollowerJourney];
  /** The acknowledgements came, in their order. */
  readonly heard: readonly [number, number];
  /** The reply left. */
  readonly replied: number;
}

export interface FollowerJourney {
  /** What the leader sent to it left there. */
  readonly sent: number;
  readonly heard: number;
  readonly written: Span;
  readonly synced: Span;
  readonly acknowledged: number;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What one node has noted, and at which ports it listens. */
export interface NodeNotes {
  readonly clientPort: number;
  readonly peerPort: number;
  readonly notes: readonly Note[];
}

/** Moments of one kind, in order, each found at most once from the front. */
class Moments {
  private readonly times: readonly number[];
  private at = 0;

  constructor(notes: readonly Note[], moment: Moment, port: number) {
    this.times = notes.filter((n) => n.moment === moment && n.port === port).map(({ us }) => us);
  }

  /** All within the span. */
  within({ from, to }: Span): readonly number[] {
    while (this.at < this.times.length && this.times[this.at]! < from) this.at++;
    let end = this.at;
    while (end < this.times.length && this.times[end]! < to) end++;
    return this.times.slice(this.at, end);
  }
}

const momentsOf = ({ clientPort, peerPort, notes }: NodeNotes) => ({
  asked: new Moments(notes, 'came', clientPort),
  replied: new Moments(notes, 'left', clientPort),
  heard: new Moments(notes, 'came', peerPort),
  write: new Moments(notes, 'write', 0),
  written: new Moments(notes, 'written', 0),
  sync: new Moments(notes, 'sync', 0),
  synced: new Moments(notes, 'synced', 0),
});

/**
 * Tells writes apart that came one at a time, and follows each. One during which anything else
 * happened, as a heartbeat or a roll of the log, is left out.
 */
export function journeysOf(
  leader: NodeNotes,
  followers: readonly [NodeNotes, NodeNotes],
): readonly Journey[] {
  const starts = leader.notes
    .filter(({ moment, port }) => moment === 'came' && port === leader.clientPort)
    .map(({ us }) => us);
  const here = momentsOf(leader);
  const there = followers.map((follower) => ({
    ...momentsOf(follower),
    sent: new Moments(leader.notes, 'left', follower.peerPort),
    acknowledged: new Moments(follower.notes, 'left', leader.peerPort),
  }));
  const journeys: Journey[] = [];
  for (const [i, from] of starts.entries()) {
    const span = { from, to: starts[i + 1] ?? Number.POSITIVE_INFINITY };
    const arrivals = there.map((one) => followerJourney(one, span));
    const own = ownJourney(here, span);
    if (own === null || arrivals.includes(null)) continue;
    const [first, second] = (arrivals as FollowerJourney[]).toSorted(
      (a, b) => a.acknowledged - b.acknowledged,
    );
    const sent = [first!.sent, second!.sent];
    journeys.push(
      relative(from, {
        ...own,
        sent: Math.min(...sent),
        sentAll: Math.max(...sent),
        followers: [first!, second!],
      }),
    );
  }
  return journeys;
}

type HereMoments = ReturnType<typeof momentsOf>;
type ThereMoments = HereMoments & { readonly sent: Moments; readonly acknowledged: Moments };

function ownJourney(here: HereMoments, span: Span) {
  const written = onlySpan(here.write, here.written, span);
  const synced = onlySpan(here.sync, here.synced, span);
  const [replied, ...more] = here.replied.within(span);
  const heard = here.heard.within(span);
  if (written === null || synced === null || replied === undefined) return null;
  if (more.length > 0 || heard.length !== 2) return null;
  return { written, synced, replied, heard: [heard[0]!, heard[1]!] as const };
}

function followerJourney(there: ThereMoments, span: Span): FollowerJourney | null {
  const [sent, heard, acknowledged] = [there.sent, there.heard, there.acknowledged].map(
    (moments) => {
      const times = moments.within(span);
      return times.length === 1 ? times[0]! : null;
    },
  );
  const written = onlySpan(there.write, there.written, span);
  const synced = onlySpan(there.sync, there.synced, span);
  if (sent == null || heard == null || acknowledged == null) return null;
  if (written === null || synced === null) return null;
  return { sent, heard, written, synced, acknowledged };
}

/** What began once and ended once. */
function onlySpan(begins: Moments, ends: Moments, within: Span): Span | null {
  const [from, to] = [begins.within(within), ends.within(within)];
  return from.length === 1 && to.length === 1 ? { from: from[0]!, to: to[0]! } : null;
}

/** Counts all times from `start`. */
function relative(start: number, journey: Journey): Journey {
  const moved = (value: unknown): unknown => {
    if (typeof value === 'number') return value - start;
    if (Array.isArray(value)) return value.map(moved);
    const fields = Object.entries(value as object).map(([name, field]) => [name, moved(field)]);
    return Object.fromEntries(fields);
  };
  return moved(journey) as Journey;
}
