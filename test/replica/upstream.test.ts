import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf, EMPTY_BYTES } from '../../src/base/bytes.ts';
import { nodeId } from '../../src/base/ids.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import type { ClientConnection } from '../../src/replica/client-connection.ts';
import type { Clock } from '../../src/replica/clock.ts';
import type { Network, Stream } from '../../src/replica/network.ts';
import { Request } from '../../src/replica/request.ts';
import { Upstream } from '../../src/replica/upstream.ts';

/** What a leader answers to the greeting. */
const GREETED = '%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n';

/** An upstream on a network and a clock that do nothing by themselves. */
function makeUpstream(): {
  upstream: Upstream;
  /** What was written, a text a write; and what happened. */
  written: string[];
  events: string[];
  endTurn(): void;
  says(text: string): void;
} {
  const written: string[] = [];
  const events: string[] = [];
  const soon: (() => void)[] = [];
  const clock = {
    now: () => 0,
    soon: (callback) => soon.push(callback),
  } as Partial<Clock> as Clock;
  const stream: Stream = {
    bufferedBytes: 0,
    write: (bytes) => written.push(Buffer.from(bytes).toString('latin1')),
    flush() {},
    end() {},
    destroy: () => events.push('destroyed'),
    pause() {},
    resume() {},
  };
  const network: Network = { connect: () => stream, listen: () => assert.fail() };
  const to = { id: nodeId(1), name: 'n1', host: 'n1', port: 7001, peerPort: 17001 };
  const names = (requests: readonly Request[]) => requests.map(nameOf).join(' ');
  const upstream = new Upstream(
    { network, clock, from: 'n2', to },
    {
      opened: () => events.push('opened'),
      replied: (request, reply) => events.push(`${nameOf(request)}: ${JSON.stringify(reply)}`),
      lost: (unanswered, unsent) => events.push(`lost ${names(unanswered)}/${names(unsent)}`),
    },
  );
  return {
    upstream,
    written,
    events,
    endTurn: () => {
      for (const callback of soon.splice(0)) callback();
    },
    says: (text) => upstream.onBytes(bytesOf(text)),
  };
}

function request(name: string): Request {
  const forwarding = { bytes: encodeRequest(['GET', name]), isRead: true };
  return new Request({} as ClientConnection, EMPTY_BYTES, 'moved', 0, 0, forwarding);
}

const nameOf = (request: Request): string =>
  Buffer.from(request.forwarding!.bytes).toString().split('\r\n')[4]!;

describe('an upstream', () => {
  test('says who it is, and takes commands once it was told that it will be redirected', () => {
    const { upstream, written, events, says } = makeUpstream();
    upstream.onOpen();
    assert.deepEqual(written.join('').match(/CAPA\r\n\$8\r\nredirect/)?.length, 1);
    says('-NOPROTO unsupported protocol version\r\n+OK\r\n');
    assert.equal(upstream.isOpen, false);
    says('+OK\r\n');
    assert.equal(upstream.isOpen, true);
    assert.deepEqual(events, ['opened']);
  });

  test('is given up when it would not be redirected', () => {
    const { upstream, events, says } = makeUpstream();
    upstream.onOpen();
    says('%1\r\n+proto\r\n:3\r\n+OK\r\n-ERR unknown command\r\n');
    assert.deepEqual(events, ['destroyed', 'lost /']);
  });

  test('a turn of commands leaves in one write, and replies belong to them in their order', () => {
    const { upstream, written, events, endTurn, says } = makeUpstream();
    upstream.onOpen();
    says(GREETED);
    upstream.send(request('a'));
    upstream.send(request('b'));
    assert.equal(upstream.unanswered, 2);
    assert.equal(written.length, 1);
    endTurn();
    assert.equal(written[1], '*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n');
    says('$-1\r\n*2\r\n:1\r\n$1');
    says('\r\nx\r\n');
    const array =
      '{"kind":"array","items":[{"kind":"integer","value":1},{"kind":"bulk","bytes":"x"}]}';
    assert.deepEqual(events.slice(1), ['a: {"kind":"null"}', `b: ${array}`]);
    assert.deepEqual([upstream.unanswered, upstream.unansweredBytes], [0, 0]);
  });

  test('what has left and what has not are told apart when it is lost', () => {
    const { upstream, events, endTurn, says } = makeUpstream();
    upstream.onOpen();
    says(GREETED);
    for (const name of ['a', 'b']) upstream.send(request(name));
    endTurn();
    for (const name of ['c', 'd']) upstream.send(request(name));
    says('$1\r\nx\r\n');
    upstream.onClose();
    upstream.onClose();
    endTurn();
    assert.deepEqual(events.slice(2), ['destroyed', 'lost b/c d']);
  });

  test('a reply that nobody asked for, or that is none, ends it', () => {
    for (const nonsense of ['+OK\r\n', 'nonsense\r\n']) {
      const { upstream, events, says } = makeUpstream();
      upstream.onOpen();
      says(GREETED);
      says(nonsense);
      assert.deepEqual(events, ['opened', 'destroyed', 'lost /']);
    }
  });
});
