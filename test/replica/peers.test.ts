import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import { index, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { AppendEntries } from '../../src/raft/messages.ts';
import { defaultPipeOptions } from '../../src/sim/network.ts';
import { PeerWorld } from './peer-world.ts';

const N1 = nodeId(1);
const N2 = nodeId(2);

function opened(count: number, seed = 1): PeerWorld {
  const world = new PeerWorld(count, seed);
  world.startAll();
  world.until(() => world.allOpen, 1000);
  for (const { events } of world.nodes) events.take();
  return world;
}

function appendOfAMegabyte(): AppendEntries {
  const payload = new Uint8Array(1 << 20);
  const entry = sealEntry(unsealedRecord(payload), EntryType.Command, term(1), index(1));
  return {
    kind: 'AppendEntries',
    from: N1,
    to: N2,
    term: term(1),
    prevLogIndex: index(0),
    prevLogTerm: term(0),
    leaderCommit: index(0),
    entries: [entry],
  };
}

describe('peers: streams between members', () => {
  it('connect everybody with everybody, soon, in both directions', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new PeerWorld(5, seed);
      world.startAll();
      const tookMs = world.until(() => world.allOpen, 1000);
      assert.ok(tookMs < 100, `${tookMs} ms`);
      for (const { events, member } of world.nodes) {
        const others = world.members.filter(({ id }) => id !== member.id);
        const expected = others.map(({ id }) => `connected n${id} start 1`);
        assert.deepEqual(events.take().sort(), expected);
        assert.deepEqual(events.notices, []);
      }
    }
  });

  it('carry the messages of their dialer, in order', () => {
    const world = opened(3);
    for (let i = 1; i <= 100; i++) world.node(1).send(2, i);
    world.node(2).send(1, 7);
    world.run(10);
    const { messages } = world.node(2).events;
    assert.deepEqual(
      messages.map((message) => message.term),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.equal(world.node(1).events.messages.length, 1);
    assert.deepEqual(world.node(3).events.messages, []);
  });

  it('drop what is sent while they do not stand', () => {
    const world = new PeerWorld(2);
    const peers = world.node(1).start();
    assert.equal(peers.isOpen(N2), false);
    world.node(1).send(2, 1);
    world.node(1).send(9, 1);
    assert.equal(peers.bufferedBytes(N2), 0);
    world.node(2).start();
    world.until(() => world.allOpen, 1000);
    world.run(100);
    assert.deepEqual(world.node(2).events.messages, []);
  });

  it('drop AppendEntries, and nothing else, while too much waits', () => {
    const world = opened(2);
    world.node(2).process.pause();
    const append = appendOfAMegabyte();
    const peers = world.node(1).peers!;
    for (let i = 0; i < 64; i++) {
      peers.send(append);
      world.run(1);
    }
    const full = peers.bufferedBytes(N2);
    assert.ok(full > defaultLimits.peerOutputBytesMax - (2 << 20), `${full}`);
    assert.ok(full <= defaultLimits.peerOutputBytesMax + (2 << 20), `${full}`);
    world.node(1).send(2, 5);
    assert.ok(peers.bufferedBytes(N2) > full);
    world.node(2).process.resume();
    world.run(500);
    assert.equal(world.node(2).events.messages.at(-1)?.kind, 'TimeoutNow');
  });

  it('stay for as long as both sides are there, silent or not', () => {
    const world = opened(3);
    world.run(60_000);
    for (const { events } of world.nodes) {
      assert.deepEqual(events.take(), []);
      assert.deepEqual(events.notices, []);
    }
  });

  it('stay while megabytes are on their way over a thin line, and pings stand behind them', () => {
    const thin = { ...defaultPipeOptions, delayMinMs: 20, delayMaxMs: 30, windowBytes: 64 * 1024 };
    const world = new PeerWorld(2, 1, thin);
    world.startAll();
    world.until(() => world.allOpen, 2000);
    for (const { events } of world.nodes) events.take();
    const { messages } = world.node(2).events;
    for (let i = 0; i < 8; i++) world.node(1).peers!.send(appendOfAMegabyte());
    const tookMs = world.until(() => messages.length === 8, 60_000);
    assert.ok(tookMs > 4000, `${tookMs} ms`);
    for (const { events } of world.nodes) assert.deepEqual(events.take(), []);
  });

  it('end with the node, and leave nothing behind', () => {
    const world = opened(3);
    for (const { peers } of world.nodes) peers!.close();
    for (const { events } of world.nodes) events.take();
    world.run(20_000);
    for (const { events } of world.nodes) assert.deepEqual(events.take(), []);
    assert.equal(world.scheduler.idle, true);
  });

  it('say why they cannot begin', () => {
    const world = new PeerWorld(2);
    const first = world.node(1).start();
    let error: string | null = null;
    first.start({ host: 'host1', port: 17001 }, (why) => {
      error = why;
    });
    world.run(10);
    assert.equal(error, 'EADDRINUSE');
  });
});

describe('peers: a process that dies', () => {
  it('is known to be gone within a few milliseconds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = opened(3, seed);
      world.run(1000);
      world.node(1).kill();
      const gone = () =>
        [2, 3].every((id) => world.node(id).events.lines.includes('gone n1 start 1'));
      const tookMs = world.until(gone, 1000);
      assert.ok(tookMs < 5, `${tookMs} ms`);
      world.run(5000);
      const expected = ['disconnected n1', 'gone n1 start 1'];
      assert.deepEqual(world.node(2).events.take(), expected, 'once');
    }
  });

  it('is welcome again with its next incarnation, soon after it is back', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = opened(3, seed);
      world.node(1).kill();
      world.run(3000);
      world.node(2).events.take();
      world.node(1).start();
      const tookMs = world.until(() => world.allOpen, 1000);
      assert.ok(tookMs < 50, `${tookMs} ms`);
      assert.deepEqual(world.node(2).events.take(), ['connected n1 start 2']);
    }
  });

  it('is known by its next incarnation when it comes back at once', () => {
    const world = opened(2);
    world.run(1000);
    world.node(1).kill();
    world.node(1).start();
    world.until(() => world.allOpen, 1000);
    const lines = world.node(2).events.take();
    assert.equal(lines[0], 'disconnected n1');
    assert.equal(lines.at(-1), 'connected n1 start 2');
  });

  it('is known to be gone at once even if it was not back for long', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = opened(2, seed);
      world.node(1).kill();
      world.run(10_000);
      world.node(1).start();
      world.until(() => world.allOpen, 1000);
      world.run(20);
      world.node(1).kill();
      const gone = () => world.node(2).events.lines.includes('gone n1 start 2');
      const tookMs = world.until(gone, 1000);
      assert.ok(tookMs < 5, `${tookMs} ms`);
    }
  });

  it('is dialed with patience: apart by 250 to 500 ms after a while', () => {
    const world = opened(2);
    world.node(1).kill();
    world.run(5000);
    const dialed: number[] = [];
    const { scheduler, net } = world;
    const hosts = net as unknown as { passes: (from: string, to: string) => boolean };
    const passes = hosts.passes.bind(net);
    hosts.passes = (from, to) => {
      if (to === 'host1') dialed.push(scheduler.nowMs);
      return passes(from, to);
    };
    world.run(20_000);
    assert.ok(dialed.length >= 40 && dialed.length <= 80, `${dialed.length}`);
    for (let i = 1; i < dialed.length; i++) {
      const apartMs = dialed[i]! - dialed[i - 1]!;
      assert.ok(apartMs > 249 && apartMs < 501, `${apartMs} ms`);
    }
  });
});

describe('peers: faults that say nothing', () => {
  it('are noticed: a cut link is given up after a second', () => {
    const world = opened(3);
    world.net.cut('host1', 'host2');
    const lost = () => world.node(2).events.lines.includes('disconnected n1');
    const tookMs = world.until(lost, 5000);
    assert.ok(tookMs > 900 && tookMs < 1500, `${tookMs} ms`);
    world.run(10_000);
    assert.deepEqual(world.node(2).events.take(), ['disconnected n1'], 'not gone: silent');
    assert.deepEqual(world.node(3).events.take(), []);
  });

  it('heal quickly: nobody waits for TCP to try again', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = opened(3, seed);
      world.net.cut('host1', 'host2');
      world.net.cut('host1', 'host3');
      world.run(60_000);
      world.net.healAll();
      const tookMs = world.until(() => world.allOpen, 5000);
      assert.ok(tookMs < 800, `${tookMs} ms`);
      world.node(1).send(2, 9);
      world.run(10);
      assert.equal(world.node(2).events.messages.at(-1)?.term, 9);
    }
  });

  it('heal when only one direction was cut', () => {
    const world = opened(2);
    world.net.cutOneWay('host1', 'host2');
    world.run(5000);
    assert.equal(world.node(1).peers!.isOpen(N2), false);
    assert.equal(world.node(2).peers!.isOpen(N1), false);
    world.net.healAll();
    world.until(() => world.allOpen, 1000);
  });

  it('are not invented by a process that was stopped itself', () => {
    const world = opened(3);
    world.node(1).process.pause();
    world.run(700);
    world.node(1).process.resume();
    world.run(5000);
    for (const { events } of world.nodes) assert.deepEqual(events.take(), []);
  });

  it('end when a stopped process goes on', () => {
    const world = opened(3);
    world.node(1).process.pause();
    world.run(10_000);
    assert.deepEqual(world.node(2).events.take(), ['disconnected n1']);
    world.node(1).process.resume();
    world.until(() => world.allOpen, 1000);
    assert.deepEqual(world.node(2).events.take(), ['connected n1 start 1']);
    world.node(1).send(2, 3);
    world.run(10);
    assert.equal(world.node(2).events.messages.at(-1)?.term, 3);
  });
});
