import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { type PeerNode, PeerWorld } from './peer-world.ts';

const NODES = 4;
const FAULTS = 25;

/** Everybody sends ever larger numbers to everybody, while hosts and lines fail at random. */
class Chaos {
  readonly world: PeerWorld;
  readonly random: Prng;
  received = 0;
  /** How often each kind of fault struck, so that an empty run is not taken for a proof. */
  readonly struck = new Map<string, number>();
  private sent = 0;

  constructor(seed: number) {
    this.world = new PeerWorld(NODES, seed);
    this.random = new Prng(seed);
    for (const node of this.world.nodes) this.listen(node);
    this.world.startAll();
  }

  /** What comes from one sender never comes twice, and never out of order. */
  private listen(node: PeerNode): void {
    const last = new Map<number, number>();
    node.events.onMessage = ({ from, to, term }) => {
      assert.equal(to, node.member.id);
      assert.ok(term > (last.get(from) ?? 0), `n${from} to n${to}: ${term}, ${last.get(from)}`);
      last.set(from, term);
      this.received++;
    };
  }

  sendAll(): void {
    for (const node of this.world.nodes) {
      if (node.peers === null || node.process.state !== 'running') continue;
      for (const { id } of this.world.members)
        if (id !== node.member.id) node.send(id, ++this.sent);
    }
  }

  strike(): void {
    const { random, world } = this;
    const node = world.nodes[random.below(NODES)]!;
    const other = world.nodes[random.below(NODES)]!;
    const kinds = ['kill', 'restart', 'pause', 'resume', 'cut', 'cut one way', 'heal', 'calm'];
    const kind = kinds[random.below(kinds.length)]!;
    this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
    if (kind === 'kill') node.kill();
    else if (kind === 'restart') this.restart(node);
    else if (kind === 'pause') node.process.pause();
    else if (kind === 'resume') node.process.resume();
    else if (kind === 'heal') world.net.healAll();
    else if (node === other) return;
    else if (kind === 'cut') world.net.cut(node.member.host, other.member.host);
    else if (kind === 'cut one way') world.net.cutOneWay(node.member.host, other.member.host);
  }

  restart(node: PeerNode): void {
    if (node.peers !== null) node.kill();
    node.start();
  }

  run(ms: number): void {
    for (let i = 0; i < 10; i++) {
      this.sendAll();
      this.world.run(ms / 10);
    }
  }

  heal(): void {
    this.world.net.healAll();
    for (const node of this.world.nodes) {
      if (node.peers === null) node.start();
      node.process.resume();
    }
  }
}

describe('peers: under random faults', () => {
  it('deliver nothing twice or out of order, and are all connected soon after the end', () => {
    const struck = new Map<string, number>();
    for (let seed = 1; seed <= 60; seed++) {
      const chaos = new Chaos(seed);
      for (let i = 0; i < FAULTS; i++) {
        chaos.strike();
        chaos.run(chaos.random.chance(0.2) ? 3000 : chaos.random.below(500));
      }
      chaos.heal();
      // A silent link is given up after 1 to 1.25 s, and the next dial comes within 0.5 s.
      const tookMs = chaos.world.until(() => chaos.world.allOpen, 10_000);
      assert.ok(tookMs < 2000, `seed ${seed}: ${tookMs} ms`);
      // What a short cut had held up still arrives.
      chaos.world.run(2000);
      const before = chaos.received;
      chaos.sendAll();
      chaos.world.run(100);
      assert.equal(chaos.received - before, NODES * (NODES - 1), `seed ${seed}`);
      assert.ok(chaos.received > 100, `seed ${seed}: ${chaos.received}`);
      for (const { events } of chaos.world.nodes) {
        for (const notice of events.notices) assert.match(notice, /it is silent$/);
      }
      for (const [kind, count] of chaos.struck) struck.set(kind, (struck.get(kind) ?? 0) + count);
    }
    assert.equal(struck.size, 8);
    for (const [kind, count] of struck) assert.ok(count > 50, `${kind}: ${count}`);
  });
});
