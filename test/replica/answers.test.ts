import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Node, type SimClient, show, World } from './world.ts';

function startWorld(seed: number): { world: World; leader: Node; follower: Node } {
  const world = new World(seed, 3);
  world.startAll();
  const leader = world.elect();
  world.run(200);
  return { world, leader, follower: world.followers[0]! };
}

const lastReply = (client: SimClient): string => show(client.replies.at(-1)!);

describe('every answer is true', () => {
  test('a follower redirects: REDIRECT to who knows the word, MOVED to others', () => {
    const { world, leader, follower } = startWorld(1);
    const address = `${leader.member.host}:7001`;
    const client = world.client(follower);
    assert.equal(client.ask('SET', 'foo', 'bar'), `-MOVED 12182 ${address}`);
    assert.equal(client.ask('CLIENT', 'CAPA', 'redirect'), '+OK');
    assert.equal(client.ask('SET', 'foo', 'bar'), `-REDIRECT ${address}`);
    const person = world.client(follower);
    person.type('GET foo');
    assert.ok(world.until(() => person.replies.length === 1));
    assert.equal(lastReply(person), `-REDIRECT ${address}`);
    assert.equal(client.ask('PING'), '+PONG', 'and answers itself what needs no leader');
  });

  test('CLUSTER SLOTS names the leader first, on every node', () => {
    const { world, leader } = startWorld(2);
    for (const node of world.nodes) {
      const answer = world.client(node).ask('CLUSTER', 'SLOTS');
      assert.ok(answer.startsWith(`[[:0 :16383 [$${leader.member.host} :7001 `), answer);
    }
  });

  test('and while no leader is known, the node that is asked: there one waits for the election', () => {
    const { world, leader, follower } = startWorld(2);
    const client = world.client(follower);
    client.ask('PING');
    world.kill(leader);
    assert.ok(world.until(() => follower.replica!.view.leader === null, 1000));
    const answer = client.ask('CLUSTER', 'SLOTS');
    assert.ok(answer.startsWith(`[[:0 :16383 [$${follower.member.host} :7001 `), answer);
    assert.match(client.ask('SET', 'a', '1'), /^(\+OK|-MOVED \d+ n\d:7001)$/);
  });

  test('with a majority down: what was not appended gets CLUSTERDOWN, within 2 s', () => {
    const { world, leader } = startWorld(3);
    for (const other of world.followers) world.kill(other);
    assert.ok(
      world.until(() => leader.replica!.view.role !== 'leader', 1000),
      'check-quorum',
    );
    const client = world.client(leader);
    const sinceMs = world.scheduler.nowMs;
    assert.match(client.ask('SET', 'a', '1'), /^-CLUSTERDOWN .*nothing was applied/);
    assert.ok(world.scheduler.nowMs - sinceMs <= 2000);
  });

  test('with a majority down: what the leader had appended gets UNKNOWN, within 2 s', () => {
    const { world, leader } = startWorld(4);
    const client = world.client(leader);
    client.ask('PING');
    for (const other of world.followers) world.kill(other);
    const sinceMs = world.scheduler.nowMs;
    assert.match(client.ask('SET', 'a', '1'), /^-UNKNOWN /);
    assert.ok(world.scheduler.nowMs - sinceMs <= 2000);
  });

  test('a deposed leader says NOTAPPLIED when another entry took the place', () => {
    const { world, leader } = startWorld(5);
    const client = world.client(leader);
    client.ask('PING');
    for (const other of world.followers) world.network.cut(leader.member.host, other.member.host);
    client.send('SET', 'a', 'lost');
    assert.ok(world.until(() => world.leader !== leader, 1000));
    const next = world.elect();
    world.network.healAll();
    assert.ok(world.until(() => client.replies.length === 2, 2500));
    assert.match(lastReply(client), /^-NOTAPPLIED /);
    assert.equal(world.client(next).ask('GET', 'a'), '(nil)');
  });

  test('a deposed leader gives the result when its entry was committed after all', () => {
    const { world, leader } = startWorld(6);
    const [a, b] = world.followers as [Node, Node];
    const client = world.client(leader);
    client.ask('PING');
    // The entry reaches a, but no acknowledgement comes back; a wins, for its log is longer.
    world.network.cut(leader.member.host, b.member.host);
    world.network.cutOneWay(a.member.host, leader.member.host);
    client.send('INCR', 'n');
    world.run(50);
    assert.equal(a.replica!.view.lastIndex, leader.replica!.view.lastIndex);
    world.network.cut(a.member.host, leader.member.host);
    assert.ok(world.until(() => a.replica!.view.role === 'leader', 1500));
    world.network.healAll();
    assert.ok(world.until(() => client.replies.length === 2, 2500));
    assert.equal(lastReply(client), ':1');
  });

  test('requests wait out an election instead of failing', () => {
    const { world, leader, follower } = startWorld(7);
    const client = world.client(follower);
    client.ask('CLIENT', 'CAPA', 'redirect');
    world.kill(leader);
    world.run(2);
    const answer = client.ask('SET', 'a', '1');
    assert.match(answer, /^(\+OK|-REDIRECT n\d:7001)$/);
    assert.notEqual(answer, `-REDIRECT ${leader.member.host}:7001`);
  });

  test('a deposed leader in a minority answers neither reads nor writes', () => {
    const { world, leader } = startWorld(8);
    const client = world.client(leader);
    assert.equal(client.ask('SET', 'a', 'old'), '+OK');
    for (const other of world.followers) world.network.cut(leader.member.host, other.member.host);
    client.send('GET', 'a');
    client.send('SET', 'a', 'new');
    world.run(2500);
    for (const reply of client.replies.slice(1))
      assert.match(show(reply), /^-(UNKNOWN|CLUSTERDOWN) /);
    assert.equal(client.replies.length, 3);
  });
});
