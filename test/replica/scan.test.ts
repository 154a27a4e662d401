import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimClient, World } from './world.ts';

/** "[$12 [$a $b]]": a page of a SCAN as `show` shows it. */
function pageOf(client: SimClient, cursor: string): { next: string; keys: string[] } {
  const reply = client.ask('SCAN', cursor, 'COUNT', '7');
  const parts = /^\[\$(\d+) \[(.*)\]\]$/.exec(reply);
  assert.ok(parts !== null, reply);
  const keys = parts[2] === '' ? [] : parts[2]!.split(' ').map((key) => key.slice(1));
  return { next: parts[1]!, keys };
}

test('one SCAN goes on through a change of leader, a restart of all, and writes between', () => {
  const world = new World(21, 3);
  world.startAll();
  let client = world.client(world.elect());
  for (let i = 0; i < 50; i++) client.ask('SET', `stays:${i}`, 'v');
  const found: string[] = [];
  let cursor = '0';
  for (let pages = 1; pages === 1 || cursor !== '0'; pages++) {
    const { next, keys } = pageOf(client, cursor);
    cursor = next;
    found.push(...keys);
    client.ask('SET', `new:${pages}`, 'v');
    client.ask('DEL', `new:${pages - 1}`);
    client.ask('SET', `stays:${pages}`, 'another');
    if (pages === 2) {
      const old = world.leader!;
      world.kill(old);
      client = world.client(world.elect());
      world.start(old);
    }
    if (pages === 4) {
      for (const node of world.nodes) world.powerOff(node);
      world.startAll();
      client = world.client(world.elect());
    }
    assert.ok(pages < 20, 'a scan ends');
  }
  const all = Array.from({ length: 50 }, (_, i) => `stays:${i}`);
  assert.deepEqual(found.sort(), all.sort(), 'each exactly once');
});
