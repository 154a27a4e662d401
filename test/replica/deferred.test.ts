import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { OK, type Reply } from '../../src/kv/reply.ts';
import { list } from '../../src/replica/commands/client.ts';
import type { Connection, ConnectionService } from '../../src/replica/connection.ts';
import { type Deferred, DeferredReplies, isDeferred } from '../../src/replica/deferred.ts';

/** A connection with a deferred reply that comes when it has proceeded so many times. */
class Waiting {
  readonly deferred: Deferred;
  proceeded = 0;

  constructor(isWork: boolean, wakeAtMs: number, times: number) {
    const proceed = (): Reply | null => (++this.proceeded >= times ? OK : null);
    this.deferred = { isWork, wakeAtMs, proceed, endWait: () => {} };
  }

  proceed(nowMs: number): boolean {
    return this.deferred.proceed(nowMs) !== null;
  }
}

test('every wait looks again in every turn; of all the work one slice is done', () => {
  const replies = new DeferredReplies<Waiting>();
  const waits = [new Waiting(false, 70, 2), new Waiting(false, 50, 9)];
  const works = [new Waiting(true, 0, 2), new Waiting(true, 0, 1)];
  for (const each of [waits[0]!, works[0]!, waits[1]!, works[1]!]) replies.add(each);
  const turns: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const more = replies.proceed(turn);
    turns.push(`${[...waits, ...works].map(({ proceeded }) => proceeded).join(' ')} ${more}`);
  }
  assert.deepEqual(turns, ['1 1 1 0 true', '2 2 2 0 true', '2 3 2 1 false', '2 4 2 1 false']);
  assert.equal(replies.wakeAtMs, 50);
  assert.equal(replies.length, 1);
});

test('what a connection defers while others proceed waits for the next turn', () => {
  const replies = new DeferredReplies<Waiting>();
  const next = new Waiting(false, 10, 1);
  const first = new Waiting(false, 10, 1);
  first.proceed = () => {
    replies.add(next);
    return true;
  };
  replies.add(first);
  replies.proceed(0);
  assert.deepEqual([next.proceeded, replies.length], [0, 1]);
  replies.proceed(1);
  assert.deepEqual([next.proceeded, replies.length], [1, 0]);
  assert.equal(replies.wakeAtMs, Number.POSITIVE_INFINITY);
});

test('CLIENT LIST makes its lines some hundred a turn', () => {
  const client = { profile: {}, remote: { host: 'h', port: 1 }, protocol: 2, connectedMs: 0 };
  const connections = new Set(
    Array.from({ length: 1100 }, (_, id) => ({ ...client, id }) as unknown as Connection),
  );
  const address = { host: 'n1', port: 7001 };
  const service = { connections, address, now: () => 0, limits: defaultLimits };
  const words = ['CLIENT', 'LIST'].map(bytesOf);
  const [first] = connections;
  const answer = list(first!, service as unknown as ConnectionService, words);
  assert.ok(isDeferred(answer));
  assert.equal(answer.proceed(1), null, 'the first slice was done at once, this is the second');
  connections.delete([...connections][1050]!); // who leaves meanwhile is not listed
  const reply = answer.proceed(2);
  assert.ok(reply?.kind === 'verbatim');
  assert.equal(reply.bytes.split('\n').length - 1, 1099);
});
