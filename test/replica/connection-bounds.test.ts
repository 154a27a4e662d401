import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.ts';

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
