import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STARTS_MAX } from '../../src/base/start-history.ts';
import { type Node, World } from './world.ts';

/** Three nodes that have written something, and the one whose disk is tampered with. */
function cluster(seed: number): { world: World; victim: Node } {
  const world = new World(seed, 3);
  world.startAll();
  const leader = world.elect();
  assert.equal(world.client(leader).ask('SET', 'first', 'value'), '+OK');
  const victim = world.followers.at(-1)!;
  return { world, victim };
}

function others(world: World, victim: Node): readonly Node[] {
  return world.nodes.filter((node) => node !== victim);
}

/** Starts it, and waits until it takes part: so all who are up have bound this start. */
function startAndJoin(world: World, node: Node): void {
  world.start(node);
  assert.equal(node.failure, null);
  const applied = () => world.elect().replica!.view.lastApplied;
  const joined = () => node.replica?.view.lastApplied === applied();
  assert.ok(world.until(joined), `${node.member.name} does not join`);
  world.run(100);
}

function restart(world: World, node: Node): void {
  world.kill(node);
  startAndJoin(world, node);
}

/** The files of a node that is stopped for a moment. */
function backUp(world: World, node: Node): ReadonlyMap<string, Uint8Array> {
  world.kill(node);
  const image = node.disk.image();
  startAndJoin(world, node);
  return image;
}

function assertGoesOn(world: World, victim: Node): void {
  for (const node of others(world, victim)) assert.equal(node.failure, null);
  assert.equal(world.client(world.elect()).ask('SET', 'after', 'all'), '+OK');
}

/** The others refuse it, and it ends: with a sentence that says what to do. */
function assertRefused(world: World, victim: Node, start: number): void {
  assert.ok(
    world.until(() => victim.failure !== null, 2000),
    'nobody noticed',
  );
  const { code, message, remedy } = victim.failure!;
  assert.equal(code, 'stale');
  const name = victim.member.name;
  assert.match(message, /^n\d refuses this data directory: n\d was known at start /);
  assert.match(message, new RegExp(`${name} was known at start \\d+ .*is at start ${start} now`));
  assert.match(
    remedy,
    /^Put the newest copy of the directory in its place.*leave this node stopped/,
  );
  assert.equal(victim.process, null);
}

/** And every later start of it is refused at once, by itself. */
function assertStaysRefused(world: World, victim: Node): void {
  const before = victim.disk.image();
  for (let again = 0; again < 3; again++) {
    world.start(victim);
    assert.equal(victim.process, null);
    assert.equal(victim.failure?.code, 'stale');
    assert.match(victim.failure!.message, /an old copy, which has forgotten promises/);
  }
  assert.deepEqual(victim.disk.image(), before);
}

describe('an old copy of a data directory', () => {
  test('that is one start behind, so that the counts are the same, is refused for ever', () => {
    const { world, victim } = cluster(1);
    const copy = backUp(world, victim);
    world.kill(victim);
    world.restore(victim, copy);
    world.start(victim);
    assertRefused(world, victim, 2);
    assertGoesOn(world, victim);
    assertStaysRefused(world, victim);
    assertGoesOn(world, victim);
  });

  test('is refused whatever the original went through since', () => {
    for (const starts of [2, 3, 10]) {
      const { world, victim } = cluster(10 + starts);
      const copy = backUp(world, victim);
      for (let start = 2; start <= starts; start++) restart(world, victim);
      world.kill(victim);
      world.restore(victim, copy);
      world.start(victim);
      assertRefused(world, victim, 2);
      assertStaysRefused(world, victim);
      assertGoesOn(world, victim);
    }
  });

  test('is refused although it was started more often than the original meanwhile', () => {
    const { world, victim } = cluster(2);
    const copy = backUp(world, victim);
    world.kill(victim);
    world.restore(victim, copy);
    // Nobody is there who could tell it.
    for (const node of others(world, victim))
      world.network.cut(victim.member.host, node.member.host);
    for (let start = 2; start < 8; start++) {
      world.start(victim);
      world.run(300);
      assert.equal(victim.failure, null);
      world.kill(victim);
    }
    world.network.healAll();
    world.start(victim);
    assertRefused(world, victim, 8);
    assertStaysRefused(world, victim);
    assertGoesOn(world, victim);
  });

  test('stops even if it can’t write down that it must not start again; the next time it can', () => {
    const { world, victim } = cluster(3);
    const copy = backUp(world, victim);
    world.kill(victim);
    world.restore(victim, copy);
    world.start(victim);
    victim.disk.failNext('write', 'EIO', 'state.0');
    assertRefused(world, victim, 2);
    world.start(victim);
    assertRefused(world, victim, 3);
    assertStaysRefused(world, victim);
    assertGoesOn(world, victim);
  });

  test('was never heard: no vote and no acknowledgement of it counted', () => {
    const { world, victim } = cluster(4);
    const copy = backUp(world, victim);
    world.kill(victim);
    const [one, two] = others(world, victim);
    world.kill(two!);
    world.restore(victim, copy);
    world.start(victim);
    assertRefused(world, victim, 2);
    world.run(3000);
    assert.notEqual(one!.replica!.view.role, 'leader', 'alone, it is no majority');
    world.start(two!);
    assertGoesOn(world, victim);
  });

  test('gives its place back to the newest', () => {
    const { world, victim } = cluster(5);
    const copy = backUp(world, victim);
    world.kill(victim);
    const newest = victim.disk.image();
    world.restore(victim, copy);
    world.start(victim);
    assertRefused(world, victim, 2);
    world.restore(victim, newest);
    startAndJoin(world, victim);
    assertGoesOn(world, victim);
  });
});

describe('a directory that was never restored', () => {
  test('is welcome after any number of starts, also to a member that slept through them', () => {
    for (const starts of [STARTS_MAX - 1, STARTS_MAX, STARTS_MAX + 1, 2 * STARTS_MAX + 5]) {
      const { world, victim } = cluster(100 + starts);
      const [sleeper, witness] = others(world, victim);
      world.kill(sleeper!);
      for (let start = 0; start < starts; start++) restart(world, victim);
      world.kill(witness!);
      world.start(sleeper!);
      // The two of them are the majority now.
      assert.equal(world.client(world.elect()).ask('GET', 'first'), '$value');
      world.start(witness!);
      world.run(1000);
      for (const node of world.nodes) assert.equal(node.failure, null);
    }
  });
});
