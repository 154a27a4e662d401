import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { byteString, bytesOf, concatBytes } from '../../src/base/bytes.ts';
import type { Limits } from '../../src/base/limits.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import type { Stream } from '../../src/replica/network.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { type Node, smallLimits, World } from './world.ts';

const KIB = 1024;
const FIRST_COMMAND_MS = smallLimits.clientStrangerMs;

/** A connection that says what it is told, keeps what it hears, and never closes by itself. */
class Raw {
  heard = '';
  ended = false;
  closed = false;
  private readonly world: World;
  private readonly stream: Stream;

  constructor(world: World, to: Node, host = 'raw') {
    this.world = world;
    const network = world.network.attach(host, new SimProcess(world.scheduler));
    const { port } = to.member;
    this.stream = network.connect(
      { host: to.member.host, port },
      {
        onOpen: () => {},
        onBytes: (chunk) => {
          this.heard += byteString(chunk);
        },
        onEnd: () => {
          this.ended = true;
        },
        onDrain: () => {},
        onClose: () => {
          this.closed = true;
        },
      },
    );
  }

  say(what: string | Uint8Array, waitMs = 20): this {
    this.stream.write(typeof what === 'string' ? bytesOf(what) : what);
    this.world.run(waitMs);
    return this;
  }

  stopReading(): this {
    this.stream.pause();
    return this;
  }
}

function cluster(change: Partial<Limits> = {}, seed = 1): { world: World; leader: Node } {
  const world = new World(seed, 3, { ...smallLimits, ...change });
  world.startAll();
  const leader = world.elect();
  world.run(100);
  return { world, leader };
}

const openOf = (raws: readonly Raw[]): number => raws.filter(({ closed }) => !closed).length;

describe('clients: a place is for those who speak', () => {
  it('so a silent stranger makes room when all are taken, and a client never does', () => {
    const { world, leader } = cluster({ clientsMax: 10 });
    const clients = Array.from({ length: 5 }, () => new Raw(world, leader).say('PING\r\n'));
    const strangers = Array.from({ length: 5 }, () => new Raw(world, leader));
    world.run(100);
    const early = new Raw(world, leader).say('PING\r\n');
    assert.equal(early.heard, '-ERR max number of clients reached\r\n', 'they had no time yet');
    assert.equal(early.ended, true);
    world.run(1000);
    for (let left = 4; left >= 0; left--) {
      const late = new Raw(world, leader).say('PING\r\n');
      assert.equal(late.heard, '+PONG\r\n');
      assert.equal(openOf(strangers), left);
    }
    const none = new Raw(world, leader).say('PING\r\n');
    assert.equal(none.heard, '-ERR max number of clients reached\r\n');
    assert.equal(openOf(clients), 5);
    assert.equal(leader.replica!.view.clients, 10);
  });

  it('so a stranger has a minute for its first command, whole, and a client has for ever', () => {
    const { world, leader } = cluster();
    const client = new Raw(world, leader).say('PING\r\n');
    const silent = new Raw(world, leader);
    const nonsense = new Raw(world, leader).say('HEAD / HTTP/1.0\r\n\r\n');
    const drip = new Raw(world, leader);
    const slow = '*2\r\n$4\r\nECHO\r\n$100\r\n';
    for (let ms = 0; ms < FIRST_COMMAND_MS - 10_000; ms += 5000) {
      drip.say(slow[ms / 5000] ?? 'x', 5000);
      nonsense.say('\r\n*0\r\n*-1\r\n', 0);
    }
    assert.equal(openOf([client, silent, drip, nonsense]), 4);
    world.run(15_000);
    assert.equal(openOf([silent, drip, nonsense]), 0);
    world.run(300_000);
    assert.equal(client.say('PING\r\n').heard, '+PONG\r\n+PONG\r\n');
    assert.equal(leader.replica!.view.clients, 1);
  });

  it('so who is refused, or was told to go, is left soon if it does not go', () => {
    const { world, leader } = cluster({ clientsMax: 1, clientRefusalsMax: 20 });
    const client = new Raw(world, leader).say('PING\r\n');
    const refused = Array.from({ length: 100 }, (_, i) => new Raw(world, leader, `h${i}`));
    world.run(50);
    assert.equal(openOf(refused), 20, 'the others were not even told');
    world.run(8000);
    assert.equal(openOf(refused), 0);
    assert.equal(client.closed, false);
    client.say('QUIT\r\n');
    assert.equal(client.heard, '+PONG\r\n+OK\r\n');
    assert.deepEqual([client.ended, client.closed], [true, false]);
    world.run(8000);
    assert.equal(client.closed, true);
    assert.equal(leader.replica!.view.clients, 0);
  });
});

describe('clients: memory', () => {
  const budgets = { clientStrangersBytesMax: 256 * KIB, clientOutputBytesMax: 1024 * KIB };
  const limits = { ...budgets, clientPauseOutputBytes: 512 * KIB, clientsBytesMax: 1536 * KIB };

  it('of strangers is bounded in all: the greediest goes first, and no client does', () => {
    const { world, leader } = cluster(limits);
    const client = new Raw(world, leader).say('PING\r\n');
    const head = bytesOf('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000\r\n');
    const modest = new Raw(world, leader, 'modest').say(head);
    const half = concatBytes([head, new Uint8Array(15_000)]);
    const crowd = Array.from({ length: 100 }, (_, i) => new Raw(world, leader, `h${i}`).say(half));
    assert.ok(openOf(crowd) >= 8 && openOf(crowd) <= 17, `${openOf(crowd)} are left`);
    const rest = new Uint8Array(16_002).fill(0x78);
    rest.set([13, 10], 16_000);
    assert.equal(modest.say(rest, 100).heard, '+OK\r\n');
    assert.equal(client.say('PING\r\n').heard, '+PONG\r\n+PONG\r\n');
  });

  it('of clients that read nothing is bounded in all, and the others notice nothing', () => {
    const { world, leader } = cluster({ ...limits, clientPipelineMax: 64 });
    const client = new Raw(world, leader);
    client.say(encodeRequest(['SET', 'big', 'x'.repeat(16_000)]), 100);
    const gets = concatBytes(Array.from({ length: 60 }, () => encodeRequest(['GET', 'big'])));
    const crowd = Array.from({ length: 20 }, (_, i) => {
      return new Raw(world, leader, `h${i}`).say('PING\r\n').stopReading().say(gets, 100);
    });
    world.run(1000);
    assert.ok(openOf(crowd) < 20 && openOf(crowd) >= 1, `${openOf(crowd)} are left`);
    assert.equal(client.say('PING\r\n').heard, '+OK\r\n+PONG\r\n');
  });
});

describe('clients: another protocol', () => {
  it('is closed without a word, and what follows is not executed', () => {
    const { world, leader } = cluster();
    for (const attack of [
      'POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k evil\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\n\r\nSET k evil\r\n',
      '*1\r\n$4\r\npOsT\r\nSET k evil\r\n',
      '*1\r\n$5\r\nhOST:\r\nSET k evil\r\n',
    ]) {
      const raw = new Raw(world, leader).say(attack);
      assert.equal(raw.closed, true, attack);
      // A first line that arrives alone may be a GET of ours, with too many words; POST never is.
      const isOurs = attack.startsWith('GET') && raw.heard.startsWith('-ERR wrong number of argum');
      assert.ok(raw.heard === '' || isOurs, `${attack}: ${raw.heard}`);
    }
    world.run(500);
    const client = new Raw(world, leader).say('GET k\r\n', 100);
    assert.equal(client.heard, '$-1\r\n');
  });

  it('ends with an error where nobody can tell what was meant, behind the replies before it', () => {
    const { world, leader } = cluster();
    const raw = new Raw(world, leader).say('SET k v\r\nGET k\r\n*1\r\n$-0\r\nPING\r\n', 200);
    const error = '-ERR Protocol error: invalid bulk length\r\n';
    assert.equal(raw.heard, `+OK\r\n$1\r\nv\r\n${error}`);
    assert.equal(raw.ended, true);
  });
});

describe('clients: long replies', () => {
  it('are not made for one who does not take them, though each was asked for in a few bytes', () => {
    const { world, leader } = cluster({ clientPauseOutputBytes: 64 * KIB });
    const greedy = new Raw(world, leader);
    const small = encodeRequest(['GET', 'none']);
    greedy.say(concatBytes(Array.from({ length: 2000 }, () => small)), 2000);
    greedy.say(encodeRequest(['SET', 'long', 'x'.repeat(16 * KIB)])).say('GET long\r\n', 200);
    greedy.stopReading();
    const applied = () => leader.replica!.view.lastApplied;
    const before = applied();
    const one = encodeRequest(['GET', 'long']);
    greedy.say(concatBytes(Array.from({ length: 500 }, () => one)), 2000);
    // 64 KiB unread are four of them, and some more are on their way through the network.
    const made = applied() - before;
    assert.ok(made >= 4 && made <= 24, `${made} replies were made`);
  });

  it('come one by one to one who does', () => {
    const { world, leader } = cluster({ clientPauseOutputBytes: 64 * KIB });
    const client = new Raw(world, leader);
    client.say(encodeRequest(['SET', 'long', 'x'.repeat(16 * KIB)]));
    const one = encodeRequest(['GET', 'long']);
    client.say(concatBytes(Array.from({ length: 100 }, () => one)), 5000);
    assert.equal(client.heard.split('$16384\r\n').length - 1, 100);
  });
});
