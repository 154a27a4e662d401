import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOf, concatBytes, readU32, writeU32 } from '../../src/base/bytes.ts';
import { incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { native } from '../../src/base/native.ts';
import { Prng } from '../../src/base/prng.ts';
import { withStart } from '../../src/base/start-history.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';
import {
  encodeChallenge,
  encodeHandshake,
  type Frame,
  FrameEncoder,
  type Handshake,
  type Introduction,
  PING,
  PROTOCOL_VERSION,
} from '../../src/protocol/frames.ts';
import { type PeerAuth, PeerProof } from '../../src/protocol/peer-proof.ts';
import type { AppendEntries } from '../../src/raft/messages.ts';
import type { CloseReason, Stream, StreamHandlers } from '../../src/replica/network.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { PEER_PORT, PeerWorld, timeoutNow } from './peer-world.ts';
import { World } from './world.ts';

const N1 = nodeId(1);
const N2 = nodeId(2);
const SECRET = bytesOf('correct horse battery staple');
const OTHER = bytesOf('correct horse battery stable');

/** Enough for an answer, and for a whole handshake byte by byte before strangers are left. */
const PATIENCE_MS = 6;
const nonces = new Prng(99);
const auth = (secret: Uint8Array): PeerAuth => ({ secret, nonce: () => nonces.bytes(32) });

/** What n2 would say to n1. */
const asN2: Introduction = {
  protocolVersion: PROTOCOL_VERSION,
  fromNode: N2,
  toNode: N1,
  incarnation: incarnation(1),
  membersCrc: 1,
  admitted: true,
  clusterId: new Uint8Array(16),
  directoryId: new Uint8Array(16).fill(2),
  startHistory: withStart(new Uint8Array(0), new Uint8Array(8).fill(7)),
  fromName: 'n2',
  toName: 'n1',
};
const hello: Handshake = { kind: 'Hello', introduction: asN2 };
const coup: AppendEntries = {
  kind: 'AppendEntries',
  from: N2,
  to: N1,
  term: term(2 ** 53 - 1),
  prevLogIndex: index(0),
  prevLogTerm: term(0),
  leaderCommit: index(0),
  entries: [],
};

/** n1 with the secret, and nobody else. */
function alone(secret: Uint8Array | null = SECRET): PeerWorld {
  const world = new PeerWorld(3);
  world.node(1).secret = secret;
  world.node(1).start();
  world.run(10);
  return world;
}

/** Somebody who dials n1, knowing a secret or none. */
class Dialer {
  readonly frames: Frame[] = [];
  readonly sent: Uint8Array[] = [];
  readonly proof: PeerProof;
  closed: CloseReason | null = null;
  private readonly world: PeerWorld;
  private readonly stream: Stream;

  constructor(world: PeerWorld, secret: Uint8Array = SECRET, host = 'stranger') {
    this.world = world;
    this.proof = new PeerProof(auth(secret), 'dialer');
    const reader = new FrameReader(defaultLimits, this.proof);
    this.stream = world.net.attach(host, new SimProcess(world.scheduler)).connect(
      { host: 'host1', port: PEER_PORT },
      {
        onOpen: () => {},
        onBytes: (chunk) => {
          reader.feed(chunk);
          for (let f = reader.next(); f !== null; f = reader.next()) {
            this.frames.push(f);
            if (f.kind === 'Challenge') this.proof.hear(f.nonce);
          }
        },
        onEnd: () => {},
        onDrain: () => {},
        onClose: (reason) => {
          this.closed = reason;
        },
      },
    );
  }

  say(...parts: Uint8Array[]): this {
    this.sent.push(...parts);
    this.stream.write(concatBytes(parts));
    this.world.run(PATIENCE_MS);
    return this;
  }

  /** The challenges, then this with its proof. */
  prove(handshake: Handshake = hello): this {
    this.say(encodeChallenge(this.proof.nonce));
    return this.say(encodeHandshake(handshake, this.proof));
  }

  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  get denied(): string | null {
    const last = this.frames.at(-1);
    return last?.kind === 'Deny' ? last.code : null;
  }
}

/** Nothing of what the stranger said has left a trace in n1. */
function believedNothing(world: PeerWorld): void {
  const { events, directory } = world.node(1);
  assert.deepEqual(events.take(), []);
  assert.deepEqual(events.messages, []);
  assert.equal(directory.bindings.size, 0);
}

describe('peers that share a secret', () => {
  it('connect everybody with everybody, and talk', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new PeerWorld(5, seed);
      for (const node of world.nodes) node.secret = SECRET;
      world.startAll();
      const tookMs = world.until(() => world.allOpen, 1000);
      assert.ok(tookMs < 100, `${tookMs} ms`);
      world.node(1).send(2, 7);
      world.run(10);
      assert.equal(world.node(2).events.messages.length, 1);
      for (const { events } of world.nodes) assert.deepEqual(events.notices, []);
    }
  });

  it('prove themselves again when their identity has changed', () => {
    const world = new PeerWorld(2);
    for (const node of world.nodes) {
      node.secret = SECRET;
      node.directory.admitted = false;
    }
    world.startAll();
    world.run(100);
    for (const { events } of world.nodes) assert.match(events.take().join(), /knows me: none/);
    for (const { directory, peers } of world.nodes) {
      directory.admitted = true;
      peers!.identityChanged();
    }
    world.until(() => world.allOpen, 1000);
  });

  it('do not talk to one who has another, and both say what to do', () => {
    const world = new PeerWorld(2);
    world.node(1).secret = SECRET;
    world.node(2).secret = OTHER;
    world.startAll();
    world.run(5000);
    for (const { events, directory } of world.nodes) {
      assert.match(events.take().join(), /^refused n\d SECRET_WRONG$/, 'once');
      assert.equal(directory.bindings.size, 0);
      const said = events.notices.filter((text) =>
        /have different peer secrets: start /.test(text),
      );
      assert.ok(said.length > 2, 'as the dialer, and as the acceptor');
      assert.ok(events.notices.length < 30, `with patience: ${events.notices.length} lines in 5 s`);
    }
  });

  it('do not talk to one who has none, and both say what to do', () => {
    const world = new PeerWorld(2);
    world.node(1).secret = SECRET;
    world.startAll();
    world.run(2000);
    const [with1, without] = world.nodes.map(({ events }) => events) as [EventsOf, EventsOf];
    assert.deepEqual(with1.take(), ['refused n2 SECRET_UNEXPECTED']);
    assert.deepEqual(without.take(), ['refused n1 SECRET_MISSING']);
    for (const { notices } of [with1, without]) {
      assert.match(
        notices.join('\n'),
        /n1 asks its peers for proof of a secret, and n2 (gives|has)/,
      );
      assert.match(notices.join('\n'), /: start every node with the same --peer-secret-file/);
    }
    for (const { directory } of world.nodes) assert.equal(directory.bindings.size, 0);
  });
});

type EventsOf = PeerWorld['nodes'][number]['events'];

describe('peers that share a secret: a stranger', () => {
  it('who has it too is a member', () => {
    const world = alone();
    const dialer = new Dialer(world).prove();
    assert.deepEqual(dialer.kinds, ['Challenge', 'Welcome']);
    dialer.say(new FrameEncoder().encode(coup));
    assert.equal(world.node(1).events.messages.length, 1);
  });

  it('is believed nothing without it: no name, no term, no verdict', () => {
    const message = new FrameEncoder().encode(coup);
    const verdict: Handshake = {
      kind: 'Refuse',
      introduction: asN2,
      code: 'DIRECTORY_OLD',
      text: 'stop',
    };
    for (const first of [encodeHandshake(hello), encodeHandshake(verdict)]) {
      const world = alone();
      const dialer = new Dialer(world).say(first, message);
      assert.deepEqual(dialer.kinds, ['Deny']);
      assert.equal(dialer.denied, 'SECRET_MISSING');
      believedNothing(world);
    }
    for (const first of [message, PING, concatBytes([encodeChallenge(new Uint8Array(32)), PING])]) {
      const world = alone();
      const dialer = new Dialer(world).say(first, encodeHandshake(hello), message);
      assert.equal(dialer.closed, 'reset');
      believedNothing(world);
    }
  });

  it('is denied with another secret', () => {
    const world = alone();
    const dialer = new Dialer(world, OTHER).prove();
    assert.deepEqual(dialer.kinds, ['Challenge', 'Deny']);
    assert.equal(dialer.denied, 'SECRET_WRONG');
    assert.match(world.node(1).events.notices[0]!, /n1 and stranger have different peer secrets/);
    believedNothing(world);
  });

  it('gains nothing by saying again what a member said', () => {
    const world = alone();
    const member = new Dialer(world).prove().say(PING);
    assert.deepEqual(member.kinds, ['Challenge', 'Welcome', 'Pong']);
    world.node(1).directory.bindings.clear();
    world.node(1).events.take();
    const replayed = new Dialer(world).say(...member.sent);
    assert.equal(replayed.denied, 'SECRET_WRONG');
    believedNothing(world);
    // Nor on the same stream, where the nonces are the same.
    const again = new Dialer(world).prove();
    again.say(again.sent.at(-1)!);
    assert.equal(again.denied, 'SECRET_WRONG');
  });

  it('gains nothing by changing a bit of what a member says', () => {
    const length = encodeHandshake(hello, ready('dialer')).length;
    for (let at = 10; at < length; at++) {
      const world = alone();
      const dialer = new Dialer(world).say(encodeChallenge(new Uint8Array(32).fill(1)));
      const bytes = encodeHandshake(hello, dialer.proof);
      bytes[at]! ^= 1 << (at % 8);
      writeU32(bytes, 0, native.crc32(bytes, 4, bytes.length, 0));
      dialer.say(bytes);
      believedNothing(world);
    }
    assert.ok(length > 100 && length === readU32(encodeHandshake(hello, ready('dialer')), 4));
  });

  it('is read the same byte by byte', () => {
    const world = alone();
    const dialer = new Dialer(world);
    for (const byte of encodeChallenge(dialer.proof.nonce)) dialer.say(Uint8Array.of(byte));
    for (const byte of encodeHandshake(hello, dialer.proof)) dialer.say(Uint8Array.of(byte));
    assert.deepEqual(dialer.kinds, ['Challenge', 'Welcome']);
  });

  it('can announce no frame that is longer than a handshake', () => {
    const world = alone();
    const huge = encodeHandshake(hello);
    writeU32(huge, 4, 2 ** 32 - 1);
    assert.equal(new Dialer(world).say(huge).closed, 'reset');
    believedNothing(world);
  });
});

const ready = (side: 'dialer' | 'acceptor'): PeerProof => {
  const proof = new PeerProof(auth(SECRET), side);
  proof.hear(new Uint8Array(32));
  return proof;
};

describe('peers that share a secret: a stranger at the address of a member', () => {
  /** n1 dials "n2", who answers as told. */
  function posing(
    answer: (stream: Stream, chunk: Uint8Array, world: PeerWorld) => void,
  ): PeerWorld {
    const world = new PeerWorld(2);
    world.node(1).secret = SECRET;
    const accept = (stream: Stream): StreamHandlers => ({
      onOpen: () => {},
      onBytes: (chunk) => answer(stream, chunk, world),
      onEnd: () => {},
      onDrain: () => {},
      onClose: () => {},
    });
    const network = world.net.attach('host2', new SimProcess(world.scheduler));
    network.listen({ host: 'host2', port: PEER_PORT }, accept, () => {});
    world.node(1).start();
    return world;
  }

  it('can neither end a node nor vouch for it', () => {
    for (const admitted of [true, false]) {
      for (const says of [
        { kind: 'Refuse', introduction: asN2, code: 'DIRECTORY_OLD', text: 'stop' },
        { kind: 'Refuse', introduction: asN2, code: 'DIRECTORY_REPLACED', text: 'stop' },
        { kind: 'Welcome', introduction: asN2, knowsDialer: false },
        { kind: 'Welcome', introduction: asN2, knowsDialer: true },
      ] as const) {
        const world = posing((stream) => stream.write(encodeHandshake(says)));
        world.node(1).directory.admitted = admitted;
        world.run(1000);
        assert.deepEqual(world.node(1).events.take(), ['refused n2 SECRET_MISSING']);
        assert.equal(world.node(1).directory.bindings.size, 0);
      }
    }
  });

  it('gains nothing by sending back what it hears', () => {
    const world = posing((stream, chunk) => stream.write(chunk.slice()));
    world.run(1000);
    const lines = world.node(1).events.take();
    assert.deepEqual(lines, ['refused n2 SECRET_WRONG'], 'a Hello of its own is no proof of n2');
    assert.equal(world.node(1).directory.bindings.size, 0);
  });

  it('gains nothing by letting the node answer its own challenge', () => {
    // It dials n1 with the nonce that n1 sent, and carries each side's words to the other.
    const kinds: string[] = [];
    // The network may cut a frame into pieces, on either way: what belongs to one stream of the dialer
    // goes through one connection back.
    const backs = new Map<Stream, Stream>();
    const world = posing((stream, chunk, made) => {
      let back = backs.get(stream);
      if (back === undefined) {
        const reader = new FrameReader(defaultLimits);
        back = made.net.attach('host2', new SimProcess(made.scheduler)).connect(
          { host: 'host1', port: PEER_PORT },
          {
            onOpen: () => {},
            onBytes: (bytes) => {
              reader.feed(bytes);
              for (let frame = reader.next(); frame !== null; frame = reader.next()) {
                kinds.push(frame.kind);
              }
              stream.write(bytes);
            },
            onEnd: () => {},
            onDrain: () => {},
            onClose: () => {},
          },
        );
        backs.set(stream, back);
      }
      const line = back;
      made.scheduler.after(2, () => line.write(chunk));
    });
    world.run(3000);
    assert.ok(kinds.includes('Challenge'));
    assert.equal(world.node(1).peers!.isOpen(N2), false);
    assert.deepEqual(world.node(1).events.messages, []);
    assert.equal(world.node(1).directory.bindings.size, 0);
  });

  it('can only make a node log what it was told unproven, and wait', () => {
    let dials = 0;
    const world = posing((stream) => {
      dials++;
      stream.write(Uint8Array.of(...DENY));
    });
    world.run(5000);
    assert.deepEqual(world.node(1).events.take(), ['refused n2 SECRET_WRONG']);
    assert.ok(dials < 25, `${dials} dials`);
  });
});

/** A Deny of code 3, byte by byte: the frame must stay what it is. */
const DENY = (() => {
  const bytes = Uint8Array.of(0, 0, 0, 0, 13, 0, 0, 0, 7, 1, 0, 0, 3);
  writeU32(bytes, 0, native.crc32(bytes, 4, bytes.length, 0));
  return bytes;
})();

describe('peers: strangers in crowds', () => {
  it('never keep a member out, whether they are many hosts or one', () => {
    for (const hostOf of [(i: number) => `crowd${i}`, () => 'crowd']) {
      const world = alone();
      const crowd: Dialer[] = [];
      for (let i = 0; i < 300; i++) crowd.push(new Dialer(world, SECRET, hostOf(i)));
      world.run(20);
      const member = new Dialer(world).prove();
      assert.deepEqual(member.kinds, ['Challenge', 'Welcome']);
      const left = crowd.filter(({ closed }) => closed === null).length;
      assert.ok(left <= defaultLimits.peerStrangersMax + 2, `${left} strangers hold a place`);
      for (let i = 0; i < 300; i++) crowd.push(new Dialer(world, SECRET, hostOf(i)));
      world.run(20);
      assert.equal(member.closed, null, 'and never take its place');
    }
  });

  it('of one host take no place from another host', () => {
    const world = alone();
    const slow = new Dialer(world, SECRET, 'elsewhere').say(encodeChallenge(new Uint8Array(32)));
    for (let i = 0; i < 300; i++) new Dialer(world, SECRET, 'crowd');
    world.run(20);
    assert.equal(slow.closed, null);
  });

  it('are left after two seconds, however often they say something', () => {
    const world = alone();
    const drip = new Dialer(world);
    for (const byte of encodeChallenge(new Uint8Array(32)).subarray(0, 30)) {
      drip.say(Uint8Array.of(byte));
      world.run(100);
    }
    assert.equal(drip.closed, 'reset');
    assert.match(
      world.node(1).events.notices[0]!,
      /stranger at stranger: it did not say who it is/,
    );
  });

  it('fill no log', () => {
    const world = alone();
    for (let i = 0; i < 1000; i++) new Dialer(world).say(PING);
    const { notices } = world.node(1).events;
    assert.ok(notices.length === 16, `${notices.length} lines in 6 s`);
  });
});

describe('a cluster whose members share a secret', () => {
  it('elects, writes, and steps down for no stranger', () => {
    const world = new World(11, 3);
    world.secret = SECRET;
    world.startAll();
    const leader = world.elect();
    const { term: before } = leader.replica!.view;
    assert.equal(world.client(leader).ask('SET', 'k', 'v'), '+OK');
    // Members' names and directories are no secret; the cluster's id may be known too.
    const message = new FrameEncoder().encode(coup);
    for (const node of world.nodes) {
      for (const words of [
        [encodeHandshake(hello), message],
        [encodeChallenge(new Uint8Array(32)), encodeHandshake(hello, ready('dialer')), message],
        [message],
      ]) {
        const network = world.network.attach('stranger', new SimProcess(world.scheduler));
        const stream = network.connect(
          { host: node.member.host, port: node.member.peerPort },
          {
            onOpen: () => stream.write(concatBytes(words)),
            onBytes: () => {},
            onEnd: () => {},
            onDrain: () => {},
            onClose: () => {},
          },
        );
        world.run(100);
      }
    }
    world.run(1000);
    for (const node of world.nodes) assert.equal(node.replica!.view.term, before);
    assert.equal(world.leader, leader);
    assert.equal(world.client(leader).ask('GET', 'k'), '$v');
  });
});

it('without a secret, nothing is asked for', () => {
  const world = alone(null);
  const dialer = new Dialer(world).say(encodeHandshake(hello));
  dialer.say(new FrameEncoder().encode(timeoutNow(N2, N1, 3)));
  assert.equal(world.node(1).events.messages.length, 1);
});
