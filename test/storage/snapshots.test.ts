import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import type { DiskError } from '../../src/storage/disk.ts';
import { snapshotName } from '../../src/storage/snapshot-file.ts';
import {
  compact,
  contents,
  leaderFile,
  snapshotLimits as limits,
  metaAt,
  readChunks,
  receive,
  snapshotFiles,
  stateAt,
  take,
} from './snapshots.ts';
import { create, entries, logOf, open, type Run, readLog } from './world.ts';

/** A node whose log has got so far. */
function withLog(length: number, bytes = 1000) {
  const made = create(limits);
  const all = entries(1, length, 1, bytes);
  made.run.persistNow({ entries: all });
  return { ...made, all };
}

const full = (run: Run, at: number) => {
  const errors: DiskError[] = [];
  const writer = run.storage.snapshots.begin(metaAt(at));
  writer.onNoRoom = (error) => errors.push(error);
  writer.write(stateAt(at));
  writer.finish(() => assert.fail('finished without room'));
  run.later.run();
  return errors;
};

test('two generations, and the log is cut behind the older one', () => {
  const { disk, later, run, all } = withLog(40);
  const first = take(run, 10);
  const second = take(run, 30);
  assert.equal(run.storage.snapshots.newest, second);
  assert.deepEqual(run.storage.snapshots.previous, first);
  compact(run, 10);
  const more = entries(41, 60, 1, 1000);
  run.persistNow({ entries: more });
  const third = take(run, 55);
  assert.deepEqual(run.storage.snapshots.previous, second);
  compact(run, 30);
  const base = run.storage.base.index;
  assert.ok(base > 10 && base <= 30, `${base}`);
  assert.deepEqual(snapshotFiles(disk.list()), [
    'snapshot-0000000000000030',
    'snapshot-0000000000000055',
  ]);
  const segments = disk.list().filter((name) => /^wal-\d/.test(name)).length;
  assert.equal(segments, run.storage.stats.segments);
  run.close();
  const again = open({ disk, later }, limits);
  assert.deepEqual(again.storage.base, { index: base, term: 1 });
  assert.deepEqual(again.storage.recovered.snapshot, third);
  assert.equal(again.storage.recovered.commitIndex, 55);
  assert.deepEqual(again.storage.snapshots.previous, second);
  assert.deepEqual(contents(again, third), stateAt(55));
  assert.deepEqual(readLog(again), logOf([...all, ...more].slice(base)));
});

test('what is written in pieces of any length is one stream, and what waits is counted', () => {
  const { run } = withLog(9);
  const writer = run.storage.snapshots.begin(metaAt(9));
  const state = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
  let drained = 0;
  writer.onDrain = () => drained++;
  for (let at = 0; at < state.length; at += 70_001) writer.write(state.subarray(at, at + 70_001));
  assert.ok(writer.pendingBytes >= state.length, `${writer.pendingBytes}`);
  run.later.run();
  assert.ok(writer.pendingBytes < 300_000 && drained >= 2, `${writer.pendingBytes} ${drained}`);
  writer.finish(() => {});
  run.later.run();
  assert.deepEqual(contents(run, run.storage.snapshots.newest!), state);
});

test('abandoned: the file goes, nothing is called, and the next one may begin', () => {
  const { disk, run } = withLog(9);
  const writer = run.storage.snapshots.begin(metaAt(9));
  writer.write(stateAt(9, 600_000));
  writer.abort();
  run.later.run();
  assert.deepEqual(snapshotFiles(disk.list()), []);
  take(run, 9);
});

test('no room: given up, said, the file gone; the log goes on, and so does a later attempt', () => {
  const { disk, run } = withLog(9);
  disk.capacityBytes = disk.usedBytes + 700;
  assert.deepEqual(
    full(run, 9).map(({ code }) => code),
    ['ENOSPC'],
  );
  assert.deepEqual(snapshotFiles(disk.list()), []);
  assert.equal(run.fatal, null);
  run.persistNow({ entries: entries(10, 10, 1) });
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  take(run, 9);
});

test('any other error of a write, a sync or the name is final', () => {
  for (const operation of ['write', 'sync', 'rename', 'create'] as const) {
    const { disk, run } = withLog(9);
    const writer = run.storage.snapshots.begin(metaAt(9));
    disk.failNext(operation, 'EIO', operation === 'sync' ? '' : 'snapshot-next');
    writer.write(stateAt(9));
    writer.finish(() => assert.fail('finished'));
    run.later.run();
    assert.equal(run.fatal?.code, 'EIO', operation);
    assert.equal(run.storage.snapshots.newest, null);
  }
});

test('the log is never cut behind what no durable snapshot covers (D-7)', () => {
  const { run } = withLog(40);
  assert.throws(() => run.storage.compact(metaAt(10).index, () => {}), /snapshots go up to 0/);
  const writer = run.storage.snapshots.begin(metaAt(20));
  writer.finish(() => {});
  assert.throws(() => run.storage.compact(metaAt(10).index, () => {}), /snapshots go up to 0/);
  run.later.run();
  assert.throws(() => run.storage.compact(metaAt(21).index, () => {}), /snapshots go up to 20/);
  compact(run, 20);
});

test('a follower gets the very bytes of the file, in whole pieces', () => {
  const { disk, run } = withLog(9);
  const info = take(run, 9);
  const file = disk.image().get(snapshotName(info.index))!;
  for (const bytesMax of [1, 72, 150, 10_000]) {
    assert.deepEqual(readChunks(run, info, bytesMax), file);
  }
  for (const other of [
    { ...info, id: 1 },
    { ...info, bytes: 5 },
  ]) {
    assert.equal(readChunks(run, other, 100), 'gone');
  }
  run.storage.snapshots.readChunk(info, 5, 100, (result) => assert.equal(result, 'gone'));
  assert.equal(run.storage.snapshots.newest, info, 'a bad question is no damage');
});

test('what has rotted is never handed out, and the snapshot counts no more', () => {
  const { disk, run } = withLog(30);
  const older = take(run, 9);
  const info = take(run, 20);
  const file = disk.image().get(snapshotName(info.index))!;
  for (let at = 0; at < file.length; at += 1 + (at > 40 && at < 500 ? 50 : 0)) {
    const world = open({ disk, later: run.later }, limits);
    disk.damage(snapshotName(info.index), at, Uint8Array.of(file[at]! ^ 1));
    assert.equal(readChunks(world, info, 150), 'gone', `byte ${at}`);
    assert.deepEqual(world.storage.snapshots.newest, older);
    assert.equal(readChunks(world, info, 150), 'gone');
    disk.damage(snapshotName(info.index), at, Uint8Array.of(file[at]!));
  }
  disk.failNext('read', 'EIO', snapshotName(info.index));
  assert.equal(readChunks(run, info, 150), 'gone', 'a sector that cannot be read');
  assert.deepEqual(run.storage.snapshots.newest, older);
  take(run, 30);
  assert.deepEqual(snapshotFiles(disk.list()).length, 2, 'the bad one goes when two good ones are');
});

test('an asynchronous reading is the same, in pieces, and tells of rot', () => {
  const { disk, run } = withLog(9);
  const writer = run.storage.snapshots.begin(metaAt(9));
  const state = Uint8Array.from({ length: 300_000 }, (_, i) => i % 253);
  writer.write(state);
  writer.finish(() => {});
  run.later.run();
  const info = run.storage.snapshots.newest!;
  const read = (): { blocks: Uint8Array[]; result: DiskError | null } => {
    const blocks: Uint8Array[] = [];
    let result: DiskError | null | undefined;
    let goOn: () => void = () => {};
    run.storage.snapshots.readAll(
      info,
      (block) => blocks.push(block.slice()),
      (resume) => {
        goOn = resume;
      },
      (error) => {
        result = error;
      },
    );
    assert.equal(blocks.length, 0, 'later');
    while (result === undefined) {
      const before = concatBytes(blocks).length;
      run.later.run();
      if (result !== undefined) break;
      const piece = concatBytes(blocks).length - before;
      assert.ok(piece < 200_000, `piece by piece, and not ${piece} bytes`);
      goOn();
    }
    return { blocks, result };
  };
  const good = read();
  assert.equal(good.result, null);
  assert.deepEqual(concatBytes(good.blocks), state);
  disk.damage(snapshotName(info.index), info.bytes - 100, Uint8Array.of(1, 2, 3));
  assert.equal(read().result?.code, 'ROT');
  assert.equal(run.storage.snapshots.newest, null);
  assert.throws(() => contents(run, info), /ROT/);
});

test('a pinned snapshot stays until it is let go', () => {
  const { disk, run } = withLog(50);
  const first = take(run, 10);
  const { snapshots } = run.storage;
  snapshots.pin(first);
  snapshots.pin(first);
  for (const at of [20, 30, 40]) take(run, at);
  assert.deepEqual(
    snapshotFiles(disk.list()).map((name) => Number(name.slice(9))),
    [10, 30, 40],
  );
  assert.notEqual(readChunks(run, first, 500), 'gone');
  snapshots.unpin(first);
  run.later.run();
  assert.equal(snapshotFiles(disk.list()).length, 3);
  snapshots.unpin(first);
  run.later.run();
  assert.equal(snapshotFiles(disk.list()).length, 2);
  assert.equal(readChunks(run, first, 500), 'gone');
  snapshots.unpin(first);
});

test('receiving: what is not the next piece of that very snapshot leaves nothing', () => {
  const { disk, run } = withLog(5);
  const good = leaderFile(90, 2);
  const flipped = good.bytes.slice();
  flipped[700]! ^= 1;
  const bad: [string, () => true | string][] = [
    ['is bad', () => receive(run, { ...good, bytes: flipped })],
    ['announced', () => receive(run, { ...good, snapshot: { ...good.snapshot, id: 1 } })],
    [
      'announced',
      () => receive(run, { ...good, snapshot: { ...good.snapshot, term: 1 as never } }),
    ],
    ['shorter', () => receive(run, { ...good, snapshot: { ...good.snapshot, bytes: 2000 } })],
    ['longer', () => receive(run, { ...good, snapshot: { ...good.snapshot, bytes: 600 } })],
  ];
  for (const [what, attempt] of bad) {
    assert.match(String(attempt()), new RegExp(what));
    assert.deepEqual(snapshotFiles(disk.list()), [], what);
  }
  for (const [offset, length] of [
    [512, 72],
    [0, 500],
    [0, 530],
  ] as const) {
    const receiver = run.storage.snapshots.receive(good.snapshot);
    let told: true | string = true;
    receiver.add(offset, good.bytes.subarray(offset, offset + length), (result) => {
      told = result;
    });
    run.later.run();
    assert.notEqual(told, true, `${offset} to ${offset + length}`);
    assert.deepEqual(snapshotFiles(disk.list()), []);
  }
  assert.equal(run.fatal, null);
  assert.equal(receive(run, good), true);
});

test('receiving: pieces may be handed in faster than the disk takes them; aborted, all goes', () => {
  const { disk, run } = withLog(5);
  const good = leaderFile(90, 2);
  const receiver = run.storage.snapshots.receive(good.snapshot);
  const told: (true | string)[] = [];
  for (const [from, to] of [
    [0, 512],
    [512, 584],
    [584, good.bytes.length],
  ] as const) {
    assert.equal(receiver.offset, from);
    receiver.add(from, good.bytes.subarray(from, to), (result) => told.push(result));
  }
  assert.equal(receiver.complete, null, 'not before it is durable');
  run.later.run();
  assert.deepEqual(told, [true, true, true]);
  assert.ok(receiver.complete !== null);
  receiver.abort();
  run.later.run();
  assert.deepEqual(snapshotFiles(disk.list()), []);
  disk.capacityBytes = disk.usedBytes + 520;
  assert.match(String(receive(run, good)), /ENOSPC/);
  assert.deepEqual(snapshotFiles(disk.list()), []);
  assert.equal(run.fatal, null);
});

test('closing with a snapshot half written and another half received waits for the disk', () => {
  const { disk, later, run } = withLog(9);
  const writer = run.storage.snapshots.begin(metaAt(9));
  writer.write(stateAt(9, 600_000));
  const good = leaderFile(90, 2);
  let told = 0;
  run.storage.snapshots.receive(good.snapshot).add(0, good.bytes.subarray(0, 512), () => told++);
  run.close();
  writer.write(stateAt(9));
  const before = told;
  later.run();
  assert.equal(told, before, 'nothing is called after the end');
  assert.equal(snapshotFiles(disk.list()).length, 2);
  const again = open({ disk, later }, limits);
  assert.deepEqual(snapshotFiles(disk.list()), [], 'a start clears up');
  assert.equal(again.storage.snapshots.newest, null);
});
