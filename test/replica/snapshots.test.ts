import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Limits } from '../../src/base/limits.ts';
import { type Node, type SimClient, smallLimits, World } from './world.ts';

const KIB = 1024;

/** Snapshots every few dozen entries, segments of a few batches. */
const limits: Limits = {
  ...smallLimits,
  keyBytesMax: 64,
  valueBytesMax: 2 * KIB,
  entryBytesMax: 8 * KIB,
  batchBytesMax: 16 * KIB,
  segmentBytes: 32 * KIB,
  logWindowBytesMax: 4 * KIB,
  snapshotLogBytesMin: 24 * KIB,
  snapshotLogFactor: 1,
  snapshotChunkBytesMax: 4 * KIB,
};

const logged = (node: Node, event: string) => node.logs.filter((line) => line.event === event);
const filesOf = (node: Node, prefix: string) =>
  node.disk.list().filter((name) => name.startsWith(prefix));

function diskBytes(node: Node): number {
  let bytes = 0;
  for (const contents of node.disk.image().values()) bytes += contents.length;
  return bytes;
}

/** Overwrites the same keys again and again, with values that tell which round they are of. */
function overwrite(client: SimClient, rounds: number, keys: number, tag = 'r'): void {
  for (let round = 0; round < rounds; round++) {
    for (let key = 0; key < keys; key++) {
      assert.equal(client.ask('SET', `k${key}`, `${tag}${round}`.padEnd(200, '.')), '+OK');
    }
  }
}

function agree(world: World): void {
  const up = world.nodes.filter(({ replica }) => replica !== null);
  const isSame = () => {
    const [first, ...others] = up.map(({ replica }) => replica!.view);
    return others.every(
      ({ lastApplied, stateHash, revision }) =>
        lastApplied === first!.lastApplied &&
        stateHash === first!.stateHash &&
        revision === first!.revision,
    );
  };
  assert.ok(world.until(isSame), 'all nodes come to the same state');
}

function started(size = 3, seed = 31): { world: World; leader: Node; client: SimClient } {
  const world = new World(seed, size, limits);
  world.startAll();
  const leader = world.elect();
  return { world, leader, client: world.client(leader) };
}

describe('a log under endless overwriting of the same keys', () => {
  test('is cut behind snapshots that nobody asked for, and the disk stays bounded', () => {
    const { world, client } = started();
    overwrite(client, 10, 20);
    world.run(500);
    const early = world.nodes.map(diskBytes);
    overwrite(client, 40, 20);
    world.run(500);
    for (const [i, node] of world.nodes.entries()) {
      assert.ok(logged(node, 'snapshot').length >= 5, `${node.member.name} takes snapshots`);
      assert.equal(filesOf(node, 'snapshot-').length, 2, 'two generations are kept');
      assert.ok(!filesOf(node, 'wal-').includes('wal-0000000001'), 'the log has been cut');
      // The log since the older of two snapshots, a segment at either end, a spare, and both files.
      const bound = 2 * 1.25 * limits.snapshotLogBytesMin + 3 * limits.segmentBytes + 3 * 10 * KIB;
      const bytes = diskBytes(node);
      assert.ok(bytes <= bound, `${node.member.name}: ${early[i]} bytes, then ${bytes} > ${bound}`);
    }
    agree(world);
  });

  test('is replayed from the newest snapshot: the state is what it was', () => {
    const { world, client } = started();
    overwrite(client, 20, 20);
    const cursor = client.ask('SCAN', '0', 'COUNT', '5');
    world.run(500);
    const before = world.nodes.map(({ replica }) => replica!.view);
    const expected = before.map(({ stateHash, revision, keys }) => ({ stateHash, revision, keys }));
    for (const node of world.nodes) world.powerOff(node);
    world.startAll();
    for (const node of world.nodes) {
      assert.ok(node.replica!.view.lastApplied > 0, 'a start begins with the snapshot');
    }
    const again = world.client(world.elect());
    agree(world);
    for (const [i, node] of world.nodes.entries()) {
      const { stateHash, revision, keys } = node.replica!.view;
      assert.deepEqual({ stateHash, revision, keys }, expected[i]);
    }
    assert.equal(again.ask('SCAN', '0', 'COUNT', '5'), cursor);
    assert.equal(again.ask('GET', 'k7'), `$${'r19'.padEnd(200, '.')}`);
  });

  test('is not written down before a start has replayed as much of it as makes one due', () => {
    const MIB = 1024 * KIB;
    const never = new World(32, 1, { ...limits, snapshotLogBytesMin: 64 * MIB });
    never.startAll();
    const client = never.client(never.elect());
    const value = '.'.repeat(2 * KIB);
    for (let i = 0; i < 1700; i++) assert.equal(client.ask('SET', `k${i % 20}`, value), '+OK');
    never.powerOff(never.nodes[0]!);

    const world = new World(33, 1, { ...limits, snapshotLogBytesMin: 2 * MIB });
    const [node] = world.nodes;
    world.restore(node!, never.nodes[0]!.disk.image());
    world.start(node!);
    assert.ok(world.until(() => logged(node!, 'snapshot').length > 0));
    const { index } = logged(node!, 'snapshot')[0]!.fields;
    assert.ok(Number(index) >= 900, `the first one covers ${index} entries`);
  });

  test('falls back to the older snapshot when the newest has rotted, and trusts itself', () => {
    const { world, client } = started();
    overwrite(client, 20, 20);
    world.run(500);
    const victim = world.followers[0]!;
    const hash = victim.replica!.view.stateHash;
    world.kill(victim);
    const image = victim.disk.image();
    const newest = filesOf(victim, 'snapshot-').at(-1)!;
    image.get(newest)![700]! ^= 1;
    world.restore(victim, image);
    world.start(victim);
    assert.equal(victim.failure, null);
    assert.equal(victim.replica!.view.suspect, false);
    const [line] = logged(victim, 'snapshot-damaged');
    assert.match(line!.message, /kept as rot-\d+-snapshot-/);
    agree(world);
    assert.equal(victim.replica!.view.stateHash, hash);
  });

  test('with both snapshots rotten the node is a suspect, and a leader makes it whole', () => {
    const { world, client } = started();
    overwrite(client, 20, 20);
    world.run(500);
    const victim = world.followers[0]!;
    world.kill(victim);
    const image = victim.disk.image();
    for (const name of filesOf(victim, 'snapshot-')) image.get(name)![700]! ^= 1;
    world.restore(victim, image);
    world.start(victim);
    assert.equal(victim.failure, null);
    assert.equal(victim.replica!.view.suspect, true);
    assert.ok(world.until(() => !victim.replica!.view.suspect));
    assert.equal(logged(victim, 'snapshot-installed').length, 1);
    agree(world);
  });
});

describe('a follower that was away for longer than the log reaches back', () => {
  test('gets a snapshot, then the log, and is a full member', () => {
    const { world, leader, client } = started();
    const away = world.followers[0]!;
    overwrite(client, 2, 20);
    world.kill(away);
    overwrite(client, 30, 20);
    world.start(away);
    agree(world);
    assert.equal(logged(away, 'snapshot-installed').length, 1);
    // With the other follower gone, only what it acknowledges can commit anything.
    const other = world.nodes.find((node) => node !== leader && node !== away)!;
    world.kill(other);
    assert.equal(client.ask('SET', 'after', 'it'), '+OK');
    // It can start from what it has been sent, and lead with it.
    world.powerOff(away);
    world.start(away);
    world.start(other);
    world.kill(leader);
    assert.equal(world.client(world.elect()).ask('GET', 'after'), '$it');
    world.start(leader);
    agree(world);
  });

  test('gets there although the leader writes on, and dies, and it is killed on the way', () => {
    for (let seed = 40; seed < 52; seed++) {
      const { world, leader, client } = started(3, seed);
      const away = world.followers[0]!;
      world.kill(away);
      overwrite(client, 15, 20);
      world.start(away);
      world.run(seed % 12);
      if (seed % 3 === 0) {
        world.powerOff(away);
        world.start(away);
        world.run(seed % 7);
      }
      if (seed % 2 === 0) {
        world.kill(leader);
        world.start(leader);
      }
      overwrite(world.client(world.elect()), 4, 20, 's');
      agree(world);
      assert.deepEqual(
        world.nodes.map(({ failure }) => failure),
        [null, null, null],
      );
    }
  });

  test('that waited for an answer hears UNKNOWN when a snapshot jumps over it', () => {
    const { world, leader, client } = started();
    overwrite(client, 2, 20);
    for (const other of world.followers) world.network.cut(leader.member.host, other.member.host);
    client.send('SET', 'k0', 'appended, not committed');
    const isDeposed = () => world.leader !== null && world.leader !== leader;
    assert.ok(world.until(isDeposed, 2000));
    const fast = world.client(world.leader!);
    const values = Array.from({ length: 200 }, (_, i) => `x${i}`.padEnd(500, '.'));
    for (const value of values) fast.send('SET', 'k1', value);
    assert.ok(world.until(() => fast.replies.length >= 200, 600));
    world.network.healAll();
    const before = client.replies.length;
    assert.ok(world.until(() => client.replies.length > before, 1500));
    const reply = client.replies.at(-1)!;
    assert.equal(reply.kind, 'error');
    assert.match((reply as { text: string }).text, /^UNKNOWN .*snapshot/);
    agree(world);
  });
});
