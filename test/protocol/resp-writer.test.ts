import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString, concatBytes } from '../../src/base/bytes.ts';
import { INT64_MAX, INT64_MIN, parseInt64 } from '../../src/base/int64.ts';
import {
  array,
  blob,
  bulk,
  error,
  integer,
  map,
  NULL,
  OK,
  type Reply,
  set,
  simple,
  verbatim,
} from '../../src/kv/reply.ts';
import { RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';
import { type ProtocolVersion, RespWriter } from '../../src/protocol/resp-writer.ts';
import { anyCuts, bytes, cutAt, pullAll } from './chunks.ts';

/** All that was written since the last time. */
function taken(writer: RespWriter): string {
  let text = '';
  while (writer.length > 0) text += byteString(writer.take());
  assert.equal(writer.take().length, 0);
  return text;
}

function written(...replies: Reply[]): string {
  const writer = new RespWriter();
  for (const reply of replies) writer.write(reply);
  return taken(writer);
}

test('each kind, as RESP2 has it', () => {
  assert.equal(written(OK), '+OK\r\n');
  assert.equal(written(error('ERR syntax error')), '-ERR syntax error\r\n');
  assert.equal(written(integer(0)), ':0\r\n');
  assert.equal(written(integer(-42)), ':-42\r\n');
  assert.equal(written(integer(Number.MAX_SAFE_INTEGER)), ':9007199254740991\r\n');
  assert.equal(written(integer(INT64_MIN)), ':-9223372036854775808\r\n');
  assert.equal(written(bulk('')), '$0\r\n\r\n');
  assert.equal(written(bulk('a\r\n\xff')), '$4\r\na\r\n\xff\r\n');
  assert.equal(written(NULL), '$-1\r\n');
  assert.equal(written(array([])), '*0\r\n');
  assert.equal(
    written(array([integer(1), array([NULL]), bulk('x')])),
    '*3\r\n:1\r\n*1\r\n$-1\r\n$1\r\nx\r\n',
  );
});

test('what RESP3 has a form for, and RESP2 says with less', () => {
  const both = (reply: Reply) =>
    ([2, 3] as const).map((protocol) => {
      const writer = new RespWriter();
      writer.protocol = protocol;
      writer.write(reply);
      return taken(writer);
    });
  assert.deepEqual(both(NULL), ['$-1\r\n', '_\r\n']);
  assert.deepEqual(both(map([])), ['*0\r\n', '%0\r\n']);
  assert.deepEqual(
    both(
      map([
        [bulk('a'), integer(1)],
        [integer(2), NULL],
      ]),
    ),
    ['*4\r\n$1\r\na\r\n:1\r\n:2\r\n$-1\r\n', '%2\r\n$1\r\na\r\n:1\r\n:2\r\n_\r\n'],
  );
  assert.deepEqual(both(set([simple('x')])), ['*1\r\n+x\r\n', '~1\r\n+x\r\n']);
  assert.deepEqual(both(verbatim('a\nb')), ['$3\r\na\nb\r\n', '=7\r\ntxt:a\nb\r\n']);
  assert.deepEqual(both(array([NULL])), ['*1\r\n$-1\r\n', '*1\r\n_\r\n']);
  assert.deepEqual(both(bulk('x')), ['$1\r\nx\r\n', '$1\r\nx\r\n']);
});

test('digits of every length', () => {
  for (let value = 1; value < Number.MAX_SAFE_INTEGER; value *= 10) {
    for (const near of [value - 1, value, value + 1]) {
      assert.equal(written(integer(near)), `:${near}\r\n`);
      assert.equal(written(integer(-near)), `:${near === 0 ? 0 : -near}\r\n`);
    }
  }
});

test('a long blob goes behind what was written before it', () => {
  const writer = new RespWriter();
  writer.write(integer(1));
  writer.write(blob(new Uint8Array(70_000).fill(0x61)));
  writer.write(OK);
  assert.equal(taken(writer), `:1\r\n$70000\r\n${'a'.repeat(70_000)}\r\n+OK\r\n`);
});

test('a line end within a line can’t forge a reply', () => {
  assert.equal(written(error('ERR a\r\n+OK')), '-ERR a  +OK\r\n');
  assert.equal(written(simple('a\nb')), '+a b\r\n');
});

const int64 = fc
  .oneof(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), fc.bigInt({ min: -999n, max: 999n }))
  .map((value) => integer(parseInt64(String(value))!));
const byteText = fc.uint8Array({ maxLength: 600 }).map((bytes) => bulk(byteString(bytes)));
const line = fc.string({ unit: fc.constantFrom('a', ' ', '-', '$') });
const leaf = fc.oneof(
  int64,
  byteText,
  fc.uint8Array({ maxLength: 600 }).map(blob),
  byteText.map((reply) => verbatim((reply as { bytes: string }).bytes)),
  line.map(simple),
  line.map(error),
  fc.constant(NULL),
);
const some = fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }).map(array)), {
  maxLength: 4,
});
const anyReply: fc.Arbitrary<Reply> = fc.oneof(
  leaf,
  some.map(array),
  some.map(set),
  fc.array(fc.tuple(leaf, leaf), { maxLength: 3 }).map(map),
);

/** A reply as the reader gives it. */
function asRead(reply: Reply, protocol: ProtocolVersion): RespValue {
  const each = (items: readonly Reply[]) => items.map((item) => asRead(item, protocol));
  switch (reply.kind) {
    case 'bulk':
      return { kind: 'bulk', bytes: bytes(reply.bytes) };
    case 'blob':
      return { kind: 'bulk', bytes: reply.bytes };
    case 'verbatim':
      if (protocol === 2) return { kind: 'bulk', bytes: bytes(reply.bytes) };
      return { kind: 'verbatim', format: 'txt', bytes: bytes(reply.bytes) };
    case 'array':
      return { kind: 'array', items: each(reply.items) };
    case 'set':
      return { kind: protocol === 2 ? 'array' : 'set', items: each(reply.items) };
    case 'map':
      if (protocol === 2) return { kind: 'array', items: each(reply.entries.flat()) };
      return {
        kind: 'map',
        entries: reply.entries.map(([key, value]) => [
          asRead(key, protocol),
          asRead(value, protocol),
        ]),
      };
    default:
      return reply;
  }
}

const byKind = (key: string, value: unknown) => (typeof value === 'bigint' ? key : value);

test('what is written is read again, in any chunking and however it was taken', () => {
  const turns = fc.array(fc.array(anyReply, { maxLength: 6 }), { maxLength: 6 });
  fc.assert(
    fc.property(turns, anyCuts, fc.constantFrom(2, 3), (turns, cuts, protocol) => {
      const writer = new RespWriter();
      writer.protocol = protocol;
      const parts: Uint8Array[] = [];
      for (const replies of turns) {
        for (const reply of replies) writer.write(reply);
        const isPlain = !JSON.stringify(replies, byKind).includes('blob');
        const before = parts.length;
        while (writer.length > 0) {
          const { length } = writer;
          const part = writer.take();
          assert.equal(writer.length, length - part.length);
          parts.push(part);
        }
        assert.ok(!isPlain || parts.length - before <= 1, 'a turn leaves in one piece');
      }
      // Only joined now: what was handed off early must have stayed as it was.
      const { values, error } = pullAll(new RespReader(), cutAt(concatBytes(parts), cuts));
      assert.equal(error, null);
      assert.deepEqual(
        values,
        turns.flat().map((reply) => asRead(reply, protocol)),
      );
    }),
    { numRuns: 500 },
  );
});

test('a long reply leaves no long buffer behind', () => {
  const writer = new RespWriter();
  writer.write(bulk('x'.repeat(1024 * 1024)));
  writer.write(bulk('y'.repeat(1024)));
  assert.equal(writer.take().length, 1024 * 1024 + 12 + 1024 + 9);
  assert.equal(writer.take().length, 0);
  writer.write(OK);
  assert.ok(writer.take().buffer.byteLength <= 16 * 1024);
});

test('small replies of many turns share a block', () => {
  const writer = new RespWriter();
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 100; i++) {
    writer.write(OK);
    buffers.add(writer.take().buffer);
  }
  assert.equal(buffers.size, 1);
});
