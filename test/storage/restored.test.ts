import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { index, term } from '../../src/base/ids.ts';
import { Prng } from '../../src/base/prng.ts';
import { Reachable } from '../../src/sim/crash-images/reachable.ts';
import { RecordingDisk } from '../../src/sim/crash-images/recording-disk.ts';
import { createDirectoryBehind } from '../../src/storage/create.ts';
import { SLOT_NAMES } from '../../src/storage/hard-state.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';
import { writeSnapshot } from '../cli/backup-file.ts';
import { directory, smallLimits } from './world.ts';

const clusterId = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
const meta = {
  index: index(700),
  term: term(9),
  id: 12_345,
  configuration: bytesOf('three others'),
};
const stream = [bytesOf('x'.repeat(2000))];
const startId = bytesOf('start-id');

function restore(disk: RecordingDisk): void {
  writeSnapshot(disk, meta, stream, 512);
  createDirectoryBehind(disk, directory, { ...meta, clusterId });
}

function checkWhole(storage: Storage): void {
  const { recovered, state, base } = storage;
  assert.deepEqual(base, { index: 700, term: 9 });
  assert.equal(recovered.lastIndex, 700);
  assert.equal(recovered.snapshot?.id, meta.id);
  assert.equal(recovered.rot, null);
  assert.equal(recovered.commitIndex, 700, 'S8');
  assert.equal(state.currentTerm, 9);
  assert.equal(state.suspect, false);
  assert.equal(state.admitted, false, 'it asks for its name, as every new directory does');
  assert.deepEqual(state.clusterId, clusterId);
  const read: Uint8Array[] = [];
  storage.snapshots.readAllSync(recovered.snapshot!, (payload) => read.push(payload.slice()));
  assert.equal(Buffer.concat(read).toString(), 'x'.repeat(2000));
}

describe('a directory made around a snapshot', () => {
  test('opens with the log behind it, and goes on', () => {
    const disk = new RecordingDisk();
    restore(disk);
    const storage = Storage.open(disk, smallLimits, startId);
    assert.ok(storage instanceof Storage);
    checkWhole(storage);
  });

  test('is not made beside anything else', () => {
    const disk = new RecordingDisk();
    writeSnapshot(disk, meta, stream, 512);
    disk.create('something').close();
    assert.throws(
      () => createDirectoryBehind(disk, directory, { ...meta, clusterId }),
      /around a snapshot and nothing else/,
    );
  });

  test('whatever a power loss leaves of it is empty, refused, or whole', () => {
    const disk = new RecordingDisk();
    restore(disk);
    const random = new Prng(5);
    const seen = { empty: 0, refused: 0, whole: 0 };
    const reachable = new Reachable(disk);
    do {
      for (const image of reachable.images({ statesMax: 64, samples: 16 }, random)) {
        const after = new RecordingDisk(image);
        if (Storage.isEmpty(after)) {
          assert.deepEqual(after.list(), [], 'no part of a restore passes for a new directory');
          seen.empty++;
          continue;
        }
        const storage = Storage.open(after, smallLimits, startId);
        if (isRefusal(storage)) {
          const hasState = after.list().some((name) => SLOT_NAMES.includes(name as 'state.0'));
          assert.equal(hasState, false, `${storage.message}: ${after.list()}`);
          seen.refused++;
        } else {
          checkWhole(storage);
          seen.whole++;
        }
      }
    } while (reachable.step());
    assert.ok(seen.empty > 0 && seen.refused > 20 && seen.whole > 10, JSON.stringify(seen));
  });
});
