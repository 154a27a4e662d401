import { assert } from '../../base/assert.ts';
import type { Entry } from '../../base/entry.ts';
import { type Index, index, type Term } from '../../base/ids.ts';
import type { HardState, Persist } from '../../base/persist.ts';
import type { LogPoint, SnapshotInfo } from '../../base/snapshot.ts';
import type { TermRun } from '../../base/term-runs.ts';

/** A log on disk: the entries behind its base, which a snapshot covers. */
export interface DurableLog {
  base: LogPoint;
  entries: Entry[];
}

/** What a crash would leave: the judge of everything that was promised. */
export interface DurableImage extends DurableLog {
  hardState: HardState;
  commitIndex: Index;
  /** The files there are, the newest last. */
  snapshots: SnapshotInfo[];
}

export function lastIndexOf({ base, entries }: DurableLog): Index {
  return index(base.index + entries.length);
}

/** Null for what the log does not hold, or holds no longer. */
export function termIn({ base, entries }: DurableLog, at: number): Term | null {
  if (at === base.index) return base.term;
  return entries[at - base.index - 1]?.term ?? null;
}

export function termRunsOf({ base, entries }: DurableLog): TermRun[] {
  const runs: TermRun[] = [];
  let last = base.term;
  for (const entry of entries) {
    if (entry.term !== last) runs.push({ term: entry.term, from: entry.index });
    last = entry.term;
  }
  return runs;
}

/** The log begins behind an entry of it from now on. */
export function cutFront(log: DurableLog, to: Index): void {
  const term = termIn(log, to);
  assert(term !== null, () => `a log up to ${lastIndexOf(log)} can't be cut up to ${to}`);
  log.entries.splice(0, to - log.base.index);
  log.base = { index: to, term };
}

/** Writes to the image what a host's disk does, in the order that `Persist` promises. */
export function applyPersist(image: DurableImage, persist: Persist): void {
  if (persist.hardState !== null) image.hardState = persist.hardState;
  if (persist.reset !== null) {
    rename(image, persist.reset);
    beginBehind(image, persist.reset);
  }
  if (persist.truncateFrom !== 0)
    image.entries.length = persist.truncateFrom - 1 - image.base.index;
  for (const entry of persist.entries) {
    assert(
      entry.index === lastIndexOf(image) + 1,
      () => `entry ${entry.index} does not follow the durable log, up to ${lastIndexOf(image)}`,
    );
    image.entries.push(entry);
  }
  assert(
    persist.commitIndex <= lastIndexOf(image),
    () => `the commit hint ${persist.commitIndex} is beyond the durable log`,
  );
  image.commitIndex = persist.commitIndex;
}

/** The first step of a reset: the file that was received has the name of a snapshot. */
export function rename(image: DurableImage, snapshot: SnapshotInfo): void {
  image.snapshots.push(snapshot);
}

/** The second: the log is empty, and begins behind it; and the third: older snapshots are gone. */
function beginBehind(image: DurableImage, snapshot: SnapshotInfo): void {
  image.base = { index: snapshot.index, term: snapshot.term };
  image.entries = [];
  image.snapshots = [snapshot];
}

/**
 * What a start does before the core's. A snapshot is published only when the log is durable up to its
 * index. So one whose last entry the log lacks was renamed by a reset that a crash interrupted (or
 * the log has rotted): the reset is finished.
 */
export function recover(image: DurableImage): void {
  const newest = image.snapshots.at(-1);
  if (newest === undefined) return;
  if (termIn(image, newest.index) !== newest.term) beginBehind(image, newest);
  image.commitIndex = index(Math.max(image.commitIndex, newest.index));
}
