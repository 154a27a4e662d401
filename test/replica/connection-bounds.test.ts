import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { ClientConnection, type ClientService } from '../../src/replica/client-connection.ts';
import type { Stream } from '../../src/replica/network.ts';
import { smallLimits, World } from './world.ts';

test('no command does much work for one request', () => {
  const world = new World(1, 1);
  world.startAll();
  const client = world.client(world.elect());
  const many = (count: number, ...words: string[]): string[] => Array(count).fill(words).flat();
  const requests: readonly (readonly string[])[] = [
    ['COMMAND', 'INFO', ...many(200, 'client')],
    ['COMMAND', 'DOCS', ...many(200, 'client')],
    ['COMMAND', 'GETKEYS', 'DEL', ...many(9000, 'k')],
    ['CONFIG', 'GET', ...many(200, '*')],
    ['INFO', ...many(200, 'raft')],
    ['HELLO', '2', ...many(200, 'SETNAME', 'x')],
    ['CLIENT', 'KILL', ...many(200, 'ID', '99')],
    ['CLIENT', 'LIST', 'ID', ...many(9000, '1')],
    ['CLIENT', 'CAPA', ...many(200, 'x')],
  ];
  for (const request of requests) {
    assert.match(client.ask(...request), /^-ERR wrong number of arguments for '/, request[1]);
  }
  const long = '*?'.repeat(1000);
  const tooLong = '-ERR pattern of 2000 bytes is longer than the limit of 256 bytes';
  assert.equal(client.ask('CONFIG', 'GET', long), tooLong);
  assert.equal(client.ask('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', long), tooLong);
  assert.match(client.ask('CONFIG', 'GET', '*a'.repeat(120)), /^\[\]$/);
});

test('a command that is not fast takes more of what a turn has for all clients', () => {
  const world = new World(2, 1);
  world.startAll();
  const { view } = world.elect().replica!;
  let spent = 0;
  const spend = (commands: number) => {
    spent += commands;
    return true;
  };
  const service = { limits: smallLimits, view, spend, now: () => 0, received: () => 0 };
  const stream = { bufferedBytes: 0, pause() {}, resume() {} };
  const connection = new ClientConnection(
    stream as unknown as Stream,
    { ...service, flushLater() {}, spoke() {}, charge() {} } as unknown as ClientService,
    1,
    { host: 'h', port: 1 },
  );
  const cost = (line: string) => {
    const before = spent;
    connection.onBytes(encodeRequest(line.split(' ')));
    return spent - before;
  };
  // One more each time, to find that there is no further command.
  assert.deepEqual([cost('PING'), cost('CLUSTER INFO'), cost('TIME')], [2, 17, 2]);
});
