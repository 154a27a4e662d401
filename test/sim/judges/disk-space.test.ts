import { describe, test } from 'node:test';
import { index, term } from '../../../src/base/ids.ts';
import { defaultLimits } from '../../../src/base/limits.ts';
import { DiskSpaceJudge } from '../../../src/sim/judges/disk-space.ts';
import { encodeSegmentHeader, segmentName } from '../../../src/storage/segment.ts';
import { snapshotName } from '../../../src/storage/snapshot-file.ts';
import { catches, infoOf, Stage } from './stage.ts';

const { segmentBytes, snapshotLogBytesMin } = defaultLimits;
const SNAPSHOT_BYTES = 1000;
/** Enough for a snapshot to be due at the latest, and the last of them, which may be empty. */
const DUE_SEGMENTS = Math.ceil((1.4 * snapshotLogBytesMin) / (segmentBytes - 4 * 1024 * 1024)) + 1;

/** Node 1, alone, with files that are moved by hand. */
class Keeper {
  readonly stage = new Stage(1, (chronicle) => new DiskSpaceJudge(chronicle));
  readonly sizes = new Map([
    ['state.0', 4096],
    ['state.1', 4096],
    ['wal-next', segmentBytes],
  ]);
  private readonly headers = new Map<string, Uint8Array>();
  readonly disk = {
    sizes: this.sizes,
    operations: 0,
    faults: null,
    capacityBytes: Number.POSITIVE_INFINITY,
    usedBytes: 1,
    durableFile: (name: string) => this.headers.get(name) ?? null,
  };

  constructor() {
    this.stage.beginTerm();
    Object.assign(this.stage.actor(1), { disk: this.disk, machine: { lastApplied: index(1000) } });
  }

  /** A segment that goes on from this entry. */
  segment(segmentId: number, base: number): void {
    const header = {
      segmentId,
      directoryId: new Uint8Array(16),
      segmentBytes,
      firstSequence: 1,
      previousCrc: 0,
      lastIndex: index(base),
      lastTerm: term(1),
    };
    this.sizes.set(segmentName(segmentId), segmentBytes);
    this.headers.set(segmentName(segmentId), encodeSegmentHeader(header));
  }

  take(at: number): void {
    this.sizes.set(snapshotName(index(at)), SNAPSHOT_BYTES);
    this.stage.takeSnapshot(1, at);
  }

  remove(...names: readonly string[]): void {
    for (const name of names) this.sizes.delete(name);
  }

  /** Time passes, and the disk is at work. */
  work(operations = 1000): void {
    for (let done = 0; done < operations; done += 20) {
      this.disk.operations += Math.min(20, operations);
      this.stage.nowMs += 300;
      this.stage.step(1);
    }
  }

  idle(ms: number): void {
    for (let passed = 0; passed < ms; passed += 300) {
      this.stage.nowMs += 300;
      this.stage.step(1);
    }
  }

  /** Two snapshots, and a log that begins with the older one's last segment. */
  static orderly(): Keeper {
    const keeper = new Keeper();
    for (const [id, base] of [
      [3, 90],
      [4, 110],
      [5, 190],
    ] as const)
      keeper.segment(id, base);
    keeper.take(100);
    keeper.take(200);
    keeper.work();
    return keeper;
  }
}

describe('L8: what a directory may hold', () => {
  test('two snapshots, the log behind the older one, and a spare segment', () => {
    const keeper = Keeper.orderly();
    keeper.work(5000);
    keeper.stage.heal();
    keeper.idle(5000);
    keeper.stage.end();
  });

  test('a third snapshot, for a while: as long as the disk needs', () => {
    const keeper = Keeper.orderly();
    keeper.take(300);
    keeper.remove(segmentName(3), segmentName(4));
    keeper.work(300);
    keeper.idle(60_000);
    keeper.remove(snapshotName(index(100)));
    keeper.work();
  });

  test('not for ever, though others come and go', () => {
    const keeper = Keeper.orderly();
    keeper.remove(segmentName(3));
    catches(
      'L8',
      () => {
        for (let at = 300; at < 10_000; at += 100) {
          keeper.take(at);
          keeper.remove(segmentName(4), snapshotName(index(at - 200)));
          keeper.sizes.set(snapshotName(index(100)), SNAPSHOT_BYTES);
          keeper.work(40);
        }
      },
      /n1 still has snapshot-0{13}100, which nothing needs/,
    );
  });

  test('one that is being sent stays, and the log behind it', () => {
    const keeper = Keeper.orderly();
    for (let at = 300; at < 2000; at += 100) {
      keeper.stage.send(1, { kind: 'InstallSnapshot', snapshot: infoOf(100, 1) });
      keeper.take(at);
      if (at > 300) keeper.remove(snapshotName(index(at - 200)));
      keeper.work(100);
    }
  });

  test('a log that is not cut', () => {
    const keeper = Keeper.orderly();
    keeper.segment(6, 280);
    keeper.take(300);
    keeper.remove(snapshotName(index(100)));
    catches(
      'L8',
      () => keeper.work(),
      /still has wal-0{9}3, which nothing needs, for \d+ operations/,
    );
  });

  test('after a crash between snapshot and cut it waits for the next snapshot', () => {
    const keeper = Keeper.orderly();
    keeper.segment(6, 280);
    keeper.take(300);
    keeper.remove(snapshotName(index(100)));
    keeper.stage.stop(1);
    keeper.stage.start(1);
    keeper.work();
    keeper.take(400);
    keeper.remove(snapshotName(index(200)));
    catches('L8', () => keeper.work(), /wal-0{9}3/);
  });

  test('a start that found rot gives the numbers of segments again, to others', () => {
    const keeper = Keeper.orderly();
    keeper.stage.stop(1);
    // Number 5, which went on from entry 190, is gone, and given again.
    keeper.segment(5, 260);
    keeper.stage.start(1);
    keeper.work();
    keeper.segment(6, 290);
    keeper.take(300);
    keeper.remove(snapshotName(index(100)), segmentName(3));
    keeper.work();
  });

  test('an entry that was cut off, until it is known on the disk that it is', () => {
    const keeper = Keeper.orderly();
    keeper.stage.append(1, 1, 1);
    keeper.stage.sync(1);
    keeper.stage.truncate(1, 2);
    keeper.segment(6, 280);
    keeper.take(300);
    keeper.remove(snapshotName(index(100)));
    keeper.work(5000);
    keeper.stage.sync(1);
    // The record of it may be in any segment so far: the log has to begin before it.
    keeper.work(5000);
    keeper.segment(7, 290);
    keeper.take(400);
    keeper.remove(snapshotName(index(200)));
    catches('L8', () => keeper.work(), /wal-0{9}3/);
  });

  test('a snapshot that is due', () => {
    const keeper = Keeper.orderly();
    for (let i = 0; i < DUE_SEGMENTS; i++) keeper.segment(6 + i, 210 + i);
    catches('L8', () => keeper.work(), /a snapshot due since .* behind entry 200/);
  });

  test('not where there is no room for it, nor for entries that are not applied', () => {
    const keeper = Keeper.orderly();
    for (let i = 0; i < DUE_SEGMENTS; i++) keeper.segment(6 + i, 210 + i);
    keeper.disk.capacityBytes = 1;
    keeper.work(5000);
    keeper.disk.capacityBytes = Number.POSITIVE_INFINITY;
    for (const applied of [200, 201, 209 + DUE_SEGMENTS - 2]) {
      Object.assign(keeper.stage.actor(1), { machine: { lastApplied: index(applied) } });
      keeper.work(5000);
    }
    const applied = index(209 + DUE_SEGMENTS);
    Object.assign(keeper.stage.actor(1), { machine: { lastApplied: applied } });
    catches('L8', () => keeper.work(5000), /due/);
  });

  test('a file that is nothing', () => {
    const keeper = Keeper.orderly();
    keeper.sizes.set('wal-next-2', 1);
    catches('L8', () => keeper.work(), /keeps wal-next-2/);
  });

  test('at peace, a disk that does nothing else has no excuse', () => {
    const keeper = Keeper.orderly();
    keeper.segment(6, 280);
    keeper.take(300);
    keeper.remove(snapshotName(index(100)));
    keeper.idle(60_000);
    keeper.stage.heal();
    catches('L8', () => keeper.stage.end(), /wal-0{9}3, which nothing needs, for \d+ ms/);
  });

  test('a bad snapshot is none of the two', () => {
    const keeper = Keeper.orderly();
    keeper.stage.rot(1);
    keeper.take(300);
    keeper.work(5000);
    keeper.remove(snapshotName(index(200)));
    keeper.take(400);
    catches('L8', () => keeper.work(5000), /snapshot-0{13}100/);
  });
});
