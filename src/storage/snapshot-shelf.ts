import type { Disk } from './disk.ts';
import { Evidence } from './evidence.ts';
import type { LogOutline } from './log-outline.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { isSnapshotLeftover, snapshotIndexOf, snapshotName } from './snapshot-file.ts';
import { peekSnapshotSync, type ReadSnapshotFile, readSnapshotSync } from './snapshot-reader.ts';
import type { OnBlock } from './snapshot-verifier.ts';

/** A snapshot's file that is not what was written. */
export interface DamagedSnapshot {
  readonly file: string;
  readonly what: string;
}

/** The snapshots that a start finds. */
export interface SnapshotShelf {
  /** The oldest first. Of the newest every byte was verified, of the others header and footer. */
  readonly good: readonly ReadSnapshotFile[];
  readonly damaged: readonly DamagedSnapshot[];
}

/**
 * How a log and the newest good snapshot fit together.
 *
 * - `covered`: the log has the snapshot's last entry, or goes on from it; or there is no snapshot, and
 *   the log begins at its beginning
 * - `unfinished`: the log has not got so far, or is another one there. Since a node's own snapshot gets
 *   its name only when the log is durable up to it, a crash has come between the steps of an install;
 *   or what the log lacks was cut off as rot
 * - `gap`: the log goes on from entries that no good snapshot holds
 */
export type Fit = 'covered' | 'unfinished' | 'gap';

export function fitOf(log: LogOutline, { good }: SnapshotShelf): Fit {
  const newest = good.at(-1)?.snapshot;
  if (newest === undefined) return log.base.index === 0 ? 'covered' : 'gap';
  if (log.has(newest)) return 'covered';
  return newest.index > log.base.index ? 'unfinished' : 'gap';
}

/** Takes what the newest good snapshot holds, as it is verified: so nobody has to read it twice. */
export interface SnapshotSink {
  /** One is read from its beginning; what was taken of another is nothing. */
  begin(): OnBlock;
}

/** Looks at all snapshots. Changes nothing. @throws DiskError */
export function readShelf(disk: Disk, sink: SnapshotSink | null = null): SnapshotShelf | Refusal {
  const files = disk.list().filter((name) => snapshotIndexOf(name) > 0);
  const good: ReadSnapshotFile[] = [];
  const damaged: DamagedSnapshot[] = [];
  for (const file of files.reverse()) {
    const read =
      good.length === 0
        ? readSnapshotSync(disk, file, sink?.begin())
        : peekSnapshotSync(disk, file);
    if (typeof read === 'string') damaged.push({ file, what: read });
    else if ('unknownVersion' in read) {
      return refusal('version', file, 0, 'the snapshot has a format version unknown here');
    } else if (read.snapshot.index === snapshotIndexOf(file)) good.unshift(read);
    else damaged.push({ file, what: `it is the snapshot at ${read.snapshot.index}` });
  }
  return { good, damaged };
}

/** Makes what was found durable again, bytes and names: it may only have been read from the page
 *  cache. What this program has named it has synced before; but a hand may have put a file there.
 *  @throws DiskError */
export function syncShelf(disk: Disk, { good }: SnapshotShelf): void {
  for (const { snapshot } of good) {
    const file = disk.open(snapshotName(snapshot.index));
    file.syncSync();
    file.close();
  }
  if (good.length > 0) disk.syncDirectorySync();
}

/** What a start leaves of the shelf. */
export interface SettledShelf {
  /** The oldest first: those that the log fits to, two at most. */
  readonly good: readonly ReadSnapshotFile[];
  /** The names under which the damaged ones are kept. */
  readonly kept: readonly string[];
}

/**
 * Puts the shelf in order, once the log fits to its newest snapshot: damaged ones are kept under
 * another name, older ones that the log does not fit to and what was never finished are removed.
 * @param incident as in Evidence.
 * @throws DiskError
 */
export function settleShelf(
  disk: Disk,
  shelf: SnapshotShelf,
  log: LogOutline,
  incident: number,
): SettledShelf | Refusal {
  const good = shelf.good.filter(({ snapshot }) => log.has(snapshot)).slice(-2);
  let kept: readonly string[] = [];
  if (shelf.damaged.length > 0) {
    const evidence = Evidence.begin(disk, incident);
    if (isRefusal(evidence)) return evidence;
    for (const { file } of shelf.damaged) evidence.moveAside(file);
    disk.syncDirectorySync();
    kept = evidence.kept;
  }
  const stay = new Set(good.map(({ snapshot }) => snapshotName(snapshot.index)));
  const gone = disk
    .list()
    .filter((name) => isSnapshotLeftover(name) || (snapshotIndexOf(name) > 0 && !stay.has(name)));
  for (const name of gone) disk.remove(name);
  if (gone.length > 0) disk.syncDirectorySync();
  return { good, kept };
}
