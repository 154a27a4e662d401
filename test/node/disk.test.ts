import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { index, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { NodeDisk } from '../../src/node/disk.ts';
import { DiskError } from '../../src/storage/disk.ts';
import { inspect } from '../../src/storage/inspect.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';
import { diskConformance } from '../conformance/disk.ts';
import { directory, entries, request } from '../storage/world.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dkvs-disk-'));
let made = 0;
const newDirectory = () => {
  const name = path.join(root, String(++made));
  fs.mkdirSync(name);
  return name;
};
after(() => fs.rmSync(root, { recursive: true }));

diskConformance({
  name: 'real disk',
  make: () => new NodeDisk(newDirectory()),
  // Long enough for a thread to sync; what it waits for is asserted by who waits.
  settle: () => new Promise((resolve) => setTimeout(resolve, 60)),
});

test('directories and sockets are no files of the data directory', () => {
  const name = newDirectory();
  fs.mkdirSync(path.join(name, 'lost+found'));
  assert.deepEqual(new NodeDisk(name).list(), []);
});

test('an error carries the code of the operating system', () => {
  assert.throws(
    () => new NodeDisk(path.join(root, 'nowhere')),
    (error) => {
      return error instanceof DiskError && error.code === 'ENOENT';
    },
  );
  const name = newDirectory();
  const disk = new NodeDisk(name);
  disk.create('a').close();
  const reader = new NodeDisk(name, 'read').open('a');
  assert.throws(() => reader.writeSync(0, Uint8Array.of(1)), DiskError);
});

test('a storage on real files: written, closed, found again, and readable offline', async () => {
  const limits = { ...defaultLimits, segmentBytes: 256 * 1024, batchBytesMax: 128 * 1024 };
  const name = newDirectory();
  const disk = new NodeDisk(name);
  assert.ok(Storage.isEmpty(disk));
  Storage.create(disk, limits, directory);
  const storage = open(disk);
  const all = entries(1, 100, 1, 9000);
  storage.onFatal = (error) => assert.fail(error.message);
  await new Promise<void>((resolve) => {
    storage.onPersisted = (sequence) => sequence === 2 && resolve();
    storage.persist(request(1, { entries: all.slice(0, 10) }));
    storage.persist(request(2, { entries: all.slice(10) }));
  });
  await new Promise<void>((resolve) => storage.close(resolve));

  const again = open(disk);
  assert.equal(again.recovered.lastIndex, 100);
  assert.ok(again.recovered.segments > 3);
  const read = await new Promise<readonly { index: number }[] | DiskError>((resolve) =>
    again.readEntries(index(1), index(100), 1e7, () => term(1), resolve),
  );
  assert.ok(!(read instanceof DiskError));
  assert.deepEqual(
    read.map((one) => one.index),
    all.map((one) => one.index),
  );
  await new Promise<void>((resolve) => again.close(resolve));
  const items = [...inspect(new NodeDisk(name, 'read'))];
  assert.equal(items.filter(({ kind }) => kind === 'entry').length, 100);
  assert.equal(items.at(-1)?.kind, 'end');

  function open(from: NodeDisk): Storage {
    const opened = Storage.open(from, limits, new Uint8Array(8));
    if (isRefusal(opened)) assert.fail(opened.message);
    return opened;
  }
});
