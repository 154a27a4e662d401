import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Node, show, World } from './world.ts';

function started(seed: number): { world: World; leader: Node; others: readonly Node[] } {
  const world = new World(seed, 3);
  world.startAll();
  const leader = world.elect();
  return { world, leader, others: world.followers };
}

/** How long it takes, in ms of the simulated world. */
function timed<T>(world: World, run: () => T): { result: T; tookMs: number } {
  const startMs = world.scheduler.nowMs;
  const result = run();
  return { result, tookMs: world.scheduler.nowMs - startMs };
}

describe('WAIT', () => {
  test('an answered write is on a majority: of three, one other has it at once', () => {
    const { world, leader } = started(1);
    const client = world.client(leader);
    assert.equal(client.ask('SET', 'k', 'v'), '+OK');
    const { result, tookMs } = timed(world, () => client.ask('WAIT', '1', '0'));
    assert.match(result, /^:[12]$/);
    assert.ok(tookMs < 3, `${tookMs} ms`);
    assert.equal(client.ask('WAIT', '2', '0'), ':2');
    for (const node of world.followers) {
      assert.ok(node.replica!.view.lastIndex >= leader.replica!.view.lastIndex);
    }
  });

  test('hears of the last acknowledgement when it comes, though nothing else follows from it', () => {
    for (let seed = 10; seed < 20; seed++) {
      const { world, leader } = started(seed);
      const client = world.client(leader);
      client.ask('PING');
      client.send('SET', 'k', 'v');
      client.send('WAIT', '2', '0');
      const { tookMs } = timed(world, () => world.until(() => client.replies.length === 3));
      assert.equal(show(client.replies[2]!), ':2');
      assert.ok(tookMs < 5, `seed ${seed}: ${tookMs} ms`);
    }
  });

  test('waits for a member that is cut off until the timeout, and says the truth', () => {
    const { world, leader, others } = started(2);
    const client = world.client(leader);
    client.ask('PING');
    world.network.cut(leader.member.host, others[0]!.member.host);
    client.ask('SET', 'k', 'v');
    const { result, tookMs } = timed(world, () => client.ask('WAIT', '2', '150'));
    assert.equal(result, ':1');
    assert.ok(tookMs >= 150 && tookMs < 160, `${tookMs} ms`);
  });

  test('ends as soon as the last member has it', () => {
    const { world, leader, others } = started(3);
    const client = world.client(leader);
    client.ask('PING');
    world.kill(others[0]!);
    client.ask('SET', 'k', 'v');
    client.send('WAIT', '2', '0');
    world.run(100);
    assert.equal(client.replies.length, 2, 'it blocks');
    world.start(others[0]!);
    assert.ok(world.until(() => client.replies.length === 3));
    assert.equal(show(client.replies[2]!), ':2');
    assert.ok(others[0]!.replica!.view.lastIndex >= leader.replica!.view.lastApplied);
  });

  test('speaks of what the same pipeline wrote before it, and what follows waits for it', () => {
    const { world, leader, others } = started(4);
    const client = world.client(leader);
    client.ask('PING');
    world.network.cut(leader.member.host, others[0]!.member.host);
    client.send('INCR', 'n');
    client.send('WAIT', '2', '50');
    client.send('INCR', 'n');
    client.send('PING');
    assert.ok(world.until(() => client.replies.length === 5));
    assert.deepEqual(client.replies.slice(1).map(show), [':1', ':1', ':2', '+PONG']);
  });

  test('a client that leaves is let go, and one that sends no more hears what is known', () => {
    const { world, leader, others } = started(5);
    world.kill(others[0]!);
    const [gone, half] = [world.client(leader), world.client(leader)];
    for (const client of [gone, half]) {
      assert.equal(client.ask('INCR', 'n').slice(0, 1), ':');
      client.send('WAIT', '2', '0');
    }
    world.run(20);
    const info = world.client(leader);
    assert.match(
      info.ask('INFO', 'clients'),
      /connected_clients:3\r\n[\s\S]*blocked_clients:2\r\n/,
    );
    gone.abandon();
    half.end();
    assert.ok(world.until(() => half.closed));
    assert.equal(show(half.replies[1]!), ':1');
    world.run(20);
    assert.match(
      info.ask('INFO', 'clients'),
      /connected_clients:1\r\n[\s\S]*blocked_clients:0\r\n/,
    );
  });

  test('a leader that is deposed meanwhile does not know, and says so', () => {
    const { world, leader, others } = started(6);
    const client = world.client(leader);
    client.ask('SET', 'k', 'v');
    for (const other of others) world.network.cut(leader.member.host, other.member.host);
    client.ask('WAIT', '3', '1');
    client.send('WAIT', '3', '0');
    assert.ok(world.until(() => client.replies.length === 3));
    assert.match(show(client.replies[2]!), /^-UNBLOCKED /);
    assert.match(client.ask('WAIT', '1', '0'), /^-ERR WAIT cannot be used with replica instances/);
  });

  test('refuses numbers that are none', () => {
    const { world, leader } = started(7);
    const client = world.client(leader);
    assert.equal(client.ask('WAIT', 'x', '0'), '-ERR value is not an integer or out of range');
    assert.equal(client.ask('WAIT', '1', 'x'), '-ERR timeout is not an integer or out of range');
    assert.equal(client.ask('WAIT', '1', '-1'), '-ERR timeout is negative');
    assert.equal(client.ask('WAIT', '-1', '0'), ':2', 'nothing written: everybody has it');
  });

  test('what is sent behind a WAIT is bounded', () => {
    const { world, leader, others } = started(8);
    world.kill(others[0]!);
    const client = world.client(leader);
    client.ask('SET', 'k', 'v');
    client.send('WAIT', '2', '2000');
    for (let i = 0; i < 100; i++) client.send('ECHO', 'x'.repeat(10_000));
    world.run(1000);
    const line = world.client(leader).ask('CLIENT', 'LIST', 'ID', '1');
    const unread = Number(/qbuf=(\d+)/.exec(line)![1]);
    assert.ok(unread > 64 * 1024 && unread <= 128 * 1024, `${unread} bytes are held`);
    assert.ok(world.until(() => client.replies.length === 102));
  });
});
