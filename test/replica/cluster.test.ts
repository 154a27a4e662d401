import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from './world.ts';

describe('a cluster', () => {
  for (const size of [1, 2, 3, 4, 5, 6, 7]) {
    test(`of ${size} elects a leader, writes and reads`, () => {
      const world = new World(size, size);
      world.startAll();
      const client = world.client(world.elect());
      assert.equal(client.ask('SET', 'greeting', 'hello'), '+OK');
      assert.equal(client.ask('GET', 'greeting'), '$hello');
      assert.equal(client.ask('INCR', 'n'), ':1');
      assert.equal(client.ask('DEL', 'greeting', 'absent'), ':1');
      assert.equal(client.ask('GET', 'greeting'), '(nil)');
    });
  }

  test('applies the same on every node', () => {
    const world = new World(7, 3);
    world.startAll();
    const client = world.client(world.elect());
    for (let i = 0; i < 50; i++) client.ask('SET', `k${i % 7}`, `v${i}`);
    world.run(200);
    const states = world.nodes.map(({ replica }) => [
      replica!.view.lastApplied,
      replica!.view.stateHash,
    ]);
    assert.deepEqual(states[1], states[0]);
    assert.deepEqual(states[2], states[0]);
  });

  test('survives kill -9 of its leader: acknowledged writes stay, and it goes on', () => {
    const world = new World(11, 3);
    world.startAll();
    const old = world.elect();
    const client = world.client(old);
    for (let i = 0; i < 20; i++) assert.equal(client.ask('SET', `k${i}`, `v${i}`), '+OK');
    const killedAtMs = world.scheduler.nowMs;
    world.kill(old);
    const next = world.elect();
    assert.notEqual(next, old);
    assert.ok(world.scheduler.nowMs - killedAtMs < 100, 'the evidence of a dead process is quick');
    const other = world.client(next);
    for (let i = 0; i < 20; i++) assert.equal(other.ask('GET', `k${i}`), `$v${i}`);

    world.start(old);
    assert.ok(world.until(() => old.replica!.view.lastApplied === next.replica!.view.lastApplied));
  });

  test('a silent leader is replaced within the election timeout and a half', () => {
    const world = new World(12, 3);
    world.startAll();
    const old = world.elect();
    const sinceMs = world.scheduler.nowMs;
    for (const other of world.followers) world.network.cut(old.member.host, other.member.host);
    assert.ok(world.until(() => world.leader !== old && world.leader !== null, 2000));
    assert.ok(world.scheduler.nowMs - sinceMs < 900);
    assert.ok(
      world.until(() => old.replica!.view.role !== 'leader', 600),
      'check-quorum',
    );
  });

  test('everything acknowledged is there after a power cut of all nodes', () => {
    const world = new World(13, 3);
    world.startAll();
    const client = world.client(world.elect());
    for (let i = 0; i < 40; i++) assert.equal(client.ask('SET', `k${i}`, `v${i}`), '+OK');
    for (const node of world.nodes) world.powerOff(node);
    world.startAll();
    const again = world.client(world.elect());
    for (let i = 0; i < 40; i++) assert.equal(again.ask('GET', `k${i}`), `$v${i}`);
  });

  test('a laggard is fed from disk', () => {
    const world = new World(14, 3);
    world.startAll();
    const leader = world.elect();
    const away = world.followers[0]!;
    world.kill(away);
    const client = world.client(leader);
    const value = 'x'.repeat(4000);
    for (let i = 0; i < 60; i++) assert.equal(client.ask('SET', `k${i}`, value + i), '+OK');
    world.start(away);
    assert.ok(
      world.until(() => away.replica!.view.lastApplied === leader.replica!.view.lastApplied),
    );
    assert.equal(away.replica!.view.stateHash, leader.replica!.view.stateHash);
  });

  test('hands leadership over when its leader is told to stop', () => {
    const world = new World(15, 3);
    world.startAll();
    const old = world.elect();
    const client = world.client(old);
    client.ask('SET', 'a', '1');
    let stopped = false;
    old.replica!.stop(() => {
      stopped = true;
    });
    assert.ok(world.until(() => stopped, 2000));
    const next = world.elect();
    assert.ok(next !== old);
    assert.equal(world.client(next).ask('GET', 'a'), '$1');
  });
});
