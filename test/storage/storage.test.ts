import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeU32 } from '../../src/base/bytes.ts';
import { incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import { native } from '../../src/base/native.ts';
import { STARTS_MAX, startAgo } from '../../src/base/start-history.ts';
import {
  BINDINGS_MAX,
  decodeSlot,
  encodeSlot,
  firstImage,
  MEMBERS_IMAGE_BYTES_MAX,
  NAME_BYTES_MAX,
  SLOT_BYTES,
  type StateImage,
} from '../../src/storage/hard-state.ts';
import { Storage } from '../../src/storage/storage.ts';
import {
  create,
  directory,
  emptyWorld,
  entries,
  entry,
  logOf,
  open,
  readLog,
  refused,
  smallLimits,
  vote,
} from './world.ts';

test('an empty directory is a first start, and only an empty one', () => {
  const world = emptyWorld();
  assert.ok(Storage.isEmpty(world.disk));
  Storage.create(world.disk, smallLimits, directory);
  assert.ok(!Storage.isEmpty(world.disk));
});

test('a new directory remembers who it is, and counts its starts', () => {
  const { disk, later, run } = create();
  assert.equal(run.storage.state.incarnation, 1);
  assert.equal(run.storage.state.name, 'n2');
  assert.deepEqual(run.storage.state.membersImage, directory.membersImage);
  assert.equal(run.storage.recovered.lastIndex, 0);
  run.close();
  assert.equal(open({ disk, later }).storage.state.incarnation, 2);
});

test('every start leaves its id, and the last ones are remembered', () => {
  const { disk, later, run } = create();
  run.close();
  const idOf = (start: number) => new Uint8Array(8).fill(start);
  for (let start = 2; start <= 3 * STARTS_MAX; start++) {
    const { storage } = open({ disk, later }, smallLimits, idOf(start));
    const { startHistory, incarnation: count } = storage.state;
    assert.equal(count, start);
    assert.equal(startHistory.length, 8 * Math.min(start, STARTS_MAX));
    for (let ago = 0; ago < Math.min(start - 1, STARTS_MAX); ago++) {
      assert.deepEqual(startAgo(startHistory, ago), idOf(start - ago));
    }
    assert.equal(startAgo(startHistory, STARTS_MAX), null);
    disk.kill();
  }
});

test('a disowned directory is never opened again, nor are its starts counted', () => {
  const { disk, later, run } = create();
  let done = false;
  run.storage.saveIdentity({ disowned: true }, () => {
    done = true;
  });
  later.run();
  assert.ok(done);
  disk.kill();
  const before = disk.image();
  for (let start = 0; start < 3; start++) {
    const { kind, message, remedy } = refused({ disk, later });
    assert.equal(kind, 'stale');
    assert.match(message, /at start 1 .* n2 .*an old copy, which has forgotten promises$/);
    assert.match(remedy, /^Put the newest copy .*leave this node stopped/);
  }
  assert.deepEqual(disk.image(), before);
});

test('a slot has room for all that it may have to hold', () => {
  const bytes = (length: number) => new Uint8Array(length).fill(0xff);
  const full: StateImage = {
    ...firstImage(directory),
    state: {
      ...firstImage(directory).state,
      name: 'n'.repeat(NAME_BYTES_MAX),
      membersImage: bytes(MEMBERS_IMAGE_BYTES_MAX),
      incarnation: incarnation(2 ** 53 - 1),
      startHistory: bytes(8 * STARTS_MAX),
      admitted: true,
      established: true,
      disowned: true,
      suspect: true,
      bindings: Array.from({ length: BINDINGS_MAX }, (_, i) => ({
        nodeId: nodeId(i),
        directoryId: bytes(16),
        incarnation: incarnation(2 ** 53 - 1),
        startId: bytes(8),
      })),
    },
  };
  const slot = encodeSlot(full);
  assert.equal(slot.length, SLOT_BYTES);
  assert.deepEqual(decodeSlot(slot), full);
});

test('a slot with a history that does not go with its count, or an unknown flag, is none', () => {
  const image = firstImage(directory);
  const { state } = image;
  const short = { ...state, incarnation: incarnation(2), startHistory: new Uint8Array(8) };
  assert.throws(() => encodeSlot({ ...image, state: short }), /bad start history/);
  const slot = encodeSlot(image);
  // The flags lie behind magic, place, ids, name, term, vote and count; no history yet.
  const flagsAt = 16 + 40 + 32 + 8 + 2 + state.name.length + 24;
  for (const [flags, verdict] of [
    [15, 'object'],
    [16, 'string'],
  ] as const) {
    writeU32(slot, flagsAt, flags);
    writeU32(slot, 0, native.crc32(slot, 4, SLOT_BYTES, 0));
    assert.equal(typeof decodeSlot(slot), verdict);
  }
});

test('a slot that could not be written again is none', () => {
  const slot = encodeSlot(firstImage(directory));
  const nameAt = 16 + 40 + 32 + 8;
  const membersAt = nameAt + 2 + directory.name.length + 24 + 4;
  const bindingsAt = membersAt + 2 + directory.membersImage.length;
  for (const [at, length] of [
    [nameAt, NAME_BYTES_MAX + 1],
    [membersAt, MEMBERS_IMAGE_BYTES_MAX + 1],
    [bindingsAt, BINDINGS_MAX + 1],
  ] as const) {
    const changed = slot.slice();
    changed[at] = length % 256;
    if (at !== bindingsAt) changed[at + 1] = Math.floor(length / 256);
    writeU32(changed, 0, native.crc32(changed, 4, SLOT_BYTES, 0));
    assert.equal(decodeSlot(changed), 'fields');
  }
});

test('what was persisted is there after a clean stop, and after a kill', () => {
  for (const stop of ['close', 'kill'] as const) {
    const { disk, later, run } = create();
    run.persistNow({ hardState: vote(3, 1) });
    run.persistNow({ entries: entries(1, 3, 2), commitIndex: index(2) });
    run.persistNow({ entries: entries(4, 5, 3) });
    if (stop === 'close') run.close();
    else disk.kill();
    const again = open({ disk, later });
    assert.equal(again.storage.state.currentTerm, 3);
    assert.equal(again.storage.state.votedFor, 1);
    assert.equal(again.storage.recovered.lastIndex, 5);
    assert.equal(again.storage.recovered.commitIndex, 2);
    assert.equal(again.storage.recovered.firstEntry?.index, 1);
    assert.deepEqual(again.storage.recovered.termRuns, [
      { term: 2, from: 1 },
      { term: 3, from: 4 },
    ]);
    assert.deepEqual(readLog(again), logOf([...entries(1, 3, 2), ...entries(4, 5, 3)]));
  }
});

test('a truncation removes, and what comes after it counts', () => {
  const { disk, later, run } = create();
  run.persistNow({ entries: entries(1, 6, 1) });
  run.persistNow({ truncateFrom: index(4), entries: entries(4, 5, 2) });
  run.close();
  const again = open({ disk, later });
  assert.deepEqual(readLog(again), logOf([...entries(1, 3, 1), ...entries(4, 5, 2)]));
  assert.deepEqual(again.storage.recovered.termRuns, [
    { term: 1, from: 1 },
    { term: 2, from: 4 },
  ]);
});

test('nothing is called back before it is durable', () => {
  const { disk, later, run } = create();
  const before = disk.operations;
  run.persist({ entries: entries(1, 1, 1) });
  assert.equal(run.persisted, 0);
  assert.equal(disk.operations, before + 2, 'one write and one sync');
  later.run();
  assert.equal(run.persisted, 1);
});

test('what is asked for while a batch is on its way goes into one next batch', () => {
  const { run } = create();
  for (let at = 1; at <= 20; at++) run.persist({ entries: entries(at, at, 1) });
  run.later.run();
  assert.equal(run.persisted, 20);
  assert.equal(run.storage.stats.batches, 2);
});

test('a long queue makes several batches, each within the limit', () => {
  const { disk, later, run } = create();
  const all = entries(1, 100, 1, 1000);
  run.persist({ entries: all.slice(0, 1) });
  run.persist({ hardState: vote(1, 2), entries: all.slice(1, 99) });
  run.persist({ entries: all.slice(99) });
  run.later.run();
  assert.equal(run.persisted, 3);
  const { batches, segments, syncs } = run.storage.stats;
  assert.ok(batches > 10);
  assert.equal(syncs, batches + 2 * (segments - 1) + 2, 'the manifest at each roll, one vote');
  run.close();
  assert.deepEqual(readLog(open({ disk, later })), logOf(all));
});

test('a batch is padded with zeros, not with what an earlier one held', () => {
  const { disk, run } = create();
  run.persistNow({ entries: [entry(1, 1, 'x'.repeat(400))] });
  run.persistNow({ entries: [entry(2, 1, 'y')] });
  const padding = disk
    .image()
    .get('wal-0000000001')!
    .slice(1024 + 64 + 29, 1536);
  assert.deepEqual(padding, new Uint8Array(padding.length));
});

test('many segments: each continues the one before', () => {
  const { disk, later, run } = create();
  const all = entries(1, 200, 1, 700);
  for (const one of all) run.persistNow({ entries: [one] });
  assert.ok(run.storage.stats.segments > 8);
  run.close();
  const again = open({ disk, later });
  assert.equal(again.storage.recovered.segments, run.storage.stats.segments);
  assert.deepEqual(readLog(again), logOf(all));
});

test('identity goes through the same door as votes, and neither forgets the other', () => {
  const { disk, later, run } = create();
  const clusterId = new Uint8Array(16).fill(7);
  const startId = new Uint8Array(8).fill(9);
  const of = { nodeId: directory.nodeId, incarnation: incarnation(4) };
  const binding = { ...of, directoryId: clusterId, startId };
  const called: string[] = [];
  run.persist({ hardState: vote(5, 3) });
  run.storage.saveIdentity({ clusterId }, () => called.push('cluster'));
  run.storage.saveIdentity({ admitted: true, bindings: [binding] }, () => called.push('admitted'));
  assert.equal(run.storage.state.admitted, false);
  later.run();
  assert.deepEqual(called, ['cluster', 'admitted']);
  disk.kill();
  const { state } = open({ disk, later }).storage;
  assert.deepEqual(state.clusterId, clusterId);
  assert.deepEqual(state.bindings, [binding]);
  assert.equal(state.admitted, true);
  assert.equal(state.currentTerm, 5);
});

test('a term that goes back, or a second vote, is a bug and stops the process', () => {
  const { run } = create();
  run.persistNow({ hardState: vote(5, 3) });
  assert.throws(() => run.persist({ hardState: vote(4) }), /term 4 goes back/);
  const other = create().run;
  other.persistNow({ hardState: vote(5, 3) });
  assert.throws(() => other.persist({ hardState: vote(5, 1) }), /two votes in 5/);
});

test('a mark covers the last records, and a second one is not written', () => {
  const { run } = create();
  run.persistNow({ entries: entries(1, 1, 1) });
  assert.ok(run.storage.dirtySinceMark);
  run.mark();
  assert.ok(!run.storage.dirtySinceMark);
  assert.equal(run.storage.stats.batches, 2);
  run.mark();
  assert.equal(run.storage.stats.batches, 2);
});

test('the reader: bounds, removed versions, and what is no longer there', () => {
  const { run, later } = create();
  run.persistNow({ entries: entries(1, 40, 1, 600) });
  run.persistNow({ truncateFrom: index(20), entries: entries(20, 60, 2, 600) });
  run.persistNow({ truncateFrom: index(50), entries: entries(50, 55, 3, 600) });
  const termAt = (at: number) => term(at < 20 ? 1 : at < 50 ? 2 : at <= 55 ? 3 : 0);
  const read = (from: number, to: number, bytesMax: number) => {
    let got: number[] = [];
    run.storage.readEntries(index(from), index(to), bytesMax, termAt, (result) => {
      if (result instanceof Error) assert.fail(result.message);
      got = result.map((one) => one.index * 10 + one.term);
    });
    assert.deepEqual(got, [], 'never before the call returns');
    later.run();
    return got;
  };
  assert.deepEqual(read(18, 21, 1e6), [181, 191, 202, 212]);
  assert.deepEqual(read(48, 51, 1e6), [482, 492, 503, 513]);
  assert.deepEqual(read(1, 55, 1), [11], 'at least one');
  assert.deepEqual(read(1, 55, 629), [11, 21], 'the entry that reaches the bound is the last');
  assert.equal(read(1, 55, 1e6).length, 55);
  assert.deepEqual(read(54, 58, 1e6), [543, 553], 'fewer where the log ends');
  assert.deepEqual(read(56, 58, 1e6), []);
});

test('who reads a long log piece by piece reads all but little of it once', () => {
  const { disk, later, run } = create({
    ...smallLimits,
    segmentBytes: 2 ** 23,
    batchBytesMax: 2 ** 18,
  });
  const count = 4000;
  for (let from = 1; from <= count; from += 200) {
    run.persistNow({ entries: entries(from, from + 199, 1, 1000) });
  }
  let readBytes = 0;
  const openFile = disk.open.bind(disk);
  disk.open = (name) => {
    const file = openFile(name);
    const read = file.read.bind(file);
    file.read = (offset, length, done) => {
      readBytes += length;
      read(offset, length, done);
    };
    return file;
  };
  let [next, gotBytes] = [1, 0];
  while (next <= count) {
    run.storage.readEntries(
      index(next),
      index(count),
      2 ** 20,
      () => term(1),
      (result) => {
        if (result instanceof Error) assert.fail(result.message);
        assert.ok(result.length > 0);
        for (const { index: at, record } of result) {
          assert.equal(at, next++);
          gotBytes += record.length;
        }
      },
    );
    later.run();
  }
  assert.ok(readBytes < 1.3 * gotBytes, `${readBytes} bytes read for ${gotBytes}`);
});

test('a read may end anywhere: in a header, in a body, between two batches', () => {
  for (let readAheadBytes = 0; readAheadBytes < 1300; readAheadBytes += 37) {
    const { later, run } = create({ ...smallLimits, readAheadBytes });
    for (let at = 1; at <= 30; at++) {
      run.persistNow({ entries: entries(at, at, 1, (at * 131) % 1500) });
    }
    for (const bytesMax of [1, 500, 2000]) {
      let next = 1;
      while (next <= 30) {
        run.storage.readEntries(
          index(next),
          index(30),
          bytesMax,
          () => term(1),
          (result) => {
            if (result instanceof Error) assert.fail(`${readAheadBytes}: ${result.message}`);
            assert.ok(result.length > 0);
            for (const one of result) assert.equal(one.index, next++);
          },
        );
        later.run();
      }
    }
  }
});

test('the reader never hands out what is not what was written, nor anything of its batch', () => {
  const { disk, later, run } = create();
  run.persistNow({ entries: [entry(1, 1, 'a value to rot'), entry(2, 1, 'its neighbour')] });
  const file = disk.open('wal-0000000001');
  const [byte] = file.readSync(512 + 64 + 30, 1);
  file.writeSync(512 + 64 + 30, Uint8Array.of(byte! ^ 1));
  const results: unknown[] = [];
  const read = (from: number) =>
    run.storage.readEntries(
      index(from),
      index(2),
      1e6,
      () => term(1),
      (r) => results.push(r),
    );
  for (const from of [1, 2]) {
    read(from);
    later.run();
    assert.match(String(results.pop()), /ROT.*byte 512/);
  }
  disk.failNext('read', 'EIO');
  read(1);
  later.run();
  assert.match(String(results.pop()), /EIO/);
});
