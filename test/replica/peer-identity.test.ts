import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import { incarnation, type NodeId, nodeId } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { STARTS_MAX, withStart } from '../../src/base/start-history.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';
import {
  encodeHandshake,
  type Frame,
  FrameEncoder,
  type Introduction,
  PING,
  PROTOCOL_VERSION,
} from '../../src/protocol/frames.ts';
import {
  type Binding,
  Bindings,
  introduce,
  judge,
  type RefusalCode,
  type SelfIdentity,
} from '../../src/replica/identity.ts';
import type { CloseReason, Network, Stream, StreamHandlers } from '../../src/replica/network.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { Directory, members, PEER_PORT, PeerWorld, timeoutNow } from './peer-world.ts';

const N1 = nodeId(1);
const N2 = nodeId(2);
const id = (fill: number) => new Uint8Array(16).fill(fill);
const [n1, n2] = members(3) as [ReturnType<typeof members>[0], ReturnType<typeof members>[0]];

/** The history of a directory whose starts were numbered from the first to the last. */
function starts(...numbered: readonly [first: number, last: number]): Uint8Array {
  let history: Uint8Array = new Uint8Array(0);
  for (let start = numbered[0]; start <= numbered[1]; start++) {
    history = withStart(history, startId(start));
  }
  return history;
}

function startId(start: number): Uint8Array {
  return new Uint8Array(8).fill(start);
}

/** Another start of the same directory, counted from its first. */
const at = (start: number) => ({
  incarnation: incarnation(start),
  startHistory: starts(1, start),
});

const self: SelfIdentity = {
  nodeId: N1,
  name: 'n1',
  directoryId: id(1),
  clusterId: id(9),
  incarnation: incarnation(4),
  startHistory: starts(1, 4),
  admitted: true,
  established: true,
  membersCrc: 77,
};
/** What n2 says to n1 when all is well. */
const said: Introduction = introduce(
  { ...self, nodeId: N2, name: 'n2', directoryId: id(2), ...at(5) },
  n1!,
);
const bound: Binding = {
  nodeId: N2,
  directoryId: id(2),
  incarnation: incarnation(5),
  startId: startId(5),
};

describe('identity: who is let in', () => {
  const verdict = (
    change: Partial<Introduction>,
    mine: Partial<SelfIdentity> = {},
    binding: Binding | null = bound,
  ): RefusalCode | null => {
    const refusal = judge({ ...self, ...mine }, n2!, { ...said, ...change }, binding);
    if (refusal !== null) {
      assert.match(refusal.text, /^[ -~]{40,400}$/, 'ASCII, and a sentence');
      assert.match(refusal.text, /: (check|run|give|bring)|; bring/, 'which says what to do');
    }
    return refusal?.code ?? null;
  };

  it('is who says nothing wrong', () => {
    assert.equal(verdict({}), null);
    assert.equal(verdict({}, {}, null), null);
    assert.equal(verdict(at(6)), null);
    assert.equal(verdict({ admitted: false }), null);
  });

  it('is not who speaks another version, first of all', () => {
    assert.equal(verdict({ protocolVersion: PROTOCOL_VERSION + 1 }), 'WRONG_VERSION');
    assert.equal(
      verdict({ protocolVersion: PROTOCOL_VERSION + 1, clusterId: id(8), toName: 'x' }),
      'WRONG_VERSION',
    );
  });

  it('is not who belongs to another cluster', () => {
    assert.equal(verdict({ clusterId: id(8) }), 'WRONG_CLUSTER');
    assert.equal(verdict({ membersCrc: 78 }), null, 'the id says more than the first members');
  });

  it('is not who was started with other members, while one side has no cluster id', () => {
    for (const [hers, mine] of [
      [id(0), id(9)],
      [id(9), id(0)],
      [id(0), id(0)],
    ] as const) {
      assert.equal(
        verdict({ clusterId: hers, membersCrc: 78 }, { clusterId: mine }),
        'OTHER_MEMBERS',
      );
      assert.equal(verdict({ clusterId: hers }, { clusterId: mine }), null);
    }
  });

  it('is not who looks for somebody else', () => {
    assert.equal(verdict({ toNode: nodeId(3) }), 'WRONG_ADDRESSEE');
    assert.equal(verdict({ toName: 'n3' }), 'WRONG_ADDRESSEE');
  });

  it('is not who is no other member', () => {
    assert.equal(verdict({ fromNode: nodeId(3) }), 'UNKNOWN_NODE');
    assert.equal(verdict({ fromName: 'n7' }), 'UNKNOWN_NODE');
    assert.equal(judge(self, null, said, null)?.code, 'UNKNOWN_NODE');
  });

  it('is not who comes with another directory, admitted or not', () => {
    assert.equal(verdict({ directoryId: id(3) }), 'DIRECTORY_REPLACED');
    assert.equal(verdict({ directoryId: id(3), admitted: false }), 'DIRECTORY_REPLACED');
    assert.equal(verdict({ directoryId: id(3) }, {}, null), null);
  });

  it('is not who comes with an old copy of the directory', () => {
    assert.equal(verdict(at(4)), 'DIRECTORY_OLD');
    assert.equal(verdict(at(1)), 'DIRECTORY_OLD');
  });

  it('is not who went another way from an older copy, however often it was started then', () => {
    /** A copy that was taken after so many starts, started until it counts so many. */
    const copied = (after: number, count: number) => {
      let history = starts(1, after);
      for (let start = after; start < count; start++) {
        history = withStart(history, startId(100 + start));
      }
      return { incarnation: incarnation(count), startHistory: history };
    };
    assert.equal(verdict(copied(4, 5)), 'DIRECTORY_OLD', 'one start behind: the same count');
    assert.equal(verdict(copied(4, 6)), 'DIRECTORY_OLD', 'refused, and started again');
    assert.equal(verdict(copied(1, 6)), 'DIRECTORY_OLD');
    for (let count = 5; count < 5 + STARTS_MAX; count++) {
      assert.equal(verdict(copied(4, count)), 'DIRECTORY_OLD', `at start ${count}`);
      assert.equal(verdict(copied(5, count)), null, 'from a copy of the latest start: not noticed');
    }
  });

  it('is who was started more often than its history goes back, since it was last met', () => {
    for (let since = 0; since < 3 * STARTS_MAX; since++) {
      assert.equal(verdict(at(5 + since)), null, `${since} starts`);
    }
  });
});

describe('identity: bindings', () => {
  /** A book whose disk answers when told to. */
  class SlowBook {
    durable: Binding | null = null;
    writes: { binding: Binding; done: () => void }[] = [];
    self = () => self;
    binding = (peer: NodeId) => (peer === N2 ? this.durable : null);
    bind = (binding: Binding, done: () => void) => this.writes.push({ binding, done });

    flush(): void {
      const write = this.writes.shift()!;
      this.durable = write.binding;
      write.done();
    }
  }

  it('count when they are durable, and are written once', () => {
    const book = new SlowBook();
    const bindings = new Bindings(book);
    const calls: string[] = [];
    bindings.bind(said, () => calls.push('first'));
    bindings.bind(said, () => calls.push('second'));
    assert.equal(calls.length, 0);
    assert.equal(bindings.isBound(said), false);
    assert.equal(book.writes.length, 1);
    book.flush();
    assert.deepEqual(calls, ['first', 'second']);
    assert.equal(bindings.isBound(said), true);
    bindings.bind(said, () => calls.push('third'));
    assert.deepEqual(calls, ['first', 'second', 'third']);
    assert.equal(book.writes.length, 0);
  });

  it('keep a second directory out while the first is on its way to the disk', () => {
    const book = new SlowBook();
    const bindings = new Bindings(book);
    bindings.bind(said, () => {});
    const other = { ...said, directoryId: id(3) };
    assert.equal(judge(self, n2!, other, bindings.get(N2))?.code, 'DIRECTORY_REPLACED');
  });

  it('are not those of a copy with the same count', () => {
    const book = new SlowBook();
    const bindings = new Bindings(book);
    bindings.bind(said, () => {});
    book.flush();
    const copy = { ...said, startHistory: withStart(starts(1, 4), startId(77)) };
    assert.equal(bindings.isBound(copy), false);
    assert.equal(judge(self, n2!, copy, bindings.get(N2))?.code, 'DIRECTORY_OLD');
  });

  it('follow a newer incarnation while the older is on its way', () => {
    const book = new SlowBook();
    const bindings = new Bindings(book);
    bindings.bind(said, () => {});
    const newer = { ...said, ...at(6) };
    bindings.bind(newer, () => {});
    assert.equal(judge(self, n2!, said, bindings.get(N2))?.code, 'DIRECTORY_OLD');
    book.flush();
    assert.equal(bindings.get(N2)?.incarnation, 6);
    book.flush();
    assert.equal(bindings.isBound(newer), true);
    assert.equal(bindings.isBound(said), false);
  });
});

describe('peers: admission', () => {
  it('of a first start: all say that they know nobody, and the streams wait', () => {
    const world = new PeerWorld(3);
    for (const node of world.nodes) node.directory.admitted = false;
    world.startAll();
    world.run(2000);
    for (const node of world.nodes) {
      const others = world.members.filter((member) => member !== node.member);
      const expected = others.map((member) => `${member.name} knows me: none`);
      assert.deepEqual(node.events.take().sort(), expected);
      assert.equal(node.directory.bindings.size, 0, 'the empty are never bound');
      assert.deepEqual(node.events.notices, []);
    }
  });

  it('is said on the streams that are there: they open without another dial', () => {
    const world = new PeerWorld(3);
    for (const node of world.nodes) node.directory.admitted = false;
    world.startAll();
    world.run(1000);
    for (const node of world.nodes) {
      node.events.take();
      node.directory.admitted = true;
      node.peers!.identityChanged();
    }
    const tookMs = world.until(() => world.allOpen, 1000);
    assert.ok(tookMs < 20, `${tookMs} ms`);
    for (const node of world.nodes) assert.equal(node.directory.bindings.size, 2);
  });

  it('is not enough to speak: the others bind it, and it waits until enough have', () => {
    const world = new PeerWorld(3);
    world.node(1).directory.established = false;
    world.startAll();
    world.run(2000);
    assert.deepEqual(world.node(1).events.take().sort(), [
      'n2 knows me: same',
      'n3 knows me: same',
    ]);
    assert.equal(world.node(1).peers!.isOpen(N2), false);
    assert.equal(world.node(2).directory.bindings.size, 2, 'it is bound');
    assert.equal(world.node(2).peers!.isOpen(N1), true, 'and is spoken to');
    world.node(1).directory.established = true;
    world.node(1).peers!.identityChanged();
    world.until(() => world.allOpen, 1000);
  });

  it('opens nothing while one side lacks it', () => {
    const world = new PeerWorld(2);
    world.node(2).directory.admitted = false;
    world.startAll();
    world.run(2000);
    assert.equal(world.node(1).peers!.isOpen(N2), false);
    assert.equal(world.node(2).peers!.isOpen(N1), false);
    assert.deepEqual(world.node(1).events.take(), []);
    assert.equal(world.node(1).directory.bindings.size, 0);
    world.node(2).directory.admitted = true;
    world.node(2).peers!.identityChanged();
    world.until(() => world.allOpen, 1000);
  });

  it('is refused to an emptied directory: its name is bound to the one that is lost', () => {
    const world = new PeerWorld(3);
    world.startAll();
    world.until(() => world.allOpen, 1000);
    world.node(1).kill();
    world.run(100);
    for (const { events } of world.nodes) events.take();
    world.node(1).directory = new Directory(0x77);
    world.node(1).directory.admitted = false;
    world.node(1).start();
    world.run(5000);
    assert.deepEqual([...new Set(world.node(1).events.take())].sort(), [
      'n2 knows me: other',
      'n3 knows me: other',
      'refused n2 DIRECTORY_REPLACED',
      'refused n3 DIRECTORY_REPLACED',
    ]);
    assert.deepEqual(world.node(2).events.take(), ['refused n1 DIRECTORY_REPLACED']);
  });
});

describe('peers: refusals, whole', () => {
  /** Starts three nodes of which the third is not what it should be; tells what n1 and n3 hear. */
  const meet = (spoil: (world: PeerWorld) => void): { n1: string[]; n3: string[] } => {
    const world = new PeerWorld(3);
    spoil(world);
    world.node(1).start();
    world.node(2).start();
    if (world.node(3).peers === null) world.node(3).start();
    world.run(5000);
    assert.equal(world.node(1).peers!.isOpen(N2), true, 'the others are well');
    const about = (lines: string[], name: string) => lines.filter((line) => line.includes(name));
    return {
      n1: about(world.node(1).events.take(), 'n3'),
      n3: about(world.node(3).events.take(), 'n1'),
    };
  };

  it('another cluster', () => {
    const lines = meet((world) => {
      for (const node of world.nodes) node.directory.clusterId = id(node.member.id === 3 ? 5 : 4);
    });
    assert.deepEqual(lines, { n1: ['refused n3 WRONG_CLUSTER'], n3: ['refused n1 WRONG_CLUSTER'] });
  });

  it('other members', () => {
    const lines = meet((world) => {
      world.node(3).directory.membersCrc = 2;
    });
    assert.deepEqual(lines, { n1: ['refused n3 OTHER_MEMBERS'], n3: ['refused n1 OTHER_MEMBERS'] });
  });

  it('an address that leads to the wrong node', () => {
    const lines = meet((world) => {
      const all = world.members.map((m) => (m.id === 1 ? { ...m, host: 'host2' } : m));
      world.node(3).start(all);
    });
    assert.deepEqual(lines.n3, ['refused n1 WRONG_ADDRESSEE']);
    assert.deepEqual(lines.n1, ['connected n3 start 1'], 'the other direction is right');
  });

  it('an old copy of a directory', () => {
    const world = new PeerWorld(3);
    world.startAll();
    world.until(() => world.allOpen, 1000);
    const backup = world.node(3).directory.copy();
    for (let restart = 0; restart < 3; restart++) {
      world.node(3).kill();
      world.node(3).start();
      world.until(() => world.allOpen, 1000);
    }
    world.node(3).kill();
    world.run(10);
    for (const { events } of world.nodes) events.take();
    world.node(3).directory = backup;
    world.node(3).start();
    world.run(2000);
    assert.deepEqual(world.node(1).events.take(), ['refused n3 DIRECTORY_OLD']);
    assert.deepEqual([...new Set(world.node(3).events.take())].sort(), [
      'disowned by n1',
      'disowned by n2',
      'refused n1 DIRECTORY_OLD',
      'refused n2 DIRECTORY_OLD',
    ]);
  });

  it('end when what was wrong is right again', () => {
    const world = new PeerWorld(2);
    world.node(2).directory.membersCrc = 2;
    world.startAll();
    world.run(3000);
    world.node(2).kill();
    world.node(2).directory.membersCrc = 1;
    world.node(2).start();
    world.until(() => world.allOpen, 1000);
  });
});

/** Somebody who dials n1 and says whatever the test wants. */
class Stranger {
  readonly world: PeerWorld;
  readonly frames: Frame[] = [];
  closed: CloseReason | null = null;
  ended = false;
  private readonly network: Network;
  private readonly reader = new FrameReader(defaultLimits);
  private readonly stream: Stream;

  constructor(world: PeerWorld, host = 'stranger') {
    this.world = world;
    this.network = world.net.attach(host, new SimProcess(world.scheduler));
    this.stream = this.network.connect(
      { host: 'host1', port: PEER_PORT },
      {
        onOpen: () => {},
        onBytes: (chunk) => {
          this.reader.feed(chunk);
          for (let f = this.reader.next(); f !== null; f = this.reader.next()) this.frames.push(f);
        },
        onEnd: () => {
          this.ended = true;
        },
        onDrain: () => {},
        onClose: (reason) => {
          this.closed = reason;
        },
      },
    );
  }

  say(...parts: Uint8Array[]): this {
    this.stream.write(concatBytes(parts));
    this.world.run(20);
    return this;
  }

  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }
}

describe('peers: a stranger on the port', () => {
  const encoder = new FrameEncoder();
  const message = encoder.encode(timeoutNow(N2, N1, 9));
  const hello = (change: Partial<Introduction> = {}) =>
    encodeHandshake({
      kind: 'Hello',
      introduction: { ...said, membersCrc: 1, clusterId: id(0), ...change },
    });

  /** n1 alone, the others being played. */
  const world = () => {
    const made = new PeerWorld(3);
    made.node(1).start();
    made.run(10);
    return made;
  };

  it('is heard once it has said who it is, and was bound', () => {
    const stranger = new Stranger(world()).say(hello()).say(message, PING);
    assert.deepEqual(stranger.kinds, ['Welcome', 'Pong']);
    const node = stranger.world.node(1);
    assert.equal(node.events.messages.length, 1);
    assert.equal(node.directory.bindings.get(N2)?.incarnation, 5);
  });

  it('is not heard before that', () => {
    for (const first of [
      message,
      PING,
      encodeHandshake({ kind: 'Refuse', introduction: said, code: 'X', text: 'y' }),
    ]) {
      const stranger = new Stranger(world()).say(first);
      assert.equal(stranger.closed, 'reset');
      assert.deepEqual(stranger.kinds, []);
    }
  });

  it('is not heard while its binding is not durable', () => {
    const stranger = new Stranger(world()).say(concatBytes([hello(), message]));
    assert.equal(stranger.closed, 'reset');
    assert.deepEqual(stranger.world.node(1).events.messages, []);
  });

  it('is not heard for others, nor as others', () => {
    for (const wrong of [timeoutNow(nodeId(3), N1, 9), timeoutNow(N2, nodeId(3), 9)]) {
      const stranger = new Stranger(world()).say(hello()).say(encoder.encode(wrong));
      assert.equal(stranger.closed, 'reset');
      assert.deepEqual(stranger.world.node(1).events.messages, []);
      assert.match(
        stranger.world.node(1).events.notices[0]!,
        /left a stream from n2: a TimeoutNow/,
      );
    }
  });

  it('is not heard while it is bound anew', () => {
    const stranger = new Stranger(world()).say(hello());
    stranger.say(hello(at(6)), message);
    assert.equal(stranger.closed, 'reset');
    assert.deepEqual(stranger.world.node(1).events.messages, []);
  });

  it('may not change its name', () => {
    const as3 = hello({ fromNode: nodeId(3), fromName: 'n3', directoryId: id(3) });
    const stranger = new Stranger(world()).say(hello()).say(as3);
    assert.equal(stranger.closed, 'reset');
  });

  it('is told why it is refused, and then left', () => {
    const stranger = new Stranger(world()).say(hello({ protocolVersion: 9 }));
    assert.deepEqual(stranger.kinds, ['Refuse']);
    assert.equal(stranger.ended, true);
    stranger.say(message).world.run(5000);
    assert.equal(stranger.closed, 'reset');
    assert.deepEqual(stranger.world.node(1).events.messages, []);
    assert.match(
      stranger.world.node(1).events.notices[0]!,
      new RegExp(`refused a peer: n1 speaks peer protocol ${PROTOCOL_VERSION}`),
    );
  });

  it('is left when it says nothing', () => {
    const stranger = new Stranger(world());
    stranger.world.run(900);
    assert.equal(stranger.closed, null);
    stranger.world.run(600);
    assert.equal(stranger.closed, 'reset');
  });

  it('takes the place of its own older stream', () => {
    const first = new Stranger(world()).say(hello());
    const second = new Stranger(first.world, 'elsewhere').say(hello(at(6)));
    assert.equal(first.closed, 'reset');
    assert.equal(second.closed, null);
    const third = new Stranger(first.world, 'late').say(hello());
    assert.deepEqual(third.kinds, ['Refuse'], 'the older incarnation');
    assert.equal(second.closed, null);
    second.say(message);
    assert.equal(first.world.node(1).events.messages.length, 1);
  });

  it('does not come in crowds', () => {
    const { world: made } = new Stranger(world());
    const crowd = Array.from({ length: 200 }, (_, i) => new Stranger(made, `crowd${i}`));
    made.run(100);
    const left = crowd.filter(({ closed }) => closed === null).length;
    assert.ok(left <= 66, `${left} were let in`);
    made.run(2000);
    const peer = new Stranger(made, 'peer').say(hello());
    assert.deepEqual(peer.kinds, ['Welcome']);
  });

  it('makes nobody keep answers that it does not read', () => {
    const stranger = new Stranger(world()).say(hello());
    const pings = concatBytes(Array.from({ length: 10_000 }, () => PING));
    const { stream } = stranger as unknown as { stream: Stream };
    stream.pause();
    for (let i = 0; i < 20 && stranger.closed === null; i++) stranger.say(pings);
    assert.equal(stranger.closed, 'reset');
  });
});

describe('peers: a stranger who is dialed', () => {
  const mine = introduce({ ...self, nodeId: N2, name: 'n2', membersCrc: 1, clusterId: id(0) }, n1!);
  const welcome = (change: Partial<Introduction> = {}, knowsDialer = true) =>
    encodeHandshake({ kind: 'Welcome', introduction: { ...mine, ...change }, knowsDialer });
  const refuse = (code = 'GO_AWAY', change: Partial<Introduction> = {}) =>
    encodeHandshake({
      kind: 'Refuse',
      introduction: { ...mine, ...change },
      code,
      text: 'try again',
    });

  /** n1 dials n2, who answers each Hello with these bytes, and breaks off if told to. */
  const answering = (
    bytes: Uint8Array,
    { breakOff = false, admitted = true, seed = 1, bindings = [] as readonly Binding[] } = {},
  ) => {
    const world = new PeerWorld(2, seed);
    const { directory } = world.node(1);
    directory.admitted = admitted;
    for (const binding of bindings) directory.bindings.set(binding.nodeId, binding);
    const { scheduler, net } = world;
    let dials = 0;
    const network = net.attach('host2', new SimProcess(scheduler));
    const accept = (stream: Stream): StreamHandlers => {
      dials++;
      return {
        onOpen: () => {},
        onBytes: () => {
          stream.write(bytes);
          if (breakOff) scheduler.after(5, () => stream.destroy());
        },
        onEnd: () => {},
        onDrain: () => {},
        onClose: () => {},
      };
    };
    network.listen({ host: 'host2', port: PEER_PORT }, accept, () => {});
    world.node(1).start();
    world.run(100);
    return { world, node: world.node(1), dials: () => dials };
  };

  it('is believed when it is who it should be', () => {
    const { node } = answering(welcome());
    assert.deepEqual(node.events.take(), ['connected n2 start 4']);
  });

  it('is not bound while it is not admitted, nor before it knows the dialer', () => {
    for (const answer of [welcome({ admitted: false }), welcome({}, false)]) {
      const { node } = answering(answer);
      assert.deepEqual(node.events.take(), []);
      assert.equal(node.directory.bindings.size, 0);
    }
  });

  it('is left when it is somebody else', () => {
    const { node } = answering(welcome({ fromNode: nodeId(3), fromName: 'n3' }));
    assert.deepEqual(node.events.take(), ['refused n2 UNKNOWN_NODE']);
    assert.equal(node.directory.bindings.size, 0);
  });

  it('is not listened to any more once it has refused', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const both = concatBytes([refuse(), welcome()]);
      const { node } = answering(both, { admitted: false, seed });
      assert.deepEqual(node.events.take(), ['refused n2 GO_AWAY']);
    }
  });

  it('ends this node with a refusal only if it is the member that it was dialed as', () => {
    const hears = (bytes: Uint8Array, admitted = true, bindings: readonly Binding[] = []) => {
      const { node } = answering(bytes, { admitted, bindings });
      return [...new Set(node.events.take())].filter((line) => !line.startsWith('refused')).sort();
    };
    for (const code of ['DIRECTORY_OLD', 'DIRECTORY_REPLACED']) {
      assert.deepEqual(hears(refuse(code)), ['disowned by n2']);
      const known = { ...bound, directoryId: id(1) };
      assert.deepEqual(hears(refuse(code), true, [known]), ['disowned by n2'], 'at any start');
      assert.deepEqual(hears(refuse(code), true, [bound]), [], 'another directory');
      assert.deepEqual(hears(refuse(code, { membersCrc: 2 })), [], 'another cluster');
      assert.deepEqual(hears(refuse(code, { fromName: 'n3' })), [], 'another member');
      assert.deepEqual(hears(refuse(code, { toNode: nodeId(3) })), [], 'about another member');
    }
    assert.deepEqual(hears(refuse('DIRECTORY_OLD'), false), ['disowned by n2']);
    assert.deepEqual(hears(refuse('DIRECTORY_REPLACED'), false), ['n2 knows me: other']);
    for (const code of ['WRONG_CLUSTER', 'OTHER_MEMBERS', 'GO_AWAY']) {
      assert.deepEqual(hears(refuse(code)), []);
    }
  });

  it('may not answer with anything else', () => {
    for (const wrong of [PING, new FrameEncoder().encode(timeoutNow(N2, N1, 9)), id(0)]) {
      const { node } = answering(wrong);
      assert.deepEqual(node.events.take(), []);
      assert.match(node.events.notices[0]!, /left the stream to n2/);
    }
  });

  it('is dialed with growing patience when it welcomes and breaks off, for ever', () => {
    const { world, dials } = answering(welcome(), { breakOff: true });
    world.run(10_000);
    assert.ok(dials() > 15 && dials() < 60, `${dials()} dials`);
  });
});
