import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteString } from '../../src/base/bytes.ts';
import { stateItems } from '../../src/kv/state-item-reader.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import { BACKUP_BEHIND_MS, BACKUP_IDLE_MS, BACKUPS_MAX } from '../../src/replica/backups.ts';
import { SnapshotVerifier } from '../../src/storage/snapshot-verifier.ts';
import { type Node, type SimClient, show, smallLimits, World } from './world.ts';

const limits = { ...smallLimits, snapshotChunkBytesMax: 4096 };

function started(seed: number): { world: World; leader: Node; follower: Node; client: SimClient } {
  const world = new World(seed, 3, limits);
  world.startAll();
  const leader = world.elect();
  return { world, leader, follower: world.followers[0]!, client: world.client(leader) };
}

interface Begun {
  readonly index: number;
  readonly id: number;
  readonly bytes: number;
}

function begunIn(reply: string): Begun {
  const match = /^\[\$index :(\d+) \$term :\d+ \$id :(\d+) \$bytes :(\d+)\]$/.exec(reply);
  assert.ok(match !== null, reply);
  const [, index, id, bytes] = match.map(Number);
  return { index: index!, id: id!, bytes: bytes! };
}

const begin = (client: SimClient, ...args: string[]): Begun =>
  begunIn(client.ask('BACKUP', 'BEGIN', ...args));

function readPiece(client: SimClient, id: number, offset: number): Uint8Array {
  client.ask('BACKUP', 'READ', `${id}`, `${offset}`);
  const reply: RespValue = client.replies.at(-1)!;
  assert.equal(reply.kind, 'bulk', show(reply));
  return (reply as { bytes: Uint8Array }).bytes;
}

/** Reads all of it, and answers the pairs that are in it. */
function readAll(client: SimClient, { id, bytes, index }: Begun): ReadonlyMap<string, string> {
  const verifier = new SnapshotVerifier();
  const payloads: Uint8Array[] = [];
  while (!verifier.isWhole) {
    const piece = readPiece(client, id, verifier.offset);
    assert.ok(piece.length <= limits.snapshotChunkBytesMax);
    const taken = verifier.take(piece, 0, piece.length, (part) => payloads.push(part.slice()));
    assert.equal(taken, piece.length, 'whole pieces, all of them sound');
  }
  assert.equal(verifier.offset, bytes);
  assert.equal(verifier.snapshot.index, index);
  return new Map(
    [...stateItems(payloads)].map(({ key, value }) => [byteString(key), byteString(value)]),
  );
}

describe('BACKUP', () => {
  test('a follower gives all that was acknowledged before, while the leader goes on', () => {
    const { world, follower, client } = started(1);
    for (let i = 0; i < 50; i++) client.ask('SET', `k${i}`, `v${i}`.padEnd(500, '.'));
    assert.match(client.ask('DBSIZE'), /^:50$/);
    const point = client.ask('BACKUP', 'POINT').slice(1);
    const reader = world.client(follower);
    const begun = begin(reader, 'AFTER', point);
    assert.ok(begun.index >= Number(point), `${begun.index} < ${point}`);
    client.ask('SET', 'k0', 'later');
    client.ask('DEL', 'k1');
    const pairs = readAll(reader, begun);
    assert.equal(pairs.size, 50);
    assert.equal(pairs.get('k0')!.slice(0, 3), 'v0.');
    assert.equal(pairs.get('k1')!.slice(0, 3), 'v1.');
    assert.equal(reader.ask('BACKUP', 'END', `${begun.id}`), '+OK');
    assert.match(reader.ask('BACKUP', 'READ', `${begun.id}`, '0'), /^-NOBACKUP /);
  });

  test('without AFTER it covers what the node has applied; one that covers it is not taken anew', () => {
    const { world, leader, client } = started(2);
    client.ask('SET', 'a', '1');
    const first = begin(client);
    assert.equal(first.index, leader.replica!.view.lastApplied);
    const again = begin(client, 'AFTER', '1');
    assert.deepEqual(again, first);
    client.ask('SET', 'a', '2');
    const second = begin(client);
    assert.ok(second.index > first.index);
    assert.notEqual(second.id, first.id);
    assert.deepEqual([...readAll(client, second)], [['a', '2']]);
    assert.match(client.ask('BACKUP', 'READ', `${first.id}`, '0'), /^-NOBACKUP snapshot /);
    world.run(10);
  });

  test('what is being read stays, however many newer ones there are', () => {
    const { world, follower, client } = started(3);
    client.ask('SET', 'a', 'old');
    const [reader, other] = [world.client(follower), world.client(follower)];
    world.run(50);
    const begun = begin(reader);
    for (let i = 0; i < 4; i++) {
      client.ask('SET', 'a', `new ${i}`);
      world.run(50);
      const newer = begin(other);
      assert.ok(newer.index > begun.index);
      other.ask('BACKUP', 'END', `${newer.id}`);
    }
    assert.deepEqual([...readAll(reader, begun)], [['a', 'old']]);
    const files = () => follower.disk.list().filter((name) => name.startsWith('snapshot-'));
    assert.equal(files().length, 3, 'two generations, and the one that is read');
    reader.abandon();
    world.run(100);
    assert.equal(files().length, 2, 'its connection is gone, and so is the pin');
  });

  test('a minute without READ lets go of it', () => {
    const { world, client } = started(4);
    client.ask('SET', 'a', '1');
    const { id } = begin(client);
    world.run(BACKUP_IDLE_MS - 1000);
    readPiece(client, id, 0);
    world.run(BACKUP_IDLE_MS - 1000);
    readPiece(client, id, 0);
    world.run(BACKUP_IDLE_MS + 1000);
    const late = client.ask('BACKUP', 'READ', `${id}`, '0');
    assert.match(late, /^-NOBACKUP .* is not kept for this connection \(any more\): BACKUP BEGIN/);
  });

  test('a node serves a few at a time, and the next when one has gone', () => {
    const { world, leader } = started(5);
    const clients = Array.from({ length: BACKUPS_MAX }, () => world.client(leader));
    for (const client of clients) begin(client);
    const late = world.client(leader);
    assert.match(
      late.ask('BACKUP', 'BEGIN'),
      /^-TRYAGAIN n\d serves 4 backups already: ask another/,
    );
    begin(clients[0]!); // its own it may replace
    clients[1]!.abandon();
    world.run(20);
    begin(late);
  });

  test('a node that lags waits, and says so when it does not get there', () => {
    const { world, follower, client } = started(6);
    client.ask('SET', 'a', '1');
    world.run(50);
    for (const node of world.nodes) {
      if (node !== follower) world.network.cut(follower.member.host, node.member.host);
    }
    client.ask('SET', 'a', '2');
    const point = client.ask('BACKUP', 'POINT').slice(1);
    const reader = world.client(follower);
    reader.send('BACKUP', 'BEGIN', 'AFTER', point);
    world.run(BACKUP_BEHIND_MS - 500);
    assert.equal(reader.replies.length, 0, 'it waits');
    world.run(1000);
    assert.match(show(reader.replies[0]!), /^-TRYAGAIN n\d has applied \d+, and \d+ is asked for/);
    reader.send('BACKUP', 'BEGIN', 'AFTER', point);
    world.run(100);
    for (const node of world.nodes) {
      if (node !== follower) world.network.heal(follower.member.host, node.member.host);
    }
    assert.ok(world.until(() => reader.replies.length === 2));
    const pairs = readAll(reader, begunIn(show(reader.replies[1]!)));
    assert.deepEqual([...pairs], [['a', '2']]);
  });

  test('an index that never comes does not stand in the way of others', () => {
    const { world, leader, client } = started(7);
    client.ask('SET', 'a', '1');
    const dreamer = world.client(leader);
    dreamer.send('BACKUP', 'BEGIN', 'AFTER', '9007199254740991');
    world.run(100);
    begin(client);
    dreamer.end();
    assert.ok(world.until(() => dreamer.closed));
    assert.match(show(dreamer.replies[0]!), /^-TRYAGAIN /);
  });

  test('POINT is behind what the same pipeline wrote', () => {
    const { world, leader, client } = started(8);
    assert.equal(client.ask('BACKUP', 'POINT'), ':0');
    client.send('SET', 'a', '1');
    client.send('BACKUP', 'POINT');
    client.send('BACKUP', 'BEGIN');
    assert.ok(world.until(() => client.replies.length === 4));
    const [, set, point, begun] = client.replies.map(show);
    assert.equal(set, '+OK');
    assert.equal(point, `:${leader.replica!.view.lastIndex}`);
    assert.deepEqual([...readAll(client, begunIn(begun!))], [['a', '1']]);
  });

  test('refuses what makes no sense, and says what to do', () => {
    const { world, follower, client } = started(9);
    assert.equal(client.ask('BACKUP'), "-ERR wrong number of arguments for 'backup' command");
    assert.equal(client.ask('BACKUP', 'BEGIN', 'BEFORE', '1'), '-ERR syntax error');
    assert.equal(client.ask('BACKUP', 'BEGIN', 'AFTER'), '-ERR syntax error');
    assert.match(client.ask('BACKUP', 'BEGIN', 'AFTER', '-1'), /^-ERR index is not an integer/);
    assert.match(client.ask('BACKUP', 'READ', 'x', '0'), /^-ERR snapshot-id is not an integer/);
    assert.match(client.ask('BACKUP', 'END', '1e3'), /^-ERR snapshot-id is not an integer/);
    const { id, bytes } = begin(client);
    assert.equal(client.ask('BACKUP', 'READ', `${id}`, '-5'), '-ERR offset is out of range');
    for (const offset of [1, bytes - 1, bytes, bytes + 1]) {
      const reply = client.ask('BACKUP', 'READ', `${id}`, `${offset}`);
      assert.match(
        reply,
        /^-NOBACKUP no piece of the snapshot at byte \d+ is there and sound: BACKUP/,
      );
    }
    assert.match(world.client(follower).ask('BACKUP', 'READ', `${id}`, '0'), /^-NOBACKUP /);
  });

  test('a piece that has rotted is never handed out', () => {
    const { world, follower, client } = started(10);
    client.ask('SET', 'a', 'x'.repeat(9000));
    world.run(50);
    const reader = world.client(follower);
    const { id } = begin(reader);
    const header = readPiece(reader, id, 0);
    const name = follower.disk.list().find((file) => file.startsWith('snapshot-'))!;
    follower.disk.damage(name, header.length + 50, Uint8Array.of(0));
    assert.match(reader.ask('BACKUP', 'READ', `${id}`, `${header.length}`), /^-NOBACKUP no piece /);
    const sound = begin(reader, 'AFTER', '1');
    assert.notEqual(sound.id, id, 'the bad one is not offered again');
    assert.equal(readAll(reader, sound).get('a')!.length, 9000);
  });
});
