import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptDataLoss } from '../../src/storage/accept.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Writer } from './workload.ts';
import { type Node, smallLimits, World } from './world.ts';

const SEGMENT = 'wal-0000000001';
/** DKVS_BLACKOUT_SEEDS=1000 for a night. */
const BLACKOUT_SEEDS = Number(process.env['DKVS_BLACKOUT_SEEDS'] ?? 4);

/** A cluster that has committed `count` writes, and has marked its logs since. */
function started(size: number, count = 20): World {
  const world = new World(11, size);
  world.startAll();
  const client = world.client(world.elect());
  for (let i = 0; i < count; i++) assert.equal(client.ask('SET', `k${i}`, `v${i}`), '+OK');
  world.run(500);
  return world;
}

/** Kills the node and flips a byte of its log, behind this many batches of the shortest kind. */
function rot(world: World, node: Node, batches: number): void {
  world.kill(node);
  const image = node.disk.image();
  image.get(SEGMENT)![512 + 512 * batches + 70]! ^= 1;
  world.restore(node, image);
}

const isSuspect = (node: Node) => node.replica!.view.suspect;
const logged = (node: Node, event: string) => node.logs.filter((line) => line.event === event);

test('a follower whose log has rotted says so, is made whole, and is a full member again', () => {
  const world = started(3);
  const [victim, other] = world.followers as [Node, Node];
  rot(world, victim, 6);
  world.start(victim);
  assert.ok(isSuspect(victim));
  const [line] = logged(victim, 'rot');
  assert.equal(line?.level, 'error');
  assert.match(
    line.message,
    /ROT: wal-0000000001 at byte \d+.*good up to entry.*kept as rot-1-wal/,
  );
  assert.ok(world.until(() => !isSuspect(victim)));
  assert.equal(logged(victim, 'reinstated').length, 1);

  // With the other follower gone, only what it acknowledges can commit anything.
  world.kill(other);
  const client = world.client(world.elect());
  assert.equal(client.ask('SET', 'after', 'it'), '+OK');
  world.start(other);
  world.run(1000);
  const hashes = world.nodes.map(({ replica }) => replica!.view.stateHash);
  assert.equal(new Set(hashes).size, 1);
  world.kill(victim);
  world.start(victim);
  assert.ok(!isSuspect(victim), 'and that it is one is durable');
});

test('the leader of before finds rot at its start: it follows, and is made whole', () => {
  const world = started(3);
  const victim = world.leader!;
  rot(world, victim, 3);
  world.start(victim);
  assert.ok(world.until(() => world.leader !== null && !isSuspect(victim)));
  assert.notEqual(world.leader, victim);
  assert.match(world.client(world.leader!).ask('GET', 'k19'), /v19/);
});

test('nothing of the log is left: the hard state still knows who this is', () => {
  const world = started(3);
  const [victim] = world.followers as [Node];
  const { clusterId } = victim.replica!.view;
  rot(world, victim, 0);
  world.start(victim);
  assert.equal(victim.replica!.view.lastIndex, 0);
  assert.ok(world.until(() => !isSuspect(victim)));
  assert.deepEqual(
    [victim.replica!.view.clusterId, clusterId === '0'.repeat(32)],
    [clusterId, false],
  );
});

test('a suspect majority says that it cannot serve, and why; the way out has its price', () => {
  const world = started(3);
  const leader = world.leader!;
  const [one, two] = world.followers as [Node, Node];
  for (const node of [one, two]) rot(world, node, 6);
  world.kill(leader);
  for (const node of world.nodes) world.start(node);
  world.run(2000);
  assert.equal(world.leader, null);
  assert.ok(isSuspect(one) && isSuspect(two));
  const names = [one, two]
    .map((node) => node.member.name)
    .sort()
    .join(', ');
  const answer = world.client(leader).ask('SET', 'k', 'v');
  assert.match(answer, /^-CLUSTERDOWN .*nothing was applied/);
  assert.ok(answer.includes(`rot was found in the log of ${names}, so they do not vote`), answer);
  assert.match(answer, /dkvs wal accept/);
  // A suspect answers for itself at least.
  assert.match(
    world.client(one).ask('SET', 'k', 'v'),
    /^-CLUSTERDOWN .*rot was found in the log of/,
  );

  world.kill(one);
  const accepted = acceptDataLoss(one.disk, smallLimits.segmentBytes);
  assert.ok(!isRefusal(accepted) && accepted.wasSuspect);
  world.start(one);
  assert.equal(world.elect(), leader, 'the one that has everything');
  assert.ok(world.until(() => !isSuspect(two)));
  assert.match(world.client(leader).ask('GET', 'k19'), /v19/);
});

test('two suspects of three under a leader that still leads: it makes both whole', () => {
  const world = started(3);
  const leader = world.leader!;
  const { term } = leader.replica!.view;
  for (const node of world.followers) {
    rot(world, node, 6);
    world.start(node);
  }
  assert.ok(world.followers.every(isSuspect));
  assert.ok(world.until(() => !world.followers.some(isSuspect)));
  assert.deepEqual([world.leader, leader.replica!.view.term], [leader, term]);
  assert.equal(world.client(leader).ask('SET', 'k', 'v'), '+OK');
});

test('a cluster of one that has rotted says so, and what to do', () => {
  const world = started(1);
  const [only] = world.nodes as [Node];
  rot(world, only, 6);
  world.start(only);
  world.run(3000);
  const answer = world.client(only).ask('GET', 'k1');
  assert.match(answer, /^-CLUSTERDOWN .*rot was found in the log of n1, so it does not vote/);
  world.kill(only);
  acceptDataLoss(only.disk, smallLimits.segmentBytes);
  world.start(only);
  assert.match(world.client(world.elect()).ask('GET', 'k1'), /v1/);
});

test('rot that is met while running ends the process; the next start makes it a suspect', () => {
  const world = new World(5, 3, { ...smallLimits, logWindowBytesMax: 0 });
  world.startAll();
  const leader = world.elect();
  const [laggard] = world.followers as [Node];
  world.kill(laggard);
  const client = world.client(leader);
  for (let i = 0; i < 30; i++) assert.equal(client.ask('SET', `k${i}`, `v${i}`), '+OK');
  const unreadable = leader.disk.open(SEGMENT);
  const bytes = unreadable.readSync(512 * 12 + 70, 1);
  unreadable.writeSync(512 * 12 + 70, Uint8Array.of(bytes[0]! ^ 1));
  unreadable.syncSync();
  world.start(laggard);
  assert.ok(world.until(() => leader.failure !== null));
  assert.match(`${leader.failure!.message}`, /can't be read back: .*ROT/);
  world.start(leader);
  assert.ok(isSuspect(leader));
  assert.ok(world.until(() => world.leader !== null && !isSuspect(leader)));
  assert.match(world.client(world.leader!).ask('GET', 'k29'), /v29/);
});

test('all lose power at once, at any instant, again and again: torn tails, and never a suspect', () => {
  let torn = 0;
  for (let seed = 1; seed <= BLACKOUT_SEEDS; seed++) {
    const world = new World(seed, 3);
    world.startAll();
    const writers: Writer[] = [];
    for (let i = 0; i < 3; i++) writers.push(new Writer(world, `w${i}`, () => writers));
    for (const writer of writers) writer.start();
    for (let blackout = 0; blackout < 10; blackout++) {
      // Batches of many sectors, so that they tear.
      const client = world.client(world.elect());
      for (let i = 0; i < 20; i++) client.send('SET', `k${i}`, `${i}`.repeat(3000));
      const { random } = world.scheduler;
      world.run(random.float() * 8);
      world.until(() => world.nodes.some(({ disk }) => disk.hasUnsynced), 50);
      client.abandon();
      for (const node of world.nodes) world.powerOff(node);
      for (const node of world.nodes) {
        world.start(node);
        assert.equal(node.failure, null);
        assert.ok(!isSuspect(node), `seed ${seed}, blackout ${blackout}: ${node.member.name}`);
      }
    }
    for (const writer of writers) writer.stop();
    const tails = world.nodes.flatMap((node) => logged(node, 'recovered'));
    torn += tails.filter((line) => Number(line.fields['tornBytes']) > 0).length;
  }
  assert.ok(torn > 2 * BLACKOUT_SEEDS, `${torn} torn tails`);
});
