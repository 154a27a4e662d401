import type { Index } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { BATCH_HEADER_BYTES } from '../../storage/batch.ts';
import { SECTOR_BYTES } from '../../storage/sectors.ts';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  SPARE_NAME,
  segmentIdOf,
  segmentName,
} from '../../storage/segment.ts';
import { isSnapshotLeftover, snapshotIndexOf, snapshotName } from '../../storage/snapshot-file.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

const SAMPLE_MS = 250;
/** Times what makes a snapshot due: there the latest node begins, each having drawn its own. */
const SPREAD_MOST = 1.25;
/** What was sent to a follower so long before is not kept for it any more, for certain: a leader asks
 *  with every heartbeat, and is paused for some seconds at the most. */
const SENDING_MS = 10_000;
/** A snapshot for which there was no room is tried again by then, on a slow clock too. */
const FULL_MS = 12_000;
/** Files go, and snapshots are made, in step with what else the disk does, be it slow or hanging: so
 *  much of it may come first, … */
const OPERATIONS = 400;
/** … and so much more for each file that has to go: one at a time, each with a sync. */
const OPERATIONS_PER_FILE = 20;
/** At peace there is nothing else that a disk does. */
const PEACE_MS = 2000;

/** Something that may be so for a while only. */
interface Watch {
  readonly what: string;
  readonly sinceMs: number;
  readonly sinceOperation: number;
}

/** What the judge knows of a node. */
class Household {
  readonly node: SimNode;
  sampledMs = 0;
  /** The snapshot that the log was cut behind last, in this run; 0: there was no cut yet. */
  cutIndex = 0;
  /** Snapshots that were being sent when the newest was taken: they stay, and the log behind them. */
  pins: readonly number[] = [];
  /** When a piece of a snapshot was last sent, by its index. */
  readonly sentMs = new Map<number, number>();
  /** Snapshots that are still to be taken before it is known again which two are good. */
  doubts = 0;
  /** Entries were cut off, and the record of it is not durable yet. */
  isCutting = false;
  /** Behind this segment nothing was ever cut off. */
  uncutFrom = 0;
  fullUntilMs = 0;
  largestSnapshot = 0;
  /** Of each segment, the entry that it goes on from. A start that finds rot drops some, and gives
   *  their numbers again. */
  readonly bases = new Map<number, number>();
  needless: Watch | null = null;
  overdue: Watch | null = null;

  constructor(node: SimNode) {
    this.node = node;
  }

  /** Another run of the process. */
  startAnew(): void {
    this.cutIndex = 0;
    this.pins = [];
    this.sentMs.clear();
    this.bases.clear();
    this.needless = null;
    this.overdue = null;
  }
}

/** A segment of the log, and the entry that it goes on from. */
interface Segment {
  readonly id: number;
  readonly bytes: number;
  readonly base: number;
}

/**
 * L8, of the disk: a directory holds what docs/snapshots.md allows, and nothing else. That is a
 * bound, for what is allowed has one, however much was ever written:
 *
 * - of the snapshots two, those that are being sent, and what is in the making;
 * - of the log what lies behind the older of the two (or behind what is being sent), by whole
 *   segments. Of that, what lies behind the newest may reach 1.25 times what makes a snapshot due,
 *   and then one is taken: so what lies between the two has the same bound, because it lay behind
 *   the newest when the next one was begun;
 * - a spare segment.
 *
 * What takes a disk its time may be late: as much as the disk does meanwhile is the measure, so one
 * that hangs has all the time it needs. What else may come late is known from outside: a crash
 * between a snapshot and the cut behind it leaves the cut to the next snapshot; a full disk has no
 * room for one; entries that a later leader cut off still take their place; a bad snapshot is none
 * of the two.
 */
export class DiskSpaceJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly households = new Map<SimNode, Household>();
  private isHealed = false;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(node: SimNode): void {
    this.of(node).startAnew();
  }

  override damaged(node: SimNode): void {
    this.of(node).doubts = 2;
  }

  override healed(core: readonly SimNode[]): void {
    this.isHealed = core.length > 0;
  }

  override sent(node: SimNode, message: Message): void {
    if (message.kind !== 'InstallSnapshot') return;
    this.of(node).sentMs.set(message.snapshot.index, this.chronicle.world.nowMs);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind === 'truncate') this.of(node).isCutting = true;
  }

  override snapshotTaken(node: SimNode, info: SnapshotInfo): void {
    const household = this.of(node);
    const { nowMs } = this.chronicle.world;
    const pins: number[] = [];
    for (const [index, sentMs] of household.sentMs) {
      if (sentMs >= nowMs - SENDING_MS) pins.push(index);
      else household.sentMs.delete(index);
    }
    household.pins = pins;
    const others = snapshotsIn(node.disk.sizes).filter((index) => index < info.index);
    household.cutIndex = Math.min(others.at(-1) ?? 0, ...pins);
    if (household.doubts > 0) household.doubts--;
  }

  /** The log has begun anew, and goes on from here. */
  override snapshotInstalled(node: SimNode): void {
    const household = this.of(node);
    household.cutIndex = 0;
    household.pins = [];
  }

  override stepped(node: SimNode): void {
    const household = this.of(node);
    const { nowMs } = this.chronicle.world;
    if (nowMs < household.sampledMs + SAMPLE_MS) return;
    household.sampledMs = nowMs;
    this.sample(household);
  }

  override ended(): void {
    if (!this.isHealed) return;
    for (const household of this.households.values()) {
      if (!household.node.isUp) continue;
      this.sample(household);
      for (const watch of [household.needless, household.overdue]) {
        if (watch === null) continue;
        const lastedMs = this.chronicle.world.nowMs - watch.sinceMs;
        if (lastedMs > PEACE_MS) this.complain(household, watch, `${lastedMs.toFixed(0)} ms`);
      }
    }
  }

  private of(node: SimNode): Household {
    let household = this.households.get(node);
    if (household === undefined) {
      household = new Household(node);
      this.households.set(node, household);
    }
    return household;
  }

  private sample(household: Household): void {
    const { node } = household;
    const { nowMs } = this.chronicle.world;
    if (!node.isUp || node.damage.lost) return;
    const { disk } = node;
    if (disk.faults !== null) household.doubts = 2;
    if (disk.capacityBytes < Number.POSITIVE_INFINITY) household.fullUntilMs = nowMs + FULL_MS;
    const { sizes } = disk;
    for (const name of sizes.keys()) {
      if (!isKnown(name)) throw new Violation('L8', `${node.name} keeps ${name}, which is nothing`);
    }
    const segments = this.segmentsOf(household, sizes);
    this.noteCuts(household, segments);
    const needless = needlessOf(household, sizes, segments);
    // The first of them: others may come to be needless all the time.
    const what = needless.length === 0 ? null : `still has ${needless[0]}, which nothing needs`;
    household.needless = this.watched(household, household.needless, what, needless.length);
    const due = this.dueOf(household, sizes, segments);
    household.overdue = this.watched(household, household.overdue, due, 0);
  }

  private segmentsOf(household: Household, sizes: ReadonlyMap<string, number>): Segment[] {
    const { node, bases } = household;
    const segments: Segment[] = [];
    for (const [name, bytes] of sizes) {
      const id = segmentIdOf(name);
      if (id === 0) continue;
      let base = bases.get(id);
      if (base === undefined) {
        const header = decodeSegmentHeader(node.disk.durableFile(name) ?? new Uint8Array());
        // Its name is not durable yet, or it is damaged.
        if (typeof header === 'string') continue;
        base = header.lastIndex;
        bases.set(id, base);
      }
      segments.push({ id, bytes, base });
    }
    return segments.sort((a, b) => a.id - b.id);
  }

  /** The record of a cut is durable once the log on disk is a beginning of the log in memory. */
  private noteCuts(household: Household, segments: readonly Segment[]): void {
    if (!household.isCutting) return;
    const { image, log } = this.chronicle.of(household.node);
    if (!image.log.sharesPrefix(log, image.log.lastIndex)) return;
    household.isCutting = false;
    household.uncutFrom = (segments.at(-1)?.id ?? 0) + 1;
  }

  /** What of the log lies behind the newest snapshot, if that is so much that another is due. */
  private dueOf(
    household: Household,
    sizes: ReadonlyMap<string, number>,
    segments: readonly Segment[],
  ): string | null {
    const { node, doubts, isCutting, uncutFrom, fullUntilMs } = household;
    const { limits, nowMs } = this.chronicle.world;
    const newest = snapshotsIn(sizes).at(-1) ?? 0;
    const bytes = sizes.get(snapshotName(newest as Index)) ?? 0;
    if (bytes > household.largestSnapshot) household.largestSnapshot = bytes;
    if (doubts > 0 || isCutting || nowMs < fullUntilMs) return null;
    // What has not been applied yet, a snapshot could not cover.
    const lastApplied = node.machine?.lastApplied ?? 0;
    const behind = segments.filter(({ id, base }, at) => {
      const end = segments[at + 1]?.base ?? Number.POSITIVE_INFINITY;
      return id >= uncutFrom && base >= newest && end <= lastApplied;
    });
    const least = behind.reduce((sum, segment) => sum + leastIn(segment, limits), 0);
    const { snapshotLogBytesMin, snapshotLogFactor } = limits;
    const most =
      SPREAD_MOST * Math.max(snapshotLogBytesMin, snapshotLogFactor * household.largestSnapshot);
    if (least <= most) return null;
    return `has had a snapshot due since there were ${most} bytes of log behind entry ${newest}`;
  }

  /** @param what another text is another thing, and begins anew; null: all is well. */
  private watched(
    household: Household,
    watch: Watch | null,
    what: string | null,
    files: number,
  ): Watch | null {
    if (what === null) return null;
    const { operations } = household.node.disk;
    if (watch?.what !== what) {
      const { nowMs } = this.chronicle.world;
      return { what, sinceMs: nowMs, sinceOperation: operations };
    }
    const passed = operations - watch.sinceOperation;
    if (passed > OPERATIONS + OPERATIONS_PER_FILE * files) {
      this.complain(household, watch, `${passed} operations of its disk`);
    }
    return watch;
  }

  private complain({ node }: Household, { what }: Watch, howLong: string): never {
    const bytes = node.disk.usedBytes;
    throw new Violation('L8', `${node.name} ${what}, for ${howLong}; it has ${bytes} bytes in all`);
  }
}

/** What could go, and is there. */
function needlessOf(
  { pins, doubts, cutIndex, isCutting, uncutFrom }: Household,
  sizes: ReadonlyMap<string, number>,
  segments: readonly Segment[],
): readonly string[] {
  if (doubts > 0) return [];
  const snapshots = snapshotsIn(sizes).slice(0, -2);
  const needless = snapshots.filter((index) => !pins.includes(index));
  const names = needless.map((index) => snapshotName(index as Index));
  if (cutIndex === 0 || isCutting) return names;
  // The log may begin with any segment that goes on from there, and behind which nothing was cut off
  // that lies before it. One that goes on from the same entry holds none.
  const first = segments.findLast(({ id, base }) => id >= uncutFrom && base <= cutIndex);
  const before = segments.filter(({ base }) => first !== undefined && base < first.base);
  return [...names, ...before.map(({ id }) => segmentName(id))];
}

/** The batches of a segment that the log has left: it would not leave it while the next record fits. */
function leastIn({ bytes }: Segment, { entryBytesMax }: Limits): number {
  const unused = entryBytesMax + BATCH_HEADER_BYTES + SECTOR_BYTES;
  return Math.max(0, bytes - SEGMENT_HEADER_BYTES - unused);
}

/** Their indexes, ascending. */
function snapshotsIn(sizes: ReadonlyMap<string, number>): readonly number[] {
  const indexes = [...sizes.keys()].map(snapshotIndexOf).filter((index) => index > 0);
  return indexes.sort((a, b) => a - b);
}

function isKnown(name: string): boolean {
  return (
    segmentIdOf(name) > 0 ||
    snapshotIndexOf(name) > 0 ||
    isSnapshotLeftover(name) ||
    name === SPARE_NAME ||
    /^state\.[01]$/.test(name) ||
    name.startsWith('rot-')
  );
}
