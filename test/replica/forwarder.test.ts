import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf, EMPTY_BYTES } from '../../src/base/bytes.ts';
import { nodeId } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Reply } from '../../src/kv/reply.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import type { Member } from '../../src/raft/configuration.ts';
import type { ClientConnection } from '../../src/replica/client-connection.ts';
import type { Clock } from '../../src/replica/clock.ts';
import { Forwarder } from '../../src/replica/forwarder.ts';
import type { Network, Stream, StreamHandlers } from '../../src/replica/network.ts';
import { Request } from '../../src/replica/request.ts';
import { defaultRequestTiming } from '../../src/replica/router.ts';
import type { NodeView } from '../../src/replica/status.ts';

const GREETED = '%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n';
const member = (id: number): Member => {
  const name = `n${id}`;
  return { id: nodeId(id), name, host: name, port: 7001, peerPort: 17001 };
};

/** A forwarder whose leader, network and clock do what the test says, and nothing else. */
class Stage {
  nowMs = 0;
  leader: Member | null = member(1);
  /** What became of the requests, in its order: `a: UNKNOWN`, `b: appended`. */
  readonly outcomes: string[] = [];
  /** Of the stream dialed last: who was dialed, and the commands that it was given. */
  dialed = '';
  sent: string[] = [];
  handlers: StreamHandlers | null = null;
  readonly forwarder: Forwarder;
  private readonly turn: (() => void)[] = [];

  constructor() {
    const stage = this;
    const view = {
      self: member(2),
      get leader() {
        return stage.leader;
      },
    } as NodeView;
    const clock: Clock = {
      now: () => this.nowMs,
      wallMs: () => assert.fail(),
      soon: (callback) => this.turn.push(callback),
      timer: () => assert.fail('it has no timer of its own'),
    };
    const network: Network = {
      listen: () => assert.fail(),
      connect: ({ host }, handlers) => this.dial(host, handlers),
    };
    this.forwarder = new Forwarder({
      network,
      clock,
      view,
      limits: defaultLimits,
      timing: defaultRequestTiming,
      host: {
        append: (request) => this.outcomes.push(`${nameOf(request)}: appended`) > 0,
        answer: (request, reply) => this.outcomes.push(`${nameOf(request)}: ${shown(reply)}`),
        whyNoLeader: () => 'nobody leads',
        wake: () => {},
      },
    });
  }

  submit(...requests: Request[]): void {
    for (const request of requests) this.forwarder.submit(request);
  }

  /** The leader takes the connection, and what waits for it is sent. */
  open(): void {
    this.handlers!.onOpen();
    this.says(GREETED);
    this.endTurn();
  }

  endTurn(): void {
    for (const callback of this.turn.splice(0)) callback();
  }

  says(text: string): void {
    this.handlers!.onBytes(bytesOf(text));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    if (this.forwarder.nextDeadlineMs <= this.nowMs) this.forwarder.run();
  }

  private dial(host: string, handlers: StreamHandlers): Stream {
    this.dialed = host;
    this.sent = [];
    this.handlers = handlers;
    const { sent } = this;
    return {
      bufferedBytes: 0,
      write: (bytes) =>
        sent.push(
          ...(Buffer.from(bytes)
            .toString()
            .match(/(?<=#)\w/g) ?? []),
        ),
      flush() {},
      end() {},
      destroy() {},
      pause() {},
      resume() {},
    };
  }
}

type Client = { readonly name: string };
const CLIENTS: readonly Client[] = [{ name: 'one' }, { name: 'two' }];

function request(name: string, kind: 'read' | 'write', client = CLIENTS[0]!, arrivedMs = 0) {
  const forwarding = { bytes: encodeRequest(['X', `#${name}`]), isRead: kind === 'read' };
  const connection = client as unknown as ClientConnection;
  return new Request(connection, EMPTY_BYTES, 'moved', 0, arrivedMs, forwarding);
}

const nameOf = ({ forwarding }: Request): string =>
  /#(\w)/.exec(Buffer.from(forwarding!.bytes).toString())![1]!;
const shown = (reply: Reply): string =>
  'text' in reply ? reply.text.split(' ')[0]! : JSON.stringify(reply);

describe('a forwarder', () => {
  test('tells what was sent and lost from what was not sent', () => {
    const stage = new Stage();
    stage.submit(request('a', 'write'), request('b', 'read'));
    stage.open();
    assert.deepEqual(stage.sent, ['a', 'b']);
    stage.submit(request('c', 'write'), request('d', 'read'));
    stage.handlers!.onClose('reset');
    assert.deepEqual(stage.outcomes, ['a: UNKNOWN']);
    stage.pass(20);
    stage.open();
    assert.deepEqual(stage.sent, ['b', 'c', 'd'], 'again, in their order');
  });

  test('asks a redirected command again, unless a later one of its connection came first', () => {
    const stage = new Stage();
    const [one, two] = CLIENTS;
    stage.submit(request('a', 'write', one), request('b', 'write', two), request('c', 'read', one));
    stage.open();
    stage.says('-REDIRECT n3:7001\r\n-REDIRECT n3:7001\r\n');
    assert.deepEqual(stage.outcomes, []);
    stage.says('+OK\r\n');
    assert.deepEqual(stage.outcomes, ['a: TRYAGAIN', 'c: OK']);
    stage.leader = member(3);
    stage.forwarder.leaderMayHaveChanged();
    assert.equal(stage.dialed, 'n3');
    stage.open();
    assert.deepEqual(stage.sent, ['b']);
  });

  test('leaves a leader that redirects alone for a while, and does not ask it for ever', () => {
    const stage = new Stage();
    stage.submit(request('a', 'write'));
    stage.open();
    for (let times = 1; stage.outcomes.length === 0; times++) {
      assert.equal(stage.sent.length, times);
      stage.says('-REDIRECT n3:7001\r\n');
      stage.pass(10);
      stage.endTurn();
      assert.equal(stage.sent.length, times);
      stage.pass(10);
      stage.endTurn();
    }
    assert.equal(stage.nowMs, defaultRequestTiming.electionWaitMs);
    assert.deepEqual(stage.outcomes, ['a: CLUSTERDOWN']);
  });

  test('holds back what comes while something is held, and what comes before it is answered', () => {
    const stage = new Stage();
    stage.submit(request('a', 'write'), request('b', 'write', CLIENTS[1]));
    stage.open();
    stage.says('-REDIRECT n2:7001\r\n');
    // This node leads now, but the other may still have b in its log, before c.
    stage.leader = member(2);
    stage.forwarder.leaderMayHaveChanged();
    stage.submit(request('c', 'write', CLIENTS[1]));
    assert.deepEqual(stage.outcomes, []);
    stage.says(':1\r\n');
    assert.deepEqual(stage.outcomes, [
      'b: {"kind":"integer","value":1}',
      'a: appended',
      'c: appended',
    ]);
  });

  test('gives up a leader that is none any more after 200 ms, and dials the next at once', () => {
    const stage = new Stage();
    stage.submit(request('a', 'write'));
    stage.open();
    stage.leader = member(3);
    stage.forwarder.leaderMayHaveChanged();
    stage.submit(request('b', 'write'));
    stage.pass(199);
    assert.deepEqual([stage.outcomes, stage.dialed], [[], 'n1']);
    stage.pass(1);
    assert.deepEqual([stage.outcomes, stage.dialed], [['a: UNKNOWN'], 'n3']);
  });
});
