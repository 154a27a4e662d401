import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeU32 } from '../../src/base/bytes.ts';
import { index, term } from '../../src/base/ids.ts';
import { native } from '../../src/base/native.ts';
import { decodeSlot, encodeSlot, SLOT_NAMES } from '../../src/storage/hard-state.ts';
import { type InspectItem, inspect } from '../../src/storage/inspect.ts';
import { segmentIdOf } from '../../src/storage/segment.ts';
import { snapshotName } from '../../src/storage/snapshot-file.ts';
import {
  compact,
  contents,
  leaderFile,
  snapshotLimits as limits,
  receive,
  snapshotFiles,
  stateAt,
  take,
} from './snapshots.ts';
import {
  create,
  entries,
  entry,
  logOf,
  open,
  type Run,
  readLog,
  refused,
  vote,
  type World,
  worldOf,
} from './world.ts';

type Image = Map<string, Uint8Array>;

const segmentsOf = (image: ReadonlyMap<string, Uint8Array>) =>
  [...image.keys()].filter((name) => segmentIdOf(name) > 0);

/** Asks the reader for [from, to]; answers the indexes that it gave. */
function readBack(run: Run, from: number, to: number): number[] {
  let got: number[] | null = null;
  run.storage.readEntries(
    index(from),
    index(to),
    1e6,
    () => term(1),
    (result) => {
      assert.ok(!(result instanceof Error), String(result));
      got = result.map((one) => one.index);
    },
  );
  run.later.run();
  return got!;
}

/** Snapshots at 20 and 30, a log that begins behind 14 and ends at 40. */
function grown() {
  const made = create(limits);
  const all = entries(1, 40, 1, 1000);
  for (const one of all) made.run.persistNow({ entries: [one] });
  take(made.run, 20);
  take(made.run, 30);
  compact(made.run, 20);
  const base = made.run.storage.base.index;
  assert.ok(base > 0 && base <= 20);
  return { ...made, all, base };
}

const verdicts = (world: World) =>
  [...inspect(world.disk)].filter(({ kind }) =>
    ['rot', 'refusal', 'install', 'bad-snapshot', 'end'].includes(kind),
  );

const kindsOf = (items: readonly InspectItem[]) => items.map(({ kind }) => kind);

test('below its base the reader has nothing, and says so without an error', () => {
  const { disk, later, run, base } = grown();
  assert.deepEqual(readBack(run, 1, 5), []);
  assert.deepEqual(readBack(run, base, 40), []);
  assert.deepEqual(readBack(run, base + 1, base + 2), [base + 1, base + 2]);
  run.close();
  const again = open({ disk, later }, limits);
  assert.deepEqual(readBack(again, 1, 40), []);
  assert.deepEqual(readBack(again, base + 1, base + 1), [base + 1]);
});

// Seed 6000622: a leader's laggard wanted what had just been cut off, and the leader took it for rot.
test('nor does it take for rot what is written while it is asked for that', () => {
  const { later, run, all } = grown();
  let result: unknown = null;
  run.persist({ entries: [entry(all.length + 1, 1)] });
  run.storage.readEntries(
    index(1),
    index(5),
    1e6,
    () => term(1),
    (read) => {
      result = read;
    },
  );
  later.run();
  assert.deepEqual(result, []);
});

test('a reading under way while the beginning is cut off ends early, and without an error', () => {
  let short = 0;
  for (let steps = 0; steps < 12; steps++) {
    const { run, later } = create(limits);
    for (const one of entries(1, 80, 1, 1000)) run.persistNow({ entries: [one] });
    take(run, 75);
    run.storage.compact(index(75), () => {});
    for (let i = 0; i < steps; i++) later.step();
    const got = readBack(run, 1, 80);
    assert.deepEqual(
      got,
      got.map((_, i) => i + 1),
    );
    if (got.length > 0 && got.length < 80) short++;
  }
  assert.ok(short > 0, 'it was under way at least once');
});

test('how much of the log lies behind an entry', () => {
  const { disk, later, run } = grown();
  const near = (bytes: number, wanted: number) =>
    assert.ok(Math.abs(bytes - wanted) <= 17_000, `${bytes}, not about ${wanted}`);
  near(run.storage.logBytesBehind(index(20)), 20 * 1536);
  assert.equal(run.storage.logBytesBehind(index(40)), 0);
  near(run.storage.logBytesBehind(index(1)), (40 - run.storage.base.index) * 1536);
  run.close();
  const often = { ...limits, snapshotLogBytesMin: 2000 };
  const fine = open({ disk, later }, often);
  for (const at of [39, 35, 22]) {
    const bytes = fine.storage.logBytesBehind(index(at));
    const wanted = (40 - at) * 1536;
    assert.ok(bytes >= wanted && bytes <= wanted + 3 * 1536, `behind ${at}: ${bytes}`);
  }
});

test('a truncation near the cut: no kept segment removes what is gone', () => {
  // Each log is cut at every index, whatever was truncated in it where; and must read the same after.
  for (let removedFrom = 12; removedFrom <= 24; removedFrom++) {
    const { disk, run } = create(limits);
    for (const one of entries(1, 24, 1, 1000)) run.persistNow({ entries: [one] });
    const rest = entries(removedFrom, 40, 2, 1000);
    run.persistNow({ hardState: vote(2), truncateFrom: index(removedFrom) });
    for (const one of rest) run.persistNow({ entries: [one] });
    take(run, 40, 2);
    const image = disk.image();
    const whole = logOf([...entries(1, removedFrom - 1, 1, 1000), ...rest]);
    const bases = new Set<number>();
    for (let upTo = 1; upTo <= 40; upTo++) {
      const world = worldOf(image);
      const node = open(world, limits);
      compact(node, upTo);
      const { base } = node.storage;
      assert.ok(base.index <= upTo);
      bases.add(base.index);
      const again = open(world, limits);
      assert.deepEqual(again.storage.base, base);
      assert.equal(again.storage.recovered.rot, null);
      assert.deepEqual(readLog(again), whole.slice(base.index));
    }
    assert.ok(bases.size >= 3, `${[...bases]}`);
  }
});

test('a segment that removes what is gone is no beginning of a log: rot', () => {
  const { disk, run } = create(limits);
  for (const one of entries(1, 40, 1, 1000)) run.persistNow({ entries: [one] });
  run.persistNow({ hardState: vote(2), truncateFrom: index(22), entries: entries(22, 24, 2) });
  take(run, 23, 2);
  run.close();
  const image = disk.image();
  const wrong = segmentsOf(image).at(-2)!;
  for (const name of SLOT_NAMES) {
    const slot = decodeSlot(image.get(name)!);
    assert.ok(typeof slot === 'object');
    image.set(name, encodeSlot({ ...slot, firstSegment: segmentIdOf(wrong) }));
  }
  const { recovered, base } = open(worldOf(image), limits).storage;
  assert.match(recovered.rot?.what ?? '', /a cut at 22/);
  assert.equal(base.index, 23);
});

test('a snapshot received takes the place of the log, and of what waits to go into it', () => {
  const { disk, later, run } = grown();
  const sent = leaderFile(90, 3);
  assert.equal(receive(run, sent), true);
  const waiting = run.persist({ hardState: vote(2, 1), entries: entries(41, 60, 2, 1000) });
  run.persist({ truncateFrom: index(50) });
  const behind = entries(91, 92, 3, 500);
  const reset = run.persist({
    hardState: vote(3),
    reset: sent.snapshot,
    entries: behind,
    commitIndex: index(90),
  });
  later.run();
  assert.ok(run.persisted === reset && waiting < reset);
  assert.deepEqual(run.storage.base, { index: 90, term: 3 });
  assert.equal(run.storage.state.currentTerm, 3);
  assert.deepEqual(run.storage.snapshots.newest, sent.snapshot);
  assert.deepEqual(snapshotFiles(disk.list()), [snapshotName(index(90))]);
  assert.ok(segmentsOf(disk.image()).length <= 2);
  disk.kill();
  const again = open({ disk, later }, limits);
  const { base, commitIndex, lastIndex, snapshot } = again.storage.recovered;
  assert.deepEqual([base, commitIndex, lastIndex], [{ index: 90, term: 3 }, 90, 92]);
  assert.deepEqual(contents(again, snapshot!), stateAt(90));
  assert.deepEqual(readLog(again), logOf(behind));
  assert.deepEqual(readBack(again, 5, 20), []);
  again.persistNow({ entries: entries(93, 120, 3, 900) });
  again.close();
  assert.equal(open({ disk, later }, limits).storage.recovered.lastIndex, 120);
});

test('a second reset before the first is carried out takes its place; one under way is ended', () => {
  for (let steps = 0; steps < 12; steps++) {
    const { disk, later, run } = grown();
    const [first, second] = [leaderFile(90, 3), leaderFile(95, 3)];
    receive(run, first);
    receive(run, second);
    run.persist({ hardState: vote(3), reset: first.snapshot, entries: entries(91, 91, 3) });
    for (let i = 0; i < steps; i++) later.step();
    run.persist({ reset: second.snapshot });
    later.run();
    assert.equal(run.persisted, 42);
    assert.deepEqual(run.storage.base, { index: 95, term: 3 });
    assert.deepEqual(snapshotFiles(disk.list()), [snapshotName(index(95))]);
    const again = open({ disk, later }, limits);
    assert.deepEqual([again.storage.recovered.lastIndex, again.storage.state.currentTerm], [95, 3]);
  }
});

test('an own snapshot under way is given up when the log is reset, however far it is', () => {
  for (let steps = 0; steps < 8; steps++) {
    const { disk, later, run } = grown();
    const sent = leaderFile(90, 3);
    receive(run, sent);
    const writer = run.storage.snapshots.begin(leaderFile(40, 1).snapshot);
    writer.write(stateAt(40));
    let finished = false;
    writer.finish(() => {
      finished = true;
    });
    for (let i = 0; i < steps; i++) later.step();
    const wasFinished = finished;
    run.persist({ reset: sent.snapshot });
    later.run();
    assert.equal(finished, wasFinished, 'nothing comes behind a newer one');
    assert.deepEqual(snapshotFiles(disk.list()), [snapshotName(index(90))]);
  }
});

// Seed 7000687: the node ended itself.
test('a reset that finds no room for its sector takes that of the spare segment, later', () => {
  const { disk, later, run } = grown();
  const sent = leaderFile(90, 3);
  receive(run, sent);
  disk.capacityBytes = disk.usedBytes;
  const sequence = run.persist({ reset: sent.snapshot });
  later.run();
  assert.ok(run.persisted < sequence);
  assert.equal(run.storage.space, 'full');
  run.storage.retryAllocation();
  later.run();
  assert.equal(run.persisted, sequence);
  assert.equal(run.storage.base.index, 90);
  assert.deepEqual(run.fatal, null);
});

test('a reset frees a full disk', () => {
  const { disk, later, run } = grown();
  const sent = leaderFile(90, 3);
  receive(run, sent);
  disk.capacityBytes = disk.usedBytes + 512;
  run.persist({ entries: entries(41, 70, 1, 1000) });
  later.run();
  assert.equal(run.storage.space, 'full');
  run.persist({ hardState: vote(3), reset: sent.snapshot, entries: entries(91, 91, 3) });
  later.run();
  run.storage.retryAllocation();
  later.run();
  assert.equal(run.storage.space, 'ok');
  assert.equal(run.persisted, 42);
});

/** The directory with a received snapshot that has its name, and a log that knows nothing of it. */
function interrupted(): { image: Image; sent: ReturnType<typeof leaderFile> } {
  const { disk, run } = grown();
  run.persistNow({ hardState: vote(3) });
  const sent = leaderFile(90, 3);
  return { image: disk.image().set(snapshotName(index(90)), sent.bytes), sent };
}

test('an install that a crash has cut short is finished by the next start', () => {
  const { image, sent } = interrupted();
  const world = worldOf(image);
  assert.deepEqual(kindsOf(verdicts(world)), ['install', 'end']);
  const run = open(world, limits);
  assert.deepEqual(run.storage.base, { index: 90, term: 3 });
  assert.deepEqual(run.storage.snapshots.newest, sent.snapshot);
  assert.equal(run.storage.snapshots.previous, null);
  assert.ok(!run.storage.state.suspect && run.storage.recovered.rot === null);
  assert.deepEqual(snapshotFiles(world.disk.list()), [snapshotName(index(90))]);
  assert.equal(segmentsOf(world.disk.image()).length, 1);
  run.persistNow({ entries: entries(91, 130, 3, 800) });
  run.close();
  assert.equal(open(world, limits).storage.recovered.lastIndex, 130);
});

test('and on a full disk too: the spare segment gives its room', () => {
  const { image } = interrupted();
  assert.ok(image.has('wal-next'));
  const world = worldOf(image);
  world.disk.capacityBytes = world.disk.usedBytes;
  const run = open(world, limits);
  assert.equal(run.storage.base.index, 90);
});

test('an interrupted install of a snapshot that is bad changes nothing: the log is whole without', () => {
  const { image } = interrupted();
  image.get(snapshotName(index(90)))![700]! ^= 1;
  const world = worldOf(image);
  assert.deepEqual(kindsOf(verdicts(world)), ['bad-snapshot', 'end']);
  const { storage } = open(world, limits);
  assert.equal(storage.snapshots.newest?.index, 30);
  assert.equal(storage.recovered.lastIndex, 40);
  assert.ok(!storage.state.suspect);
  assert.equal(storage.recovered.snapshotsDamaged.length, 1);
});

test('a damaged newest snapshot: the one before and the log are enough, and the bad one is kept', () => {
  const { disk, all, base } = grown();
  const image = disk.image();
  const bad = image.get(snapshotName(index(30)))!;
  bad[600]! ^= 1;
  const world = worldOf(image);
  const run = open(world, limits);
  const { recovered, snapshots, state } = run.storage;
  assert.ok(!state.suspect && recovered.rot === null);
  assert.deepEqual([snapshots.newest?.index, snapshots.previous], [20, null]);
  assert.equal(recovered.commitIndex, 20);
  assert.deepEqual(readLog(run), logOf(all.slice(base)));
  assert.deepEqual(recovered.snapshotsDamaged, [`rot-1-${snapshotName(index(30))}`]);
  assert.deepEqual(world.disk.image().get(recovered.snapshotsDamaged[0]!), bad);
  assert.deepEqual(open(world, limits).storage.recovered.snapshotsDamaged, []);
});

test('both damaged, and the log does not begin at its beginning: a suspect, with nothing', () => {
  const { disk } = grown();
  const image = disk.image();
  for (const at of [20, 30]) image.get(snapshotName(index(at)))![3]! ^= 1;
  const files = [...image.values()].map((bytes) => bytes.slice());
  const world = worldOf(image);
  assert.equal(verdicts(world).at(-1)?.kind, 'rot');
  const { recovered, state, base, snapshots } = open(world, limits).storage;
  assert.ok(state.suspect && recovered.rot !== null);
  assert.deepEqual([base.index, recovered.lastIndex, snapshots.newest], [0, 0, null]);
  const left = [...world.disk.image().values()].map((bytes) => Buffer.from(bytes));
  const logAndSnapshots = files.filter(
    (bytes) => bytes.length !== 4096 && bytes.some((b) => b > 0),
  );
  for (const bytes of logAndSnapshots) {
    assert.ok(
      left.some((kept) => kept.equals(bytes)),
      'everything is kept',
    );
  }
  const again = open(world, limits).storage;
  assert.ok(again.state.suspect && again.recovered.rot === null);
});

test('no snapshot that goes so far is there: a hand took it, and the start refuses', () => {
  const { disk } = grown();
  const image = disk.image();
  image.delete(snapshotName(index(30)));
  assert.equal(open(worldOf(image), limits).storage.snapshots.newest?.index, 20);
  image.delete(snapshotName(index(20)));
  const world = worldOf(image);
  assert.equal(refused(world, limits).kind, 'missing');
  assert.deepEqual(kindsOf(verdicts(world)), ['refusal']);
});

test('the first segment that the manifest names is missing: the start refuses', () => {
  const { disk } = grown();
  const image = disk.image();
  const [first] = segmentsOf(image);
  assert.notEqual(first, 'wal-0000000001');
  image.delete(first!);
  assert.equal(refused(worldOf(image), limits).kind, 'missing');
});

test('rot in a log with snapshots: a suspect, with what is good of both', () => {
  const { disk, base } = grown();
  const names = segmentsOf(disk.image());
  const seen = new Set<string>();
  for (const name of names) {
    for (const at of [20, 512 + 70, 3000]) {
      const image = disk.image();
      image.get(name)![at]! ^= 1;
      const world = worldOf(image);
      const run = open(world, limits);
      const { recovered, state, snapshots } = run.storage;
      assert.ok(state.suspect && recovered.rot !== null, `${name} ${at}`);
      assert.equal(snapshots.newest?.index, 30);
      assert.ok(recovered.lastIndex >= 30 && recovered.commitIndex === 30);
      assert.ok(run.storage.base.index === base || run.storage.base.index === 30);
      seen.add(run.storage.base.index === 30 ? 'reset' : 'kept');
      const again = open(world, limits).storage;
      assert.ok(again.state.suspect && again.recovered.rot === null);
      assert.equal(again.recovered.lastIndex, recovered.lastIndex);
    }
  }
  assert.equal(seen.size, 2);
});

test('what a crash may leave of earlier times goes: old segments, older snapshots, half a file', () => {
  const { disk, run, base } = grown();
  run.close();
  const image = disk.image();
  const old = leaderFile(3, 1).bytes;
  image.set('wal-0000000001', new Uint8Array(512)).set(snapshotName(index(3)), old);
  image.set('snapshot-next', old).set('snapshot-incoming-0000000000000099', old);
  const world = worldOf(image);
  const again = open(world, limits);
  assert.equal(again.storage.base.index, base);
  assert.deepEqual([...world.disk.list()], [...disk.list()]);
});

test('a snapshot of a later version is not taken for rot', () => {
  const { disk } = grown();
  const image = disk.image();
  const bytes = image.get(snapshotName(index(30)))!;
  bytes[8] = 2;
  writeU32(bytes, 508, native.crc32(bytes, 0, 508, 0));
  assert.equal(refused(worldOf(image), limits).kind, 'version');
});

test('every byte of a snapshot flipped, one at a time: no start believes it', () => {
  const { disk } = grown();
  const image = disk.image();
  const name = snapshotName(index(30));
  const bytes = image.get(name)!;
  for (let at = 0; at < bytes.length; at += at > 60 && at < 500 ? 40 : 3) {
    const bad = bytes.slice();
    bad[at]! ^= 4;
    const { storage } = open(worldOf(new Map(image).set(name, bad)), limits);
    assert.equal(storage.snapshots.newest?.index, 20, `byte ${at}`);
    assert.ok(!storage.state.suspect);
  }
});

test('what waits in vain for a log that is reset says nothing of what is committed', () => {
  const { later, disk, run } = grown();
  const sent = leaderFile(41, 5);
  receive(run, sent);
  run.persistNow({ hardState: vote(5), entries: entries(41, 43, 1) });
  run.persist({ entries: [entry(44, 1)] });
  // Committed is another entry 41 than the one on disk: so the core resets its log.
  run.persist({ truncateFrom: index(41), entries: [entry(41, 4)], commitIndex: index(41) });
  run.persist({ reset: sent.snapshot, commitIndex: index(41) });
  let resets = 0;
  do {
    const { recovered } = open(worldOf(disk.image()), limits).storage;
    if (recovered.base.index === 41) resets++;
    else assert.equal(recovered.commitIndex, 30);
  } while (later.step());
  assert.ok(resets > 0);
});
