import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from './world.ts';

const VALUE = 'x'.repeat(15 * 1024);

describe('a node whose disk has no room', () => {
  test('comes back by itself when there is room, also if it was restarted meanwhile', () => {
    const world = new World(21, 3);
    world.startAll();
    const leader = world.elect();
    const client = world.client(leader);
    const follower = world.followers[0]!;
    // What it has is all it gets: its segment of 128 KiB, and perhaps a spare one.
    follower.disk.capacityBytes = 1;
    for (let i = 0; i < 20; i++) assert.equal(client.ask('SET', `k${i}`, VALUE), '+OK');
    assert.equal(follower.replica!.view.storageSpace, 'full');
    assert.ok(follower.replica!.view.commitIndex < leader.replica!.view.commitIndex);

    // The first start makes the term durable that could not be written behind the entries. The
    // second has nothing to write but what there is no room for.
    for (let start = 0; start < 2; start++) {
      world.kill(follower);
      world.start(follower);
      assert.ok(world.until(() => follower.replica!.view.storageSpace === 'full'));
      world.run(2000);
      assert.equal(follower.failure, null);
    }
    follower.disk.capacityBytes = Number.POSITIVE_INFINITY;
    // It may have applied what others hold; acknowledged is what it holds itself.
    const acknowledged = () => {
      const known = leader.replica!.view.followers.find(({ id }) => id === follower.member.id);
      return known?.matchIndex === leader.replica!.view.lastIndex;
    };
    assert.equal(acknowledged(), false);
    assert.ok(world.until(acknowledged));
    assert.equal(follower.replica!.view.storageSpace, 'ok');
  });
});
