import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { PowerCut, SimDisk } from '../../src/sim/disk.ts';
import { DiskError } from '../../src/storage/disk.ts';
import { diskConformance } from '../conformance/disk.ts';

const queue: (() => void)[] = [];
const later = (callback: () => void) => void queue.push(callback);
const run = () => {
  while (queue.length > 0) queue.shift()!();
};

diskConformance({
  name: 'simulated disk',
  make: () => new SimDisk(later),
  settle: async () => run(),
});

/** Every content that a crash can leave of a file, over many crashes. */
function leftovers(prepare: (disk: SimDisk) => void): Set<string> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 300; seed++) {
    const disk = new SimDisk(later);
    prepare(disk);
    disk.crash(new Prng(seed));
    seen.add(
      [...disk.image()]
        .map(
          ([name, bytes]) =>
            `${name}=${Buffer.from(bytes).toString('latin1').replaceAll('\0', '0')}`,
        )
        .join(),
    );
  }
  return seen;
}

test('a crash keeps what was synced', () => {
  const seen = leftovers((disk) => {
    const file = disk.create('a');
    file.writeSync(0, Buffer.from('kept'));
    file.syncSync();
    disk.syncDirectorySync();
  });
  assert.deepEqual([...seen], ['a=kept']);
});

test('a crash keeps any subset of the sectors of un-synced writes', () => {
  const seen = leftovers((disk) => {
    const file = disk.create('a');
    file.writeSync(0, new Uint8Array(1024));
    file.syncSync();
    disk.syncDirectorySync();
    file.writeSync(511, Buffer.from('xy'));
  });
  const bytes = (x: string, y: string) => `a=${'0'.repeat(511)}${x}${y}${'0'.repeat(511)}`;
  const expected = [bytes('0', '0'), bytes('x', '0'), bytes('0', 'y'), bytes('x', 'y')];
  assert.deepEqual([...seen].sort(), expected.sort());
});

test('a crash may keep a file longer without what was written to it', () => {
  const seen = leftovers((disk) => {
    const file = disk.create('a');
    disk.syncDirectorySync();
    file.writeSync(0, Buffer.from('x'));
  });
  assert.deepEqual([...seen].sort(), ['a=', 'a=0', 'a=x']);
});

test('a name that no directory sync covers may be lost, or come back', () => {
  const created = leftovers((disk) => {
    disk.create('a').syncSync();
  });
  assert.deepEqual([...created].sort(), ['', 'a=']);
  const renamed = leftovers((disk) => {
    disk.create('a').syncSync();
    disk.syncDirectorySync();
    disk.rename('a', 'b');
  });
  assert.deepEqual([...renamed].sort(), ['a=', 'b=']);
});

test('a write during a sync is not covered by it', () => {
  const seen = leftovers((disk) => {
    const file = disk.create('a');
    file.writeSync(0, Buffer.from('first'));
    file.syncSync();
    disk.syncDirectorySync();
    file.sync(() => {});
    file.writeSync(0, Buffer.from('other'));
    run();
  });
  assert.deepEqual([...seen].sort(), ['a=first', 'a=other']);
});

test('a failed sync: the pages look clean, and what was written is gone at the next crash', () => {
  const seen = leftovers((disk) => {
    const file = disk.create('a');
    file.writeSync(0, Buffer.from('old'));
    file.syncSync();
    disk.syncDirectorySync();
    file.writeSync(0, Buffer.from('new'));
    disk.failNext('sync', 'EIO');
    let failed: DiskError | null = null;
    file.sync((error) => {
      failed = error;
    });
    run();
    assert.equal((failed as DiskError | null)?.code, 'EIO');
    assert.equal(Buffer.from(file.readSync(0, 3)).toString(), 'new');
    file.syncSync();
  });
  assert.deepEqual([...seen], ['a=old']);
});

test('a kill keeps the page cache, and nothing calls back', () => {
  const disk = new SimDisk(later);
  const file = disk.create('a');
  file.write(0, Buffer.from('x'), () => assert.fail('called back'));
  disk.kill();
  run();
  assert.equal(Buffer.from(disk.open('a').readSync(0, 1)).toString(), 'x');
});

test('faults and limits: by operation, file, count, capacity, and the power itself', () => {
  const disk = new SimDisk(later);
  const file = disk.create('a');
  disk.failNext('write', 'EROFS', 'b');
  file.writeSync(0, Buffer.from('x'));
  disk.failNext('read', 'EIO', 'a');
  assert.throws(() => file.readSync(0, 1), DiskError);
  disk.failLater('write', 'EIO', 1);
  file.writeSync(0, Buffer.from('y'));
  assert.throws(() => file.writeSync(0, Buffer.from('z')), DiskError);
  disk.capacityBytes = 4;
  file.writeSync(0, Buffer.from('1234'));
  assert.throws(() => file.writeSync(4, Buffer.from('5')), /ENOSPC/);
  disk.cutPowerAt = disk.operations + 2;
  file.writeSync(0, Buffer.from('y'));
  assert.throws(() => file.writeSync(0, Buffer.from('z')), PowerCut);
  assert.throws(() => disk.list(), PowerCut);
  file.sync(() => assert.fail('called back'));
  run();
});

test('the longest un-synced write of some files: what a crash may tear', () => {
  const disk = new SimDisk(later);
  const [log, other] = [disk.create('wal'), disk.create('other')];
  const ofLog = () => disk.longestUnsynced((name) => name === 'wal');
  assert.equal(ofLog(), 0);
  other.writeSync(0, new Uint8Array(5000));
  log.writeSync(0, new Uint8Array(10));
  log.writeSync(10, new Uint8Array(700));
  log.writeSync(20, new Uint8Array(20));
  assert.equal(ofLog(), 700);
  log.syncSync();
  assert.equal(ofLog(), 0);
});
