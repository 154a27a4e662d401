import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { type Argument, Client, type CommandOptions } from '../../src/client/client.ts';
import {
  type DkvsError,
  ReplyError,
  UnavailableError,
  UnknownOutcomeError,
  UsageError,
} from '../../src/client/errors.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import {
  FakeCluster,
  follows,
  leads,
  reset,
  type Script,
  silence,
  statusReply,
} from './fake-cluster.ts';

const NODES = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];

interface Watched {
  result: RespValue | DkvsError | Error | null;
  /** Virtual time at which it ended. */
  atMs: number;
}

/** Issues a command now and says later how, and when, it ended. */
function watch(
  cluster: FakeCluster,
  client: Client,
  args: readonly Argument[],
  options?: CommandOptions,
): Watched {
  const watched: Watched = { result: null, atMs: -1 };
  const end = (result: RespValue | Error) => {
    assert.equal(watched.result, null, 'a command ends once');
    watched.result = result;
    watched.atMs = cluster.now();
  };
  client.command(args, options).then(end, end);
  return watched;
}

const SET = ['SET', 'k', 'v'];
const GET = ['GET', 'k'];
const ok: RespValue = { kind: 'simple', text: 'OK' };

describe('routing', () => {
  it('follows a redirect, and goes to the leader directly from then on', async () => {
    const cluster = new FakeCluster();
    const follower = cluster.node(1, follows(2));
    const leader = cluster.node(2, leads);
    const client = new Client(cluster, { nodes: NODES });
    const first = watch(cluster, client, SET);
    await cluster.run(100);
    const second = watch(cluster, client, SET);
    await cluster.run(200);
    assert.deepEqual([first.result, second.result], [ok, ok]);
    assert.equal(follower.received.length, 1);
    assert.equal(leader.received.length, 2);
    assert.equal(cluster.armed, 0);
  });

  it('follows a MOVED, and a redirect to a node it was never told of', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => '-MOVED 1234 127.0.0.1:9\r\n');
    cluster.node(9, leads);
    const client = new Client(cluster, { nodes: ['127.0.0.1:1'] });
    const set = watch(cluster, client, SET);
    await cluster.run(100);
    assert.deepEqual(set.result, ok);
  });

  it('passes over a node that is down', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, leads).health = 'refused';
    cluster.node(2, leads);
    const client = new Client(cluster, { nodes: NODES });
    const set = watch(cluster, client, SET);
    await cluster.run(50);
    assert.deepEqual(set.result, ok);
  });

  it('passes over a node that can not be reached, within the attempt time', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, leads).health = 'unreachable';
    cluster.node(2, leads);
    const client = new Client(cluster, { nodes: NODES, attemptMs: 100 });
    const set = watch(cluster, client, SET);
    await cluster.run(1000);
    assert.deepEqual(set.result, ok);
    assert.ok(set.atMs < 150, `${set.atMs} ms`);
  });

  it('ends within its deadline when two nodes point at each other for ever', async () => {
    const cluster = new FakeCluster();
    const one = cluster.node(1, follows(2));
    const two = cluster.node(2, follows(1));
    const client = new Client(cluster, { nodes: NODES.slice(0, 2) });
    const set = watch(cluster, client, SET, { deadlineMs: 1000 });
    await cluster.run(2000);
    assert.ok(set.result instanceof UnavailableError);
    assert.match(set.result.message, /REDIRECT/);
    assert.ok(set.atMs <= 1001, `${set.atMs} ms`);
    assert.ok(one.received.length + two.received.length < 40, 'it backs off');
  });

  it('does not follow an endless chain of new addresses', async () => {
    const cluster = new FakeCluster();
    const nodes = Array.from({ length: 100 }, (_, i) => cluster.node(i + 1, follows(i + 2)));
    const client = new Client(cluster, { nodes: ['127.0.0.1:1'] });
    const set = watch(cluster, client, SET, { deadlineMs: 500 });
    await cluster.run(1000);
    assert.ok(set.result instanceof UnavailableError);
    assert.ok(nodes.filter(({ connections }) => connections > 0).length <= 32);
  });

  it('waits out an election', async () => {
    const cluster = new FakeCluster();
    const down = '-CLUSTERDOWN no leader\r\n';
    cluster.node(1, (args, time) => (time < 300 ? down : leads(args, time)));
    cluster.node(2, (args, time) => (time < 300 ? down : follows(1)(args, time)));
    cluster.node(3, leads).health = 'refused';
    const client = new Client(cluster, { nodes: NODES });
    const set = watch(cluster, client, SET);
    await cluster.run(2000);
    assert.deepEqual(set.result, ok);
    assert.ok(set.atMs < 700, `${set.atMs} ms`);
  });

  /** A client with a connection to node 1, which from now on waits a second before it answers. */
  async function toASlowNode(script: Script) {
    const cluster = new FakeCluster();
    const node = cluster.node(1, (args, time) =>
      args[0] === 'PING' ? '+PONG\r\n' : script(args, time),
    );
    const client = new Client(cluster, { nodes: NODES });
    watch(cluster, client, ['PING']);
    await cluster.run(100);
    node.delayMs = 1000;
    node.received.length = 0;
    return { cluster, node, client };
  }

  it('does not end as unknown what could only have been refused once more', async () => {
    // One node of three is left. It waits a second for a leader, and then has found none.
    const sentTimes = async (deadlineMs: number) => {
      const { cluster, node, client } = await toASlowNode(() => '-CLUSTERDOWN no leader\r\n');
      const set = watch(cluster, client, SET, { deadlineMs });
      await cluster.run(100 + deadlineMs);
      assert.ok(set.result instanceof UnavailableError, String(set.result));
      assert.match(set.result.message, /CLUSTERDOWN/);
      assert.equal(set.atMs, 100 + deadlineMs);
      assert.equal(cluster.armed, 0);
      return node.received.filter((command) => command !== 'STATUS').length;
    };
    assert.deepEqual([await sentTimes(2000), await sentTimes(2500)], [1, 2]);
  });

  /** Three nodes that answer, but have had no leader since they were asked first. */
  async function leaderless() {
    const cluster = new FakeCluster();
    const nodes = [1, 2, 3].map((port) =>
      cluster.node(port, ([name]) =>
        name === 'STATUS' ? statusReply(null) : '-CLUSTERDOWN no leader\r\n',
      ),
    );
    const client = new Client(cluster, { nodes: NODES });
    for (const node of NODES) void client.statusOf(node);
    await cluster.run(100);
    for (const node of nodes) node.delayMs = 1000;
    const sent = () =>
      nodes.flatMap(({ received }) => received.filter((text) => text !== 'STATUS'));
    return { cluster, nodes, client, sent };
  }

  it('does not end as unknown while all nodes are up and none leads', async () => {
    const { cluster, client, sent } = await leaderless();
    const set = watch(cluster, client, SET);
    await cluster.run(3000);
    assert.ok(set.result instanceof UnavailableError, String(set.result));
    assert.match(set.result.message, /CLUSTERDOWN no leader/);
    assert.ok(set.atMs <= 2100, `${set.atMs} ms`);
    assert.equal(sent().length, 1, 'the second node would have held it beyond the deadline');
    assert.equal(cluster.armed, 0);
  });

  it('goes on as soon as one of them knows of a leader, also late', async () => {
    const { cluster, nodes, client, sent } = await leaderless();
    const set = watch(cluster, client, SET);
    await cluster.run(1700);
    assert.equal(set.result, null);
    nodes[1]!.script = follows(3);
    nodes[2]!.script = leads;
    for (const node of nodes) node.delayMs = 1;
    await cluster.run(3000);
    assert.deepEqual(set.result, ok);
    assert.ok(set.atMs < 2000, `${set.atMs} ms`);
    assert.equal(sent().length, 3, 'the first try, the redirect, and the leader');
  });

  it('still asks a node that had known of no leader, once it is said to lead', async () => {
    const { cluster, node, client } = await toASlowNode((_, time) =>
      time < 1500 ? '-CLUSTERDOWN no leader\r\n' : '+OK\r\n',
    );
    const set = watch(cluster, client, SET);
    await cluster.run(1600);
    assert.equal(set.result, null);
    node.delayMs = 1;
    cluster.node(2, follows(1));
    await cluster.run(2100);
    assert.deepEqual(set.result, ok);
    assert.equal(node.received.filter((command) => command !== 'STATUS').length, 2);
  });

  it('tries again what is certain not to have been applied', async () => {
    for (const error of ['TRYAGAIN overloaded', 'NOTAPPLIED a new leader', 'CLUSTERDOWN none']) {
      const cluster = new FakeCluster();
      let answers = 0;
      cluster.node(1, () => (answers++ === 0 ? `-${error}\r\n` : '+OK\r\n'));
      const client = new Client(cluster, { nodes: ['127.0.0.1:1'] });
      const set = watch(cluster, client, SET);
      await cluster.run(500);
      assert.deepEqual(set.result, ok, error);
      assert.equal(answers, 2);
    }
  });

  it('asks one node and no other when told to', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => '$2\r\n{}\r\n');
    cluster.node(2, follows(1));
    cluster.node(3, leads).health = 'refused';
    const client = new Client(cluster, { nodes: NODES });
    const status = client.statusOf('127.0.0.1:1');
    const redirected = client.commandTo('127.0.0.1:2', SET).catch((error: Error) => error);
    const refused = client.statusOf('127.0.0.1:3').catch((error: Error) => error);
    await cluster.run(100);
    assert.deepEqual(await status, new Uint8Array([123, 125]));
    assert.ok((await redirected) instanceof UnavailableError);
    assert.ok((await refused) instanceof UnavailableError);
    assert.equal(cluster.armed, 0);
  });
});

describe('what became of a command', () => {
  it('is unavailable at the deadline when nothing was sent', async () => {
    const cluster = new FakeCluster();
    const client = new Client(cluster, { nodes: NODES, deadlineMs: 300 });
    const set = watch(cluster, client, SET);
    await cluster.run(1000);
    assert.ok(set.result instanceof UnavailableError);
    assert.match(set.result.message, /refused/);
    assert.equal(set.atMs, 300);
    assert.equal(cluster.armed, 0);
  });

  it('is unknown when the connection is lost behind a write, which is never sent again', async () => {
    const cluster = new FakeCluster();
    const nodes = [cluster.node(1, () => reset), cluster.node(2, leads), cluster.node(3, leads)];
    for (const args of [SET, ['DEL', 'k'], ['INCR', 'k'], ['incrby', 'k', '2'], ['EVIL', 'x']]) {
      const before = nodes.flatMap((node) => node.received).length;
      const write = watch(cluster, new Client(cluster, { nodes: NODES }), args);
      await cluster.run(cluster.now() + 3000);
      assert.ok(write.result instanceof UnknownOutcomeError, args.join(' '));
      assert.equal(nodes.flatMap((node) => node.received).length, before + 1);
    }
  });

  it('is unknown when the node says so, or is silent until the deadline', async () => {
    for (const answer of [() => '-UNKNOWN deadline\r\n', () => silence] as Script[]) {
      const cluster = new FakeCluster();
      const node = cluster.node(1, answer);
      const other = cluster.node(2, leads);
      const client = new Client(cluster, { nodes: NODES, deadlineMs: 900, attemptMs: 100 });
      const set = watch(cluster, client, SET);
      await cluster.run(2000);
      assert.ok(set.result instanceof UnknownOutcomeError);
      assert.ok(set.atMs <= 900);
      assert.equal(node.received.length + other.received.length, 1);
    }
  });

  it('is known when the answer to a write comes late, but in time', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, leads).delayMs = 700;
    const client = new Client(cluster, { nodes: ['127.0.0.1:1'], attemptMs: 1000 });
    const set = watch(cluster, client, SET);
    await cluster.run(3000);
    assert.deepEqual(set.result, ok);
  });

  it('is a reply for a read whose connection is lost: another node is asked', async () => {
    for (const read of [GET, ['EXISTS', 'k'], ['get', 'k']]) {
      const cluster = new FakeCluster();
      cluster.node(1, () => reset);
      cluster.node(2, leads);
      const client = new Client(cluster, { nodes: NODES });
      const get = watch(cluster, client, read);
      await cluster.run(500);
      assert.ok(get.result !== null && 'kind' in get.result, read.join(' '));
    }
  });

  it('is the error of the reply when the command is refused, at once', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => '-ERR value is not an integer or out of range\r\n');
    const client = new Client(cluster, { nodes: NODES });
    const incr = watch(cluster, client, ['INCR', 'k']);
    await cluster.run(100);
    assert.ok(incr.result instanceof ReplyError);
    assert.equal(incr.result.replyCode, 'ERR');
    assert.equal(incr.result.code, 'REPLY');
    assert.ok(incr.atMs < 20);
  });

  it('is unknown for writes and another answer for reads when a node talks nonsense', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => 'HTTP/1.1 400 Bad Request\r\n');
    cluster.node(2, leads);
    const client = new Client(cluster, { nodes: NODES });
    const set = watch(cluster, client, SET);
    await cluster.run(100);
    const get = watch(cluster, new Client(cluster, { nodes: NODES }), GET);
    await cluster.run(200);
    assert.ok(set.result instanceof UnknownOutcomeError);
    assert.deepEqual(get.result, { kind: 'bulk', bytes: bytesOf('v') });
  });
});

describe('a node that is stopped, not dead', () => {
  it('never gets a write of a fresh client: it has not answered the greeting', async () => {
    const cluster = new FakeCluster();
    const stopped = cluster.node(1, leads);
    stopped.health = 'frozen';
    cluster.node(2, leads);
    const client = new Client(cluster, { nodes: NODES });
    const set = watch(cluster, client, SET);
    await cluster.run(3000);
    assert.deepEqual(set.result, ok);
    assert.ok(set.atMs < 450, `${set.atMs} ms`);
    assert.deepEqual(stopped.received, []);
  });

  it('costs a read one attempt, and its late answer is not taken for another', async () => {
    const cluster = new FakeCluster();
    const leader = cluster.node(1, () => '$3\r\nold\r\n');
    cluster.node(2, () => '$3\r\nnew\r\n');
    const client = new Client(cluster, { nodes: NODES });
    watch(cluster, client, GET);
    await cluster.run(50);
    leader.health = 'frozen';
    const get = watch(cluster, client, GET);
    await cluster.run(700);
    assert.deepEqual(get.result, { kind: 'bulk', bytes: bytesOf('new') });
    assert.ok(get.atMs < 50 + 400 + 20);
    leader.health = 'up';
    leader.script = leads;
    await cluster.run(800);
    const again = await runTo(cluster, client.commandTo('127.0.0.1:1', GET), 900);
    assert.deepEqual(again, { kind: 'bulk', bytes: bytesOf('v') });
  });

  it('gets no further writes while it is silent; they are unavailable, not unknown', async () => {
    const cluster = new FakeCluster();
    const leader = cluster.node(1, leads);
    cluster.node(2, follows(1));
    const client = new Client(cluster, { nodes: NODES.slice(0, 2), deadlineMs: 800 });
    watch(cluster, client, SET);
    await cluster.run(50);
    leader.health = 'frozen';
    const first = watch(cluster, client, SET);
    await cluster.run(600);
    const second = watch(cluster, client, SET);
    await cluster.run(3000);
    assert.ok(first.result instanceof UnknownOutcomeError);
    assert.ok(second.result instanceof UnavailableError);
    assert.equal(leader.received.length, 2);
  });

  it('is used again, on a new connection, when the old one never speaks again', async () => {
    const cluster = new FakeCluster();
    const node = cluster.node(1, leads);
    const client = new Client(cluster, { nodes: ['127.0.0.1:1'] });
    watch(cluster, client, SET);
    await cluster.run(50);
    for (const stream of node.streams) stream.deaf = true;
    const lost = watch(cluster, client, SET);
    await cluster.run(600);
    const healed = watch(cluster, client, SET);
    await cluster.run(4000);
    assert.ok(lost.result instanceof UnknownOutcomeError);
    assert.deepEqual(healed.result, ok);
    assert.equal(node.connections, 2);
    assert.equal(node.streams.size, 1, 'the old connection is closed once nobody waits on it');
    assert.equal(cluster.armed, 0);
  });

  it('does not starve reads when it is only slow: a late answer counts', async () => {
    const cluster = new FakeCluster();
    const slow = cluster.node(1, leads);
    cluster.node(2, follows(1));
    const client = new Client(cluster, { nodes: NODES.slice(0, 2) });
    watch(cluster, client, SET);
    await cluster.run(50);
    slow.delayMs = 1000;
    const get = watch(cluster, client, GET);
    await cluster.run(3000);
    assert.deepEqual(get.result, { kind: 'bulk', bytes: bytesOf('v') });
    assert.equal(get.atMs, 1050);
    assert.equal(slow.received.filter((command) => command === 'GET k').length, 1);
  });
});

describe('a read under way at two nodes', () => {
  const ends: [string, ReturnType<Script>][] = [
    ['a reset', reset],
    ['a redirect', '-REDIRECT 127.0.0.1:3\r\n'],
    ['an unknown', '-UNKNOWN deadline\r\n'],
  ];
  for (const [end, answer] of ends) {
    it(`goes on at the younger one when the older ends in ${end}`, async () => {
      const cluster = new FakeCluster();
      const older = cluster.node(1, ([name]) => (name === 'PING' ? '+PONG\r\n' : answer));
      const younger = cluster.node(2, leads);
      const third = cluster.node(3, leads);
      const client = new Client(cluster, { nodes: NODES });
      await runTo(cluster, client.commandTo('127.0.0.1:1', ['PING']), 20);
      older.delayMs = 500;
      younger.delayMs = 150;
      const get = watch(cluster, client, GET);
      await cluster.run(2000);
      assert.deepEqual(get.result, { kind: 'bulk', bytes: bytesOf('v') });
      assert.deepEqual(third.received, []);
    });
  }

  it('is not sent again to a node that is asked already, busy with others as it is', async () => {
    const cluster = new FakeCluster();
    const slow = cluster.node(1, leads);
    cluster.node(2, follows(1));
    const client = new Client(cluster, { nodes: NODES.slice(0, 2) });
    watch(cluster, client, SET);
    await cluster.run(50);
    // Answers to the SETs come until just before the read is given another chance elsewhere.
    slow.delayMs = 390;
    for (let at = 100; at <= 400; at += 50) {
      watch(cluster, client, SET);
      await cluster.run(at);
    }
    slow.delayMs = 1000;
    const get = watch(cluster, client, GET);
    await cluster.run(1700);
    assert.deepEqual(get.result, { kind: 'bulk', bytes: bytesOf('v') });
    assert.equal(slow.received.filter((command) => command === 'GET k').length, 1);
    client.close();
  });
});

describe('pipelining', () => {
  it('keeps order, one connection, one write a turn', async () => {
    const cluster = new FakeCluster();
    const node = cluster.node(1, (args) => `$${args[1]!.length}\r\n${args[1]}\r\n`);
    const client = new Client(cluster, { nodes: ['127.0.0.1:1'] });
    watch(cluster, client, GET);
    await cluster.run(10);
    const stream = [...node.streams][0]!;
    const writesBefore = stream.writes;
    const gets = Array.from({ length: 1000 }, (_, i) => watch(cluster, client, ['GET', `k${i}`]));
    await cluster.run(100);
    gets.forEach(({ result }, i) => {
      assert.deepEqual(result, { kind: 'bulk', bytes: bytesOf(`k${i}`) });
    });
    assert.equal(node.connections, 1);
    assert.equal(stream.writes, writesBefore + 1);
  });

  it('refuses what is over its bound', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => silence);
    const client = new Client(cluster, { nodes: NODES, pendingMax: 2, deadlineMs: 100 });
    const all = [SET, SET, SET].map((args) => watch(cluster, client, args));
    await cluster.run(5);
    assert.deepEqual(
      all.map(({ result }) => result?.constructor.name),
      [undefined, undefined, 'UnavailableError'],
    );
    await cluster.run(1000);
  });
});

describe('the end of a command', () => {
  it('is the reason of the signal when nothing can have been applied', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, leads).health = 'unreachable';
    const client = new Client(cluster, { nodes: NODES });
    const abort = new AbortController();
    const set = watch(cluster, client, SET, { signal: abort.signal });
    await cluster.run(50);
    abort.abort(new Error('enough'));
    await cluster.run(51);
    assert.equal((set.result as Error).message, 'enough');
    const late = watch(cluster, client, SET, { signal: abort.signal });
    await cluster.run(52);
    assert.equal((late.result as Error).message, 'enough');
  });

  it('leaves nothing on the signal', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, leads);
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      reason: null,
      addEventListener: (_: 'abort', listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: 'abort', listener: () => void) => void listeners.delete(listener),
    };
    watch(cluster, new Client(cluster, { nodes: NODES }), SET, { signal });
    assert.equal(listeners.size, 1);
    await cluster.run(50);
    assert.equal(listeners.size, 0);
  });

  it('is unknown when a write is aborted after it left', async () => {
    const cluster = new FakeCluster();
    cluster.node(1, () => silence);
    const client = new Client(cluster, { nodes: NODES });
    const abort = new AbortController();
    const set = watch(cluster, client, SET, { signal: abort.signal });
    const get = watch(cluster, client, GET, { signal: abort.signal });
    await cluster.run(50);
    abort.abort(new Error('enough'));
    await cluster.run(60);
    assert.ok(set.result instanceof UnknownOutcomeError);
    assert.equal((get.result as Error).message, 'enough');
  });

  it('comes with close, truthfully, and nothing stays behind', async () => {
    const cluster = new FakeCluster();
    const node = cluster.node(1, () => silence);
    const client = new Client(cluster, { nodes: NODES });
    const set = watch(cluster, client, SET);
    const get = watch(cluster, client, GET);
    await cluster.run(50);
    await client[Symbol.asyncDispose]();
    const late = watch(cluster, client, SET);
    await cluster.run(100);
    assert.ok(set.result instanceof UnknownOutcomeError);
    assert.ok(get.result instanceof UnavailableError);
    assert.ok(late.result instanceof UnavailableError);
    assert.equal(node.streams.size, 0);
    assert.equal(cluster.armed, 0);
  });

  it('is a usage error for what makes no sense', async () => {
    const cluster = new FakeCluster();
    const client = new Client(cluster, { nodes: NODES });
    const setsUp = [['QUIT'], ['HELLO', '3'], ['reset'], ['client', 'REPLY', 'off']];
    for (const args of [[], [''], ...setsUp, [new Uint8Array(2)]]) {
      await assert.rejects(client.command(args), UsageError);
    }
    await assert.rejects(client.command(SET, { deadlineMs: 0 }), UsageError);
    assert.throws(() => new Client(cluster, { nodes: [] }), UsageError);
    assert.throws(() => new Client(cluster, { nodes: ['localhost'] }), UsageError);
  });
});

async function runTo<T>(cluster: FakeCluster, promise: Promise<T>, untilMs: number): Promise<T> {
  await cluster.run(untilMs);
  return promise;
}
