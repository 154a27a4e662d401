import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { writeU32 } from '../../src/base/bytes.ts';
import { index } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { native } from '../../src/base/native.ts';
import type { Persist } from '../../src/base/persist.ts';
import { describeDamage } from '../../src/storage/damage.ts';
import type { Rot } from '../../src/storage/found-log.ts';
import { isZero } from '../../src/storage/sectors.ts';
import { Storage } from '../../src/storage/storage.ts';
import {
  create,
  directory,
  emptyWorld,
  entries,
  entry,
  logOf,
  open,
  Run,
  readLog,
  refused,
  suspected,
  vote,
  type World,
  worldOf,
} from './world.ts';

/**
 * A small log is damaged in every way there is a sentence about, and for each the sentence says what
 * a start must do. Never: a log that is silently shorter than what is proven to have been synced,
 * or an entry that nobody wrote.
 */

const limits = { ...defaultLimits, segmentBytes: 7 * 1024, batchBytesMax: 4 * 1024 };
const SEGMENT = 'wal-0000000001';
type Image = ReadonlyMap<string, Uint8Array>;

/** Four batches: small entries; entries of several sectors; a cut; an entry of many zeros. */
const batches: Partial<Persist>[] = [
  { entries: entries(1, 3, 1) },
  { entries: entries(4, 5, 1, 800), commitIndex: index(2) },
  { truncateFrom: index(5), entries: entries(5, 6, 2) },
  { entries: [entry(7, 2, zerosWithin(2200)), entry(8, 2, 'the last')] },
];
/** The log before each batch, and at last after all of them. */
const logs: string[][] = [
  [],
  logOf(entries(1, 3, 1)),
  logOf([...entries(1, 3, 1), ...entries(4, 5, 1, 800)]),
  logOf([...entries(1, 3, 1), ...entries(4, 4, 1, 800), ...entries(5, 6, 2)]),
  logOf([
    ...entries(1, 3, 1),
    ...entries(4, 4, 1, 800),
    ...entries(5, 6, 2),
    entry(7, 2, zerosWithin(2200)),
    entry(8, 2, 'the last'),
  ]),
];
/** Where each batch ends: a batch never ends in the middle of a sector. */
const ends: number[] = [];
/** As a kill leaves the directory: no mark behind the last batch. */
let killed: Image;
/** As a clean stop leaves it. */
let closed: Image;

function zerosWithin(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.fill(120, 0, 10);
  bytes.fill(121, length - 10);
  return bytes;
}

before(() => {
  const { disk, run } = create(limits);
  run.persistNow({ hardState: vote(3, 1) });
  ends.push(512);
  for (const batch of batches) {
    const before = run.storage.stats.bytes;
    run.persistNow(batch);
    ends.push(ends.at(-1)! + run.storage.stats.bytes - before);
  }
  killed = disk.image();
  assert.deepEqual(ends, [512, 1024, 3072, 3584, 6144]);
  run.close();
  closed = disk.image();
});

function damaged(image: Image, file: string, change: (bytes: Uint8Array) => Uint8Array): Image {
  const copy = new Map(image);
  copy.delete('wal-next');
  copy.set(file, change(copy.get(file)!.slice()));
  return copy;
}

/** Opens and reads the whole log back. Where something was cut off, a second start finds the same. */
function start(image: Image): string[] | 'suspect' {
  const world = worldOf(image);
  const { storage } = open(world, limits);
  assert.equal(storage.state.currentTerm, 3);
  assert.equal(storage.state.suspect, storage.recovered.rot !== null);
  if (storage.recovered.rot !== null) {
    // Many thousands of them differ in one byte: a look at every tenth is enough.
    if (suspects++ % 10 === 0) judgeSuspect(image, world, storage.recovered.rot);
    return 'suspect';
  }
  if (storage.recovered.tornBytes === 0) return readLog(new Run(storage, world.later));
  world.disk.kill();
  const again = open(world, limits);
  assert.equal(again.storage.recovered.tornBytes, 0, 'what was torn is gone');
  assert.deepEqual(again.storage.recovered.termRuns, storage.recovered.termRuns);
  return readLog(again);
}

let suspects = 0;

/** What it has cut off is kept, what it goes on with was written, and the next start knows all. */
function judgeSuspect(image: Image, world: World, rot: Rot): void {
  for (const name of rot.kept) {
    const same = Buffer.compare(world.disk.image().get(name)!, image.get(SEGMENT)!);
    assert.equal(same, 0, 'kept as it was found');
  }
  world.disk.kill();
  const again = open(world, limits);
  const { recovered, state } = again.storage;
  assert.deepEqual([state.suspect, recovered.rot, recovered.tornBytes], [true, null, 0]);
  assert.equal(recovered.lastIndex, rot.goodIndex);
  const log = readLog(again);
  assert.ok(
    logs.some((one) => one.join() === log.join()),
    `[${log}] was never the log`,
  );
}

test('every byte of the log flipped, one at a time', () => {
  for (const [image, marks] of [
    [killed, 0],
    [closed, 1],
  ] as const) {
    const end = ends.at(-1)! + marks * 512;
    for (let at = 0; at < limits.segmentBytes; at++) {
      // A start that finds rot has much to write, so the marked log is looked at in every fifth.
      if (marks === 1 && at % 5 !== 0) continue;
      for (const mask of marks === 0 ? [0x01 << (at % 8)] : [0xff]) {
        const flipped = damaged(image, SEGMENT, (bytes) => {
          bytes[at]! ^= mask;
          return bytes;
        });
        // Every byte of header, batches and padding is covered, and no crash flips one. Behind the
        // log, in the very next sector, a batch may have begun; further on, only a torn one.
        const expected = at < end + 512 ? 'suspect' : logs.at(-1);
        assert.deepEqual(start(flipped), expected, `byte ${at} ^ ${mask}`);
      }
    }
  }
});

test('the file of the log cut off at every length', () => {
  for (let length = 0; length <= limits.segmentBytes; length++) {
    const cut = damaged(killed, SEGMENT, (bytes) => bytes.slice(0, length));
    // One zero behind the last batch shows that no other began there. Right at its end, or before,
    // something may be missing.
    const expected = length > ends.at(-1)! ? logs.at(-1) : 'suspect';
    assert.deepEqual(start(cut), expected, `${length} bytes`);
  }
});

test('zeros from every offset on: what a write cut short leaves, and what it can never leave', () => {
  for (let from = 0; from < limits.segmentBytes; from++) {
    const zero = (bytes: Uint8Array) => bytes.fill(0, from);
    const original = killed.get(SEGMENT)!;
    // After a kill: every batch that was not touched is there, whatever becomes of the one that was.
    const log = start(damaged(killed, SEGMENT, zero));
    const whole = ends.findLastIndex((end) => isZero(original, Math.min(from, end), end));
    if (log !== 'suspect') assert.deepEqual(log, logs[whole], `zeros from ${from}`);
    if (isZero(original, from, original.length)) assert.deepEqual(log, logs.at(-1));
    // A crash cuts between two sectors.
    if (from >= 512 && from % 512 === 0) assert.notEqual(log, 'suspect', `zeros from ${from}`);
    // After a clean stop nothing can pass for torn: the hard state knows where the log ends.
    const stopped = isZero(closed.get(SEGMENT)!, from, limits.segmentBytes);
    const expected = stopped ? logs.at(-1) : 'suspect';
    assert.deepEqual(start(damaged(closed, SEGMENT, zero)), expected, `clean, zeros from ${from}`);
  }
});

test('any subset of the sectors of the last batch: a normal start', () => {
  const [from, to] = [ends.at(-2)!, ends.at(-1)!];
  const sectors = (to - from) / 512;
  const original = killed.get(SEGMENT)!;
  for (let subset = 0; subset < 2 ** sectors; subset++) {
    const torn = damaged(killed, SEGMENT, (bytes) => {
      for (let sector = 0; sector < sectors; sector++) {
        if ((subset & (1 << sector)) === 0)
          bytes.fill(0, from + sector * 512, from + sector * 512 + 512);
      }
      return bytes;
    });
    const isWhole = Buffer.compare(torn.get(SEGMENT)!, original) === 0;
    assert.deepEqual(start(torn), isWhole ? logs.at(-1) : logs.at(-2), `subset ${subset}`);
  }
});

test('a subset of the sectors of an earlier batch: rot, a later batch proves it', () => {
  const [from, to] = [ends[1]!, ends[2]!];
  for (let subset = 0; subset < 2 ** 4 - 1; subset++) {
    const rotten = damaged(killed, SEGMENT, (bytes) => {
      for (let at = from; at < to; at += 512) {
        if ((subset & (1 << ((at - from) / 512))) === 0) bytes.fill(0, at, at + 512);
      }
      return bytes;
    });
    const rot = suspected(worldOf(rotten), limits);
    assert.equal(rot.offset, from);
    assert.match(describeDamage(rot), /byte 1024.*good up to entry 3/);
  }
});

test('one slot of the hard state bad, in any byte, or missing: the other one serves', () => {
  for (const slot of ['state.0', 'state.1']) {
    for (let at = 0; at < 4096; at++) {
      const flipped = damaged(killed, slot, (bytes) => {
        bytes[at]! ^= 0x01;
        return bytes;
      });
      const world = worldOf(flipped);
      const { state } = open(world, limits).storage;
      assert.deepEqual([state.currentTerm, state.votedFor, state.incarnation], [3, 1, 2]);
      const [first, second] = ['state.0', 'state.1'].map((name) => world.disk.image().get(name));
      assert.deepEqual(first, second, 'both are good again');
    }
    const missing = new Map(killed);
    missing.delete(slot);
    assert.deepEqual(start(missing), logs.at(-1));
    for (const length of [0, 1, 512, 4095]) {
      const cut = damaged(killed, slot, (bytes) => bytes.slice(0, length));
      assert.deepEqual(start(cut), logs.at(-1));
    }
  }
});

test('no good slot: term and vote are lost, and the node must not start', () => {
  const flip = (bytes: Uint8Array) => bytes.fill(bytes[100]! ^ 1, 100, 101);
  const both = damaged(damaged(killed, 'state.0', flip), 'state.1', flip);
  assert.equal(refused(worldOf(both), limits).kind, 'state');
  const one = damaged(killed, 'state.0', flip);
  (one as Map<string, Uint8Array>).delete('state.1');
  assert.equal(refused(worldOf(one), limits).kind, 'state');
  const none = new Map(killed);
  none.delete('wal-next');
  none.delete('state.0');
  none.delete('state.1');
  assert.ok(!Storage.isEmpty(worldOf(none).disk), 'and it is no first start either');
  assert.equal(refused(worldOf(none), limits).kind, 'missing');
});

test('the newer slot wins', () => {
  const world = worldOf(killed);
  const run = open(world, limits);
  const older = world.disk.image().get('state.1')!;
  run.persistNow({ hardState: vote(9, 2) });
  for (const slot of ['state.0', 'state.1']) {
    const stale = damaged(world.disk.image(), slot, () => older);
    assert.equal(open(worldOf(stale), limits).storage.state.currentTerm, 9);
  }
});

test('a directory with other things in it is neither a first start nor opened', () => {
  const world = worldOf(new Map([['photo.jpg', new Uint8Array(9)]]));
  assert.ok(!Storage.isEmpty(world.disk));
  assert.equal(refused(world, limits).kind, 'not-empty');
});

test('a format version from the future is called that', () => {
  const slot = damaged(killed, 'state.0', (bytes) => {
    bytes[12] = 2;
    writeU32(bytes, 0, native.crc32(bytes, 4, 4096, 0));
    return bytes;
  });
  assert.equal(refused(worldOf(slot), limits).kind, 'version');
  const segment = damaged(killed, SEGMENT, (bytes) => {
    bytes[8] = 2;
    writeU32(bytes, 508, native.crc32(bytes, 0, 508, 0));
    return bytes;
  });
  assert.equal(refused(worldOf(segment), limits).kind, 'version');
});

test('a batch that was written elsewhere, or long ago, is no batch here', () => {
  const batch = killed.get(SEGMENT)!.slice(ends[0], ends[1]);
  // Behind the log, in the middle of it, and in its own place but one sector on.
  for (const at of [ends[4]!, ends[2]!, ends[1]!, 1536]) {
    const phantom = damaged(killed, SEGMENT, (bytes) => {
      bytes.set(batch, at);
      return bytes;
    });
    assert.equal(start(phantom), 'suspect', `at ${at}`);
  }
});

test('the last batch, written one sector too far, is lost and not torn', () => {
  const misdirected = damaged(killed, SEGMENT, (bytes) => {
    bytes.copyWithin(ends[3]! + 512, ends[3]!, ends[4]!);
    return bytes.fill(0, ends[3]!, ends[3]! + 512);
  });
  assert.equal(suspected(worldOf(misdirected), limits).offset, ends[3]);
});

test('the same place in another history, or in another directory', () => {
  const second = (text: string, directoryId = directory.directoryId) => {
    const world = emptyWorld();
    Storage.create(world.disk, limits, { ...directory, directoryId });
    const run = open(world, limits);
    run.persistNow({ entries: [entry(1, 1, text)] });
    run.persistNow({ entries: [entry(2, 1, text)] });
    return world.disk.image();
  };
  const own = second('ours');
  const mixed = damaged(own, SEGMENT, (bytes) => {
    bytes.set(second('past').get(SEGMENT)!.subarray(1024, 1536), 1024);
    return bytes;
  });
  assert.match(suspected(worldOf(mixed), limits).what, /does not follow/);
  const foreign = damaged(own, SEGMENT, (bytes) => {
    const other = second('ours', new Uint8Array(16).fill(99)).get(SEGMENT)!;
    bytes.set(other.subarray(512, 1536), 512);
    return bytes;
  });
  assert.match(suspected(worldOf(foreign), limits).what, /checksum/);
});

test('the segment of another directory is no segment here', () => {
  const stranger = damaged(killed, SEGMENT, (bytes) => {
    bytes[24]! ^= 1;
    writeU32(bytes, 508, native.crc32(bytes, 0, 508, 0));
    return bytes;
  });
  assert.match(suspected(worldOf(stranger), limits).what, /does not continue/);
});

test('segments: missing, swapped, stale, unknown to the hard state', () => {
  const { disk, run } = create(limits);
  const all = entries(1, 62, 1, 500);
  for (const one of all) run.persistNow({ entries: [one] });
  const early = disk.image();
  for (const one of entries(63, 90, 1, 500)) run.persistNow({ entries: [one] });
  const late = disk.image();
  run.close();
  const files = [...late.keys()].filter((name) => /^wal-\d/.test(name));
  assert.ok(files.length >= 7 && !early.has(files.at(-1)!));
  for (const file of files) {
    const missing = new Map(late);
    missing.delete(file);
    const world = worldOf(missing);
    const refusal = refused(world, limits);
    assert.deepEqual([refusal.kind, refusal.file], ['missing', file]);
    assert.deepEqual(world.disk.image(), missing, 'nothing was changed');
  }
  const swapped = new Map(late).set(files[2]!, late.get(files[3]!)!);
  assert.equal(suspected(worldOf(swapped), limits).file, files[2]);
  const half = files.find(
    (file) => early.has(file) && early.get(file)!.join() !== late.get(file)!.join(),
  )!;
  const stale = new Map(late).set(half, early.get(half)!);
  // It ends too early, and so the next one does not continue it.
  assert.equal(suspected(worldOf(stale), limits).file, files[files.indexOf(half) + 1]);
  const oldState = new Map(late)
    .set('state.0', early.get('state.0')!)
    .set('state.1', early.get('state.1')!);
  assert.equal(refused(worldOf(oldState), limits).kind, 'state');
});
