import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, concatBytes } from '../../src/base/bytes.ts';
import { type Index, index, term } from '../../src/base/ids.ts';
import type { SnapshotInfo } from '../../src/base/snapshot.ts';
import type { Snapshot, SnapshotMeta } from '../../src/storage/snapshot-file.ts';
import { create, entries, logOf, open, type Run, readLog, smallLimits, vote } from './world.ts';

const limits = { ...smallLimits, snapshotChunkBytesMax: 72 };
const configuration = bytesOf('three of them');

const metaAt = (at: number, inTerm = 1, id = at * 1000): SnapshotMeta => {
  return { index: index(at), term: term(inTerm), id, configuration };
};

/** What the state behind an entry looks like: a few blocks of it. */
const stateAt = (at: number, bytes = 200): Uint8Array => bytesOf(`state ${at} `.padEnd(bytes, 'x'));

function take(run: Run, at: number, inTerm = 1): Snapshot {
  const writer = run.storage.snapshots.begin(metaAt(at, inTerm));
  writer.write(stateAt(at));
  writer.finish(() => {});
  run.later.run();
  const { newest } = run.storage.snapshots;
  assert.equal(newest?.index, at);
  return newest!;
}

function contents(run: Run, info: SnapshotInfo): Uint8Array {
  const blocks: Uint8Array[] = [];
  run.storage.snapshots.readAllSync(info, (payload) => blocks.push(payload.slice()));
  return concatBytes(blocks);
}

function compact(run: Run, upTo: number): void {
  let done = false;
  run.storage.compact(index(upTo), () => {
    done = true;
  });
  run.later.run();
  assert.ok(done);
}

test('two generations, and the log is cut behind the older one', () => {
  const { disk, later, run } = create(limits);
  const all = entries(1, 60, 1, 1000);
  run.persistNow({ entries: all.slice(0, 40) });
  const first = take(run, 10);
  const second = take(run, 30);
  assert.equal(run.storage.snapshots.newest, second);
  assert.deepEqual(run.storage.snapshots.previous, first);
  compact(run, 10);
  run.persistNow({ entries: all.slice(40) });
  const third = take(run, 55);
  assert.deepEqual(run.storage.snapshots.previous, second);
  compact(run, 30);
  const base = run.storage.base.index;
  assert.ok(base > 10 && base <= 30, `${base}`);
  assert.deepEqual(
    disk.list().filter((name) => name.startsWith('snapshot')),
    ['snapshot-0000000000000030', 'snapshot-0000000000000055'],
  );
  run.close();
  const again = open({ disk, later }, limits);
  assert.deepEqual(again.storage.base, { index: base, term: 1 });
  assert.deepEqual(again.storage.recovered.snapshot, third);
  assert.equal(again.storage.recovered.commitIndex, 55);
  assert.deepEqual(again.storage.snapshots.previous, second);
  assert.deepEqual(contents(again, third), stateAt(55));
  assert.deepEqual(readLog(again), logOf(all.slice(base)));
});
