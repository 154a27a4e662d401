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

test('what the kernel takes or gives in pieces is written and read whole', async (t) => {
  const { read, readSync, write, writeSync } = fs;
  const most = 3;
  const short = (length: number) => Math.min(length, most);
  type Io = [descriptor: number, bytes: Uint8Array, from: number, length: number, at: number];
  type Done = (error: NodeJS.ErrnoException | null, count: number) => void;
  t.mock.method(fs, 'writeSync', (...[fd, bytes, from, length, at]: Io) =>
    writeSync(fd, bytes, from, short(length), at),
  );
  t.mock.method(fs, 'readSync', (...[fd, bytes, from, length, at]: Io) =>
    readSync(fd, bytes, from, short(length), at),
  );
  t.mock.method(fs, 'write', (...[fd, bytes, from, length, at, done]: [...Io, Done]) =>
    write(fd, bytes, from, short(length), at, done),
  );
  t.mock.method(fs, 'read', (...[fd, bytes, from, length, at, done]: [...Io, Done]) =>
    read(fd, bytes, from, short(length), at, done),
  );
  const file = new NodeDisk(newDirectory()).create('a');
  file.writeSync(0, Buffer.from('at once, '));
  await new Promise((resolve) => file.write(9, Buffer.from('or later'), resolve));
  assert.equal(Buffer.from(file.readSync(0, 100)).toString(), 'at once, or later');
  const late = await new Promise<Uint8Array>((resolve) => {
    file.read(0, 100, (_error, bytes) => resolve(bytes));
  });
  assert.equal(Buffer.from(late).toString(), 'at once, or later');
  file.close();
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
