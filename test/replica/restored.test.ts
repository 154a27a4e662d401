import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { index, term } from '../../src/base/ids.ts';
import { encodeConfiguration } from '../../src/raft/configuration.ts';
import { restoredMembersImage } from '../../src/replica/identity-book.ts';
import { RecordingDisk } from '../../src/sim/crash-images/recording-disk.ts';
import { createDirectoryBehind } from '../../src/storage/create.ts';
import { machineOf, streamOf, writeSnapshot } from '../cli/backup-file.ts';
import { type Node, World } from './world.ts';

const KEYS = 30;
const TERM = 9;
const pairs = Array.from({ length: KEYS }, (_, i) => [`k${i}`, `v${i}`] as const);
const clusterIds = { one: bytesOf('restored as one.'), other: bytesOf('restored anew...') };

/** The files of a member that was restored, as `dkvs restore` makes them. */
function restored(world: World, node: Node, clusterId: Uint8Array, start: number) {
  const members = world.nodes.map(({ member }) => member);
  const machine = machineOf(pairs);
  const at = { index: index(machine.lastApplied), term: term(TERM) };
  const disk = new RecordingDisk();
  const configuration = encodeConfiguration({ clusterId, members });
  writeSnapshot(disk, { ...at, id: 77, configuration }, streamOf(machine), 4096);
  const directory = {
    nodeId: node.member.id,
    name: node.member.name,
    directoryId: Uint8Array.from({ length: 16 }, (_, i) => 16 * node.member.id + i + start),
    membersImage: restoredMembersImage(clusterId, members),
  };
  createDirectoryBehind(disk, directory, { ...at, clusterId });
  return disk.image();
}

function worldOf(seed: number, names: readonly string[], size = 3): World {
  const world = new World(seed, size);
  for (const name of names) {
    const node = world.node(name);
    world.restore(node, restored(world, node, clusterIds.one, 0));
  }
  return world;
}

const refusals = ({ logs }: Node): string =>
  logs
    .filter(({ event }) => event === 'peer-refused')
    .map(({ message }) => message)
    .join('\n');

describe('a cluster that was restored', () => {
  for (const size of [1, 3, 5]) {
    test(`of ${size}: all of it is there, and revisions and serials go on`, () => {
      const names = Array.from({ length: size }, (_, i) => `n${i + 1}`);
      const world = worldOf(size, names, size);
      world.startAll();
      const leader = world.elect();
      const { view } = leader.replica!;
      assert.ok(view.term > TERM, 'an election in a later term');
      assert.equal(view.clusterId, Buffer.from(clusterIds.one).toString('hex'));
      assert.equal(view.revision, KEYS);
      const client = world.client(leader);
      for (const [key, value] of pairs) assert.equal(client.ask('GET', key), `$${value}`);
      client.ask('SET', 'new', '1');
      assert.equal(view.revision, KEYS + 1);
      assert.ok(view.commitIndex > KEYS);
      const scanned = client.ask('SCAN', '0', 'COUNT', '1000');
      const order = [...scanned.matchAll(/\$(k\d+|new)/g)].map(([, key]) => key);
      const expected = ['new', ...pairs.map(([key]) => key).reverse()];
      assert.deepEqual(order, expected, 'the newest first: serials go on');
      assert.ok(
        world.until(() => {
          const hashes = world.nodes.map(({ replica }) => replica!.view.stateHash);
          return new Set(hashes).size === 1;
        }),
      );
    });
  }

  test('comes back after a power loss of all its members', () => {
    const world = worldOf(11, ['n1', 'n2', 'n3']);
    world.startAll();
    world.client(world.elect()).ask('SET', 'new', '1');
    for (const node of world.nodes) world.powerOff(node);
    world.startAll();
    const client = world.client(world.elect());
    assert.equal(client.ask('GET', 'new'), '$1');
    assert.equal(client.ask('GET', 'k7'), '$v7');
  });

  test('does not go on with empty members, not even with a majority of them', () => {
    for (const names of [['n1'], ['n1', 'n2'], ['n3']]) {
      const world = worldOf(21, names);
      world.startAll();
      world.run(20_000);
      for (const node of world.nodes) {
        const { view } = node.replica!;
        assert.equal(view.phase, 'joining', `${node.member.name} beside ${names}`);
        assert.ok(view.term <= TERM && view.role === 'follower');
      }
      const told = world.nodes.map(refusals).join('\n');
      assert.match(told, /only one of them was restored from a backup/);
    }
  });

  test('knows no member of another restore of the same backup', () => {
    const world = worldOf(31, ['n1', 'n2']);
    const third = world.node('n3');
    world.restore(third, restored(world, third, clusterIds.other, 0));
    world.startAll();
    world.run(10_000);
    assert.equal(third.replica!.view.phase, 'joining');
    assert.match(refusals(third), /hold data of two different clusters/);
  });

  test('does not take back a member that was restored a second time', () => {
    const world = worldOf(41, ['n1', 'n2', 'n3']);
    world.startAll();
    const client = world.client(world.elect());
    client.ask('SET', 'new', '1');
    const lost = world.followers[0]!;
    world.kill(lost);
    world.restore(lost, restored(world, lost, clusterIds.one, 100));
    world.start(lost);
    assert.ok(world.until(() => lost.failure !== null || lost.replica === null));
    assert.equal(lost.failure!.code, 'emptied', JSON.stringify(lost.failure));
    assert.equal(client.ask('GET', 'new'), '$1');
  });

  test('can be started with its own members only', () => {
    const world = worldOf(51, ['n1', 'n2', 'n3']);
    const other = new World(52, 3);
    const node = other.node('n1');
    other.restore(node, restored(world, node, clusterIds.one, 0));
    other.start(node);
    assert.notEqual(node.replica, null, 'the same members: the same names and places');
    const five = new World(53, 5);
    const one = five.node('n1');
    five.restore(one, restored(world, one, clusterIds.one, 0));
    five.start(one);
    assert.equal(one.failure!.code, 'settings');
    assert.match(one.failure!.message, /was made for --cluster n1=/);
  });
});
