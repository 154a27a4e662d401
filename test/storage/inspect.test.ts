import assert from 'node:assert/strict';
import { test } from 'node:test';
import { index } from '../../src/base/ids.ts';
import { type InspectItem, inspect } from '../../src/storage/inspect.ts';
import { create, entries, entry, open, refused, smallLimits, worldOf } from './world.ts';

/** One line an item: enough to compare. */
function line(item: InspectItem): string {
  switch (item.kind) {
    case 'slot':
      return `slot ${typeof item.slot === 'string' ? item.slot : item.slot.sequence}`;
    case 'snapshot':
      return `snapshot ${item.snapshot.index} of ${item.snapshot.term}`;
    case 'bad-snapshot':
      return `bad snapshot: ${item.what}`;
    case 'install':
      return `install at ${item.index} of ${item.term}`;
    case 'segment':
      return `segment ${item.header.segmentId} from ${item.header.lastIndex}`;
    case 'batch':
      return `batch ${item.header.sequence} at ${item.header.offset}: ${item.header.records}`;
    case 'entry':
      return `entry ${item.entry.index} of ${item.entry.term}`;
    case 'bad-entry':
      return `bad entry: ${item.why}`;
    case 'truncation':
      return `cut from ${item.from}`;
    case 'torn':
      return `torn at ${item.offset}: ${item.bytes} bytes`;
    case 'rot':
      return `rot at ${item.damage.offset}, good up to ${item.damage.goodIndex}`;
    case 'refusal':
      return `refusal: ${item.refusal.kind} at ${item.refusal.offset}`;
    case 'end':
      return `end at ${item.offset}: ${item.lastIndex}`;
  }
}

function sample() {
  const { disk, run } = create();
  run.persistNow({ entries: entries(1, 2, 1) });
  run.persistNow({ truncateFrom: index(2), entries: [entry(2, 2, 'x'.repeat(1200))] });
  const image = disk.image();
  image.delete('wal-next');
  return image;
}

test('a walk shows every piece, in order, and changes nothing', () => {
  const image = sample();
  const world = worldOf(image);
  const before = world.disk.operations;
  const lines = [...inspect(world.disk)].map(line);
  assert.deepEqual(lines, [
    'slot 2',
    'slot 2',
    'segment 1 from 0',
    'batch 1 at 512: 2',
    'entry 1 of 1',
    'entry 2 of 1',
    'batch 2 at 1024: 2',
    'cut from 2',
    'entry 2 of 2',
    'end at 2560: 2',
  ]);
  assert.equal(world.disk.operations, before);
});

test('its verdicts are those of a start', () => {
  const torn = sample();
  torn.get('wal-0000000001')!.fill(0, 1536, 2048);
  assert.deepEqual([...inspect(worldOf(torn).disk)].slice(-2).map(line), [
    'torn at 1024: 1536 bytes',
    'end at 1024: 2',
  ]);
  const rotten = sample();
  rotten.get('wal-0000000001')![600]! ^= 1;
  const last = [...inspect(worldOf(rotten).disk)].at(-1)!;
  assert.equal(line(last), 'rot at 512, good up to 0');
  assert.ok(last.kind === 'rot');
  const { kept: _, ...found } = open(worldOf(rotten)).storage.recovered.rot!;
  assert.deepEqual(last.damage, found);
  const stray = sample().set('wal-0000000002', sample().get('wal-0000000001')!);
  const unknown = [...inspect(worldOf(stray).disk)].at(-1)!;
  assert.ok(unknown.kind === 'refusal');
  assert.deepEqual(unknown.refusal, refused(worldOf(stray), smallLimits));
  const bad = sample();
  bad.get('state.0')![50]! ^= 1;
  assert.equal(line([...inspect(worldOf(bad).disk)][0]!), 'slot checksum');
});

test('an error of the disk at a start is a refusal with its name', () => {
  for (const operation of ['write', 'sync'] as const) {
    const world = worldOf(sample());
    world.disk.failNext(operation, 'EIO');
    const refusal = refused(world);
    assert.equal(refusal.kind, 'io');
    assert.match(refusal.message, new RegExp(`${operation} .*EIO`));
  }
});

test('an old copy that was disowned is shown whole, and then refused as a start would', () => {
  const { disk, later, run } = create();
  run.persistNow({ entries: entries(1, 2, 1) });
  run.storage.saveIdentity({ disowned: true }, () => {});
  later.run();
  const world = worldOf(disk.image());
  const items = [...inspect(world.disk)].map(line);
  assert.ok(items.includes('entry 2 of 1'));
  assert.equal(items.at(-1), 'refusal: stale at 0');
  assert.equal(refused(world).kind, 'stale');
});
