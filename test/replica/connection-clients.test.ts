import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { type Node, type SimClient, show, smallLimits, World } from './world.ts';

function started(seed: number): { world: World; leader: Node } {
  const world = new World(seed, 1);
  world.startAll();
  return { world, leader: world.elect() };
}

/** Connected one after the other, so that their ids are 1, 2, … */
function connect(world: World, to: Node, count: number): SimClient[] {
  return Array.from({ length: count }, () => {
    const client = world.client(to);
    client.ask('PING');
    return client;
  });
}

/** The fields of a line of CLIENT LIST. */
const fieldsOf = (line: string): Map<string, string> =>
  new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string]));

const linesOf = (reply: string): Map<string, string>[] =>
  reply.slice(1).split('\n').slice(0, -1).map(fieldsOf);

describe('CLIENT LIST', () => {
  test('says of each connection who it is and what it did', () => {
    const { world, leader } = started(1);
    const app = world.client(leader);
    app.ask('CLIENT', 'SETNAME', 'app');
    app.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'lib');
    app.ask('CLIENT', 'SETINFO', 'LIB-VER', '1.2');
    app.ask('INCR', 'n');
    world.run(3500);
    const other = world.client(leader);
    const [first, second] = linesOf(other.ask('CLIENT', 'LIST')) as [
      Map<string, string>,
      Map<string, string>,
    ];
    assert.match(first.get('addr')!, /^client1:\d+$/);
    assert.equal(first.get('laddr'), 'n1:7001');
    const said = ['name', 'cmd', 'resp', 'flags', 'lib-name', 'lib-ver', 'tot-cmds', 'age', 'idle'];
    assert.deepEqual(
      said.map((name) => first.get(name)),
      ['app', 'incr', '2', 'N', 'lib', '1.2', '4', '3', '3'],
    );
    assert.equal(second.get('cmd'), 'client|list');
    assert.equal(second.get('idle'), '0');
    assert.equal(other.ask('CLIENT', 'ID'), `:${second.get('id')}`);
    assert.deepEqual([...first.keys()], [...second.keys()]);
    assert.equal(linesOf(other.ask('CLIENT', 'INFO'))[0]!.get('id'), second.get('id'));
  });

  test('lists those that are asked for', () => {
    const { world, leader } = started(2);
    const [client] = connect(world, leader, 2) as [SimClient, SimClient];
    const ids = (...args: string[]) =>
      linesOf(client.ask('CLIENT', 'LIST', ...args)).map((line) => line.get('id'));
    assert.deepEqual(ids('ID', '2', '99', '1'), ['1', '2']);
    assert.deepEqual(ids('ID', '2'), ['2']);
    assert.deepEqual(ids('TYPE', 'Normal'), ['1', '2']);
    assert.deepEqual(ids('TYPE', 'replica'), []);
  });

  test('of many clients takes some turns, and what follows comes behind it', () => {
    const { world, leader } = started(3);
    const many = Array.from({ length: 600 }, () => world.client(leader));
    for (const client of many) client.send('PING');
    assert.ok(world.until(() => many.every((client) => client.replies.length === 1)));
    const asks = many[0]!;
    asks.send('CLIENT', 'LIST');
    asks.send('CLIENT', 'SETNAME', 'later');
    asks.send('CLIENT', 'LIST', 'ID', '1', '2', '3');
    assert.ok(world.until(() => asks.replies.length === 4));
    const [, all, ok, three] = asks.replies.map(show) as [string, string, string, string];
    assert.deepEqual([linesOf(all).length, ok, linesOf(three).length], [600, '+OK', 3]);
    assert.doesNotMatch(all, /later/);
  });
});

describe('CLIENT KILL', () => {
  test('closes whom all the filters fit, and spares the one that asks', () => {
    const { world, leader } = started(4);
    const [me, a, b] = connect(world, leader, 3) as [SimClient, SimClient, SimClient];
    assert.equal(me.ask('CLIENT', 'KILL', 'ID', '2', 'TYPE', 'replica'), ':0');
    assert.equal(me.ask('CLIENT', 'KILL', 'ID', '2', 'USER', 'default'), ':1');
    assert.ok(world.until(() => a.closed));
    assert.equal(me.ask('CLIENT', 'KILL', 'MAXAGE', '100'), ':0');
    assert.equal(me.ask('CLIENT', 'KILL', 'LADDR', 'n1:7001'), ':1');
    assert.ok(world.until(() => b.closed));
    assert.equal(me.ask('CLIENT', 'KILL', 'TYPE', 'normal'), ':0');
    assert.equal(me.ask('PING'), '+PONG');
  });

  test('in its old form, by address; the one that asks is closed behind the answer', () => {
    const { world, leader } = started(5);
    const [me, other] = connect(world, leader, 2) as [SimClient, SimClient];
    const addressOf = (client: SimClient) =>
      linesOf(client.ask('CLIENT', 'INFO'))[0]!.get('addr') as string;
    const [mine, others] = [addressOf(me), addressOf(other)];
    assert.equal(me.ask('CLIENT', 'KILL', '1.2.3.4:5'), '-ERR No such client');
    assert.equal(me.ask('CLIENT', 'KILL', others), '+OK');
    assert.ok(world.until(() => other.closed));
    me.send('CLIENT', 'KILL', mine);
    me.send('PING');
    assert.ok(world.until(() => me.closed));
    assert.deepEqual(me.replies.map(show).slice(4), ['+OK'], 'and what follows is not run');
  });

  test('what a killed client had in the pipeline and was not appended is never run', () => {
    const { world, leader } = started(6);
    const [me, victim] = connect(world, leader, 2) as [SimClient, SimClient];
    for (let i = 0; i < 9000; i++) victim.send('INCR', 'n');
    victim.onChange = () => {
      victim.onChange = () => {};
      me.send('CLIENT', 'KILL', 'ID', '2');
    };
    assert.ok(world.until(() => victim.closed));
    world.run(1000);
    const done = Number(me.ask('GET', 'n').slice(1));
    assert.ok(done >= 1 && done < 9000, `${done} of 9000`);
  });

  test('refuses what it does not understand', () => {
    const { world, leader } = started(7);
    const me = world.client(leader);
    const refusals: Record<string, string> = {
      'ID 0': 'client-id should be greater than 0',
      'ID x': 'client-id should be greater than 0',
      'MAXAGE 0': 'maxage should be greater than 0',
      'MAXAGE x': 'maxage is not an integer or out of range',
      'TYPE foo': "Unknown client type 'foo'",
      'USER nobody': "No such user 'nobody'",
      'SKIPME x': 'syntax error',
      'ID 99 ADDR': 'syntax error',
      'FOO bar': 'syntax error',
    };
    for (const [filter, refusal] of Object.entries(refusals)) {
      assert.equal(me.ask('CLIENT', 'KILL', ...filter.split(' ')), `-ERR ${refusal}`, filter);
    }
  });
});

test('a client that is disconnected for its unread output runs nothing more', () => {
  const limits = { ...smallLimits, clientPauseOutputBytes: 1000, clientOutputBytesMax: 2000 };
  const world = new World(8, 1, limits);
  world.startAll();
  const leader = world.elect();
  const greedy = world.client(leader);
  greedy.ask('PING');
  greedy.raw(
    concatBytes([encodeRequest(['ECHO', 'x'.repeat(3000)]), encodeRequest(['INCR', 'n'])]),
  );
  assert.ok(world.until(() => greedy.closed));
  assert.equal(world.client(leader).ask('GET', 'n'), '(nil)');
});
