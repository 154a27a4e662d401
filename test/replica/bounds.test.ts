import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { type SimClient, show, smallLimits, World } from './world.ts';

const count = (client: SimClient, form: RegExp): number =>
  client.replies.filter((reply) => form.test(show(reply))).length;

/** Commands in one piece, as a pipelining client sends them. */
function pipeline(times: number, ...args: readonly string[]): Uint8Array {
  const one = encodeRequest(args);
  const all = new Uint8Array(one.length * times);
  for (let i = 0; i < times; i++) all.set(one, i * one.length);
  return all;
}

/** Has taken so many short replies that it may have as many commands unanswered as any client. */
function trusted(world: World, client: SimClient): SimClient {
  const before = client.replies.length;
  client.raw(pipeline(5000, 'GET', 'none'));
  assert.ok(world.until(() => client.replies.length === before + 5000, 20_000));
  client.replies.length = before;
  return client;
}

describe('everything is bounded', () => {
  test('requests that wait: above the bound a client gets TRYAGAIN, and what was taken is kept', () => {
    const world = new World(1, 3, { ...smallLimits, pendingRequestsMax: 8 });
    world.startAll();
    const leader = world.elect();
    const client = trusted(world, world.client(leader));
    client.ask('PING');
    for (const other of world.followers) world.network.cut(leader.member.host, other.member.host);
    client.raw(pipeline(20, 'INCR', 'n'));
    world.run(50);
    world.network.healAll();
    assert.ok(world.until(() => client.replies.length === 21));
    assert.equal(count(client, /^-TRYAGAIN .*nothing was applied/), 12);
    assert.equal(count(client, /^:\d+$/), 8);
    assert.equal(client.ask('GET', 'n'), '$8', 'what was refused was not applied');
  });

  test('what a leader has appended and not committed', () => {
    const world = new World(2, 3, { ...smallLimits, uncommittedBytesMax: 4000 });
    world.startAll();
    const leader = world.elect();
    const client = trusted(world, world.client(leader));
    client.ask('PING');
    for (const other of world.followers) world.network.cut(leader.member.host, other.member.host);
    client.raw(pipeline(10, 'SET', 'k', 'x'.repeat(1000)));
    world.run(50);
    world.network.healAll();
    assert.ok(world.until(() => client.replies.length === 11));
    assert.equal(count(client, /^-TRYAGAIN /), 7);
    assert.equal(count(client, /^\+OK$/), 3);
  });

  test('a client that does not read is not read from, and hurts nobody', () => {
    const limits = { ...smallLimits, clientPauseOutputBytes: 32 * 1024, clientPipelineMax: 64 };
    const world = new World(3, 3, limits);
    world.startAll();
    const leader = world.elect();
    const slow = world.client(leader);
    assert.equal(slow.ask('SET', 'big', 'x'.repeat(10_000)), '+OK');
    const before = leader.replica!.view.lastIndex;
    slow.pause();
    slow.raw(pipeline(2000, 'GET', 'big'));
    world.run(1000);
    const taken = leader.replica!.view.lastIndex - before;
    // The network's own window of 256 KiB holds 26 replies, what the node buffers a few more.
    assert.ok(taken < 200, `${taken} commands were taken from a client that reads no answer`);
    assert.equal(world.client(leader).ask('PING'), '+PONG');
    slow.resume();
    assert.ok(world.until(() => slow.replies.length === 2001, 20_000));
  });

  test('a client that asks for much and reads nothing does not fill the log with it', () => {
    const world = new World(7, 3, { ...smallLimits, clientPauseOutputBytes: 64 * 1024 });
    world.startAll();
    const leader = world.elect();
    const [silent, reader] = [world.client(leader), world.client(leader)];
    assert.equal(silent.ask('SET', 'big', 'x'.repeat(10_000)), '+OK');
    const before = leader.replica!.view.lastIndex;
    silent.pause();
    silent.raw(pipeline(2000, 'GET', 'big'));
    world.run(500);
    const taken = leader.replica!.view.lastIndex - before;
    // 26 of them are on their way through the network.
    assert.ok(taken >= 26 && taken <= 40, `${taken} commands were taken`);
    reader.raw(pipeline(2000, 'GET', 'big'));
    assert.ok(
      world.until(() => reader.replies.length === 2000, 20_000),
      'who reads is served',
    );
  });

  test('a client that pipelines long commands does not fill the log before the others', () => {
    const limits = { ...smallLimits, clientPipelineBytesMax: 64 * 1024 };
    const world = new World(6, 3, limits);
    world.startAll();
    const leader = world.elect();
    const [greedy, other] = [world.client(leader), world.client(leader)];
    other.ask('PING');
    for (const follower of world.followers) {
      world.network.cut(leader.member.host, follower.member.host);
    }
    const before = leader.replica!.view.lastIndex;
    greedy.raw(pipeline(100, 'SET', 'k', 'x'.repeat(10_000)));
    world.run(50);
    assert.equal(leader.replica!.view.lastIndex - before, 7, 'a 64 KiB of them, and no more');
    world.network.healAll();
    assert.ok(world.until(() => greedy.replies.length === 100));
    assert.equal(count(greedy, /^\+OK$/), 100);
  });

  test('many small requests for much, answered at once: the client is disconnected', () => {
    const bounds = { clientPauseOutputBytes: 128 * 1024, clientOutputBytesMax: 256 * 1024 };
    const limits = { ...smallLimits, ...bounds };
    const world = new World(5, 3, limits);
    world.startAll();
    const leader = world.elect();
    const greedy = trusted(world, world.client(leader));
    assert.equal(greedy.ask('SET', 'big', 'x'.repeat(10_000)), '+OK');
    greedy.pause();
    greedy.raw(pipeline(1000, 'GET', 'big'));
    assert.ok(world.until(() => leader.replica!.view.clients === 0, 2000));
    assert.equal(world.client(leader).ask('PING'), '+PONG');
  });

  test('a flood of commands costs no election, and every one is answered', () => {
    const world = new World(4, 3);
    world.startAll();
    const leader = world.elect();
    const { term } = leader.replica!.view;
    const clients = Array.from({ length: 8 }, () => world.client(leader));
    for (const client of clients) client.raw(pipeline(2000, 'INCR', 'n'));
    assert.ok(world.until(() => clients.every((client) => client.replies.length === 2000), 60_000));
    assert.equal(leader.replica!.view.term, term);
    assert.equal(world.client(leader).ask('GET', 'n'), '$16000');
  });
});
