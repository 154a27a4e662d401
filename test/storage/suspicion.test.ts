import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { Prng } from '../../src/base/prng.ts';
import { PowerCut } from '../../src/sim/disk.ts';
import { acceptDataLoss } from '../../src/storage/accept.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from '../../src/storage/disk.ts';
import { INCIDENTS_MAX } from '../../src/storage/evidence.ts';
import { decodeSlot } from '../../src/storage/hard-state.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';
import {
  create,
  entries,
  logOf,
  open,
  readLog,
  refused,
  someStart,
  suspected,
  vote,
  worldOf,
} from './world.ts';

/**
 * What a start does that finds rot: it keeps what it cuts off, says so in the hard state before it
 * cuts, and goes on with what is good. A second crash anywhere in that forgets nothing of it.
 */

const limits = { ...defaultLimits, segmentBytes: 3 * 1024, batchBytesMax: 2 * 1024 };
type Image = Map<string, Uint8Array>;
const all = entries(1, 12, 2, 900);
const log = logOf(all);
/** Twelve batches in four segments. */
let sound: Image;

before(() => {
  const { disk, run } = create(limits);
  run.persistNow({ hardState: vote(5, 3) });
  for (const one of all) run.persistNow({ entries: [one] });
  run.mark();
  disk.kill();
  sound = disk.image();
  assert.equal([...sound.keys()].filter((name) => /^wal-\d/.test(name)).length, 6);
});

const segment = (id: number) => `wal-000000000${id}`;

/** A copy of the sound directory, with this done to one file. */
function damage(file: string, change: (bytes: Uint8Array) => Uint8Array | null): Image {
  const image: Image = new Map([...sound].map(([name, bytes]) => [name, bytes.slice()]));
  const changed = change(image.get(file)!);
  if (changed === null) image.delete(file);
  else image.set(file, changed);
  return image;
}

const flip =
  (at: number) =>
  (bytes: Uint8Array): Uint8Array => {
    bytes[at]! ^= 0x10;
    return bytes;
  };

const zeros = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.length);

/** Each with how many entries are good. */
const damages: readonly (readonly [what: string, good: number, image: () => Image])[] = [
  ['the middle of a segment in the middle', 3, () => damage(segment(2), flip(1600))],
  ['the header of a segment', 4, () => damage(segment(3), flip(20))],
  ['a segment of zeros', 4, () => damage(segment(3), zeros)],
  ['a segment that was cut short', 2, () => damage(segment(2), (bytes) => bytes.slice(0, 512))],
  ['the header of the first segment', 0, () => damage(segment(1), flip(20))],
  ['the first entry', 0, () => damage(segment(1), flip(600))],
  ['all of the first segment', 0, () => damage(segment(1), zeros)],
  ['the last batch', 11, () => damage(segment(6), flip(1600))],
];

test('rot is kept and cut off; term, vote and identity stay; the node is a suspect from then on', () => {
  for (const [what, good, image] of damages) {
    const found = image();
    const world = worldOf(found);
    const rot = suspected(world, limits);
    assert.equal(rot.goodIndex, good, what);
    for (const name of rot.kept) {
      const original = found.get(name.replace(/^rot-1-/, ''))!;
      assert.equal(Buffer.compare(world.disk.image().get(name)!, original), 0, `${what}: ${name}`);
    }
    world.disk.kill();
    for (const slot of ['state.0', 'state.1']) {
      const state = decodeSlot(world.disk.image().get(slot)!);
      assert.ok(typeof state === 'object' && state.state.suspect, `${what}: ${slot}`);
    }
    const again = open(world, limits);
    assert.deepEqual(readLog(again), log.slice(0, good), what);
    const { currentTerm, votedFor, suspect } = again.storage.state;
    assert.deepEqual([currentTerm, votedFor, suspect], [5, 3, true], what);
    assert.equal(again.storage.recovered.rot, null, 'found once');
    // It takes what it is sent, and only a hard state that says so ends the suspicion.
    const more = entries(good + 1, good + 3, 6, 300);
    again.persistNow({ hardState: { ...vote(6), suspect: true }, entries: more });
    again.persistNow({ hardState: vote(6) });
    again.close();
    const whole = open(world, limits);
    assert.equal(whole.storage.state.suspect, false);
    assert.deepEqual(readLog(whole), [...log.slice(0, good), ...logOf(more)], what);
  }
});

test('the power is cut at every operation of such a start, and again: nothing of it is forgotten', () => {
  let cuts = 0;
  for (const [what, good, image] of damages) {
    for (let cutAfter = 1; ; cutAfter++) {
      const prng = new Prng(cutAfter);
      const world = worldOf(image());
      const kept = [...image()].filter(([name]) => name.startsWith('wal-0'));
      if (!powerCutDuringStart(world.disk, cutAfter)) break;
      world.disk.crash(prng);
      // Once more, later; and then it may end.
      if (powerCutDuringStart(world.disk, 1 + prng.below(30))) world.disk.crash(prng);
      const run = open(world, limits);
      assert.ok(run.storage.state.suspect, `${what}, cut at ${cutAfter}`);
      assert.deepEqual(readLog(run), log.slice(0, good), `${what}, cut at ${cutAfter}`);
      const now = [...world.disk.image()].filter(([name]) => /^(rot-\d+-)?wal-0/.test(name));
      for (const [name, bytes] of kept) {
        // A file that was cut short has been filled up with zeros, and is kept by that.
        const begins = (other: Uint8Array) => other.subarray(0, bytes.length);
        const isThere = now.some(([, other]) => Buffer.compare(begins(other), bytes) === 0);
        assert.ok(isThere, `${what}, cut at ${cutAfter}: ${name} is not kept`);
      }
      cuts++;
    }
  }
  assert.ok(cuts > 150, `${cuts} cuts`);
});

function powerCutDuringStart(disk: ReturnType<typeof worldOf>['disk'], after: number): boolean {
  disk.cutPowerAt = disk.operations + after;
  try {
    const storage = Storage.open(disk, limits, someStart);
    if (isRefusal(storage)) assert.fail(storage.message);
    return disk.operations >= disk.cutPowerAt;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return true;
  } finally {
    disk.cutPowerAt = Number.POSITIVE_INFINITY;
  }
}

test('a full disk: the spare gives its room to the copy; without any, nothing is cut off', () => {
  const image = damage(segment(2), flip(1600));
  const bytesOf = (files: Image) =>
    [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const withSpare = worldOf(image);
  withSpare.disk.capacityBytes = bytesOf(image);
  assert.ok(image.has('wal-next'));
  assert.deepEqual(suspected(withSpare, limits).kept[0], `rot-1-${segment(2)}`);

  image.delete('wal-next');
  const world = worldOf(image);
  world.disk.capacityBytes = bytesOf(image);
  const refusal = refused(world, limits);
  assert.equal(refusal.kind, 'io');
  assert.match(refusal.message, /no room to keep a copy/);
  const after = world.disk.image();
  assert.deepEqual(after.get(segment(2)), image.get(segment(2)), 'nothing was cut off');
  world.disk.capacityBytes = Number.POSITIVE_INFINITY;
  assert.equal(suspected(world, limits).goodIndex, 3);
});

test('what was kept before is never overwritten, and no disk rots for ever', () => {
  let image = sound;
  const seen = new Map<string, Uint8Array>();
  for (let incident = 1; ; incident++) {
    image = new Map([...image].map(([name, bytes]) => [name, bytes.slice()]));
    image.get(segment(1))![600]! ^= incident;
    const rotten = worldOf(image);
    if (incident > INCIDENTS_MAX) {
      const { kind, message, remedy } = refused(rotten, limits);
      assert.deepEqual([kind, incident], ['rot', INCIDENTS_MAX + 1]);
      assert.match(`${message} ${remedy}`, /8 times before.*Replace the disk/);
      assert.equal(Buffer.compare(rotten.disk.image().get(segment(1))!, image.get(segment(1))!), 0);
      return;
    }
    const run = open(rotten, limits);
    run.persistNow({ entries: entries(1, 2, 5, 300) });
    rotten.disk.kill();
    image = rotten.disk.image();
    for (const [name, bytes] of seen) assert.deepEqual(image.get(name), bytes, name);
    for (const [name, bytes] of image) if (name.startsWith('rot-')) seen.set(name, bytes);
  }
});

test('a sector that cannot be read is rot; a disk that cannot be read is not', () => {
  const world = worldOf(sound);
  const bad = new BadSectors(world.disk, segment(2), new Set([1, 3]));
  const storage = Storage.open(bad, limits, someStart);
  assert.ok(!isRefusal(storage) && storage.recovered.rot !== null);
  const { file, goodIndex, kept } = storage.recovered.rot;
  assert.deepEqual([file, goodIndex, kept[0]], [segment(2), 2, `rot-1-${segment(2)}`]);
  world.disk.kill();
  assert.deepEqual(readLog(open(world, limits)), log.slice(0, 2));

  const dead = worldOf(sound);
  const unreadable = new BadSectors(dead.disk, segment(2), new Set([0, 1, 2, 3, 4, 5]));
  const refusal = Storage.open(unreadable, limits, someStart);
  assert.ok(isRefusal(refusal));
  assert.deepEqual([refusal.kind, refusal.file], ['io', segment(2)]);
  // One slot that can't be read is as good as a bad one.
  const slot = new BadSectors(worldOf(sound).disk, 'state.0', new Set([2]));
  assert.ok(!isRefusal(Storage.open(slot, limits, someStart)));
});

/** A disk that can't read some sectors of one file, until they are written again. */
class BadSectors implements Disk {
  private readonly disk: Disk;
  private readonly name: string;
  private readonly bad: Set<number>;

  constructor(disk: Disk, name: string, bad: Set<number>) {
    this.disk = disk;
    this.name = name;
    this.bad = bad;
  }

  open(name: string): DiskFile {
    const file = this.disk.open(name);
    if (name !== this.name) return file;
    const readSync = file.readSync.bind(file);
    const writeSync = file.writeSync.bind(file);
    file.readSync = (offset, length) => {
      for (const sector of this.bad) {
        if (sector * 512 < offset + length && offset < (sector + 1) * 512) {
          throw new DiskError('EIO', 'read', name);
        }
      }
      return readSync(offset, length);
    };
    file.writeSync = (offset, bytes) => {
      for (const sector of this.bad) {
        if (sector * 512 >= offset && (sector + 1) * 512 <= offset + bytes.length) {
          this.bad.delete(sector);
        }
      }
      writeSync(offset, bytes);
    };
    return file;
  }

  list = () => this.disk.list();
  create = (name: string) => this.disk.create(name);
  rename = (from: string, to: string) => this.disk.rename(from, to);
  remove = (name: string) => this.disk.remove(name);
  removeIfThere = (name: string) => this.disk.removeIfThere(name);
  syncDirectorySync = () => this.disk.syncDirectorySync();
  syncDirectory = (done: DiskDone) => this.disk.syncDirectory(done);
}

test('accepted: a suspect takes its log for whole, and nothing else is changed', () => {
  const world = worldOf(damage(segment(2), flip(1600)));
  const accepted = acceptDataLoss(world.disk, limits.segmentBytes);
  assert.ok(!isRefusal(accepted) && accepted.wasSuspect);
  assert.equal(accepted.recovered.lastIndex, 3);
  world.disk.kill();
  const run = open(world, limits);
  assert.deepEqual([run.storage.state.suspect, run.storage.state.incarnation], [false, 2]);
  assert.deepEqual(readLog(run), log.slice(0, 3));
  const second = acceptDataLoss(worldOf(sound).disk, limits.segmentBytes);
  assert.ok(!isRefusal(second) && !second.wasSuspect);
  assert.equal(second.recovered.lastIndex, 12);
});
