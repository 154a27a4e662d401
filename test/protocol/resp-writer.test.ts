import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString, concatBytes } from '../../src/base/bytes.ts';
import { INT64_MAX, INT64_MIN, parseInt64 } from '../../src/base/int64.ts';
import { array, bulk, error, integer, NULL, OK, type Reply, simple } from '../../src/kv/reply.ts';
import { RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { anyCuts, cutAt, pullAll } from './chunks.ts';

function written(...replies: Reply[]): string {
  const writer = new RespWriter();
  for (const reply of replies) writer.write(reply);
  return byteString(writer.take());
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

test('digits of every length', () => {
  for (let value = 1; value < Number.MAX_SAFE_INTEGER; value *= 10) {
    for (const near of [value - 1, value, value + 1]) {
      assert.equal(written(integer(near)), `:${near}\r\n`);
      assert.equal(written(integer(-near)), `:${near === 0 ? 0 : -near}\r\n`);
    }
  }
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
const leaf = fc.oneof(int64, byteText, line.map(simple), line.map(error), fc.constant(NULL));
const anyReply: fc.Arbitrary<Reply> = fc.oneof(
  leaf,
  fc
    .array(fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }).map(array)), { maxLength: 4 })
    .map(array),
);

/** A reply as the reader gives it. */
function asRead(reply: Reply): RespValue {
  if (reply.kind === 'bulk') {
    return { kind: 'bulk', bytes: Uint8Array.from(reply.bytes, (c) => c.charCodeAt(0)) };
  }
  return reply.kind === 'array' ? { kind: 'array', items: reply.items.map(asRead) } : reply;
}

test('what is written is read again, in any chunking and however it was taken', () => {
  const turns = fc.array(fc.array(anyReply, { maxLength: 6 }), { maxLength: 6 });
  fc.assert(
    fc.property(turns, anyCuts, (turns, cuts) => {
      const writer = new RespWriter();
      const taken: Uint8Array[] = [];
      for (const replies of turns) {
        for (const reply of replies) writer.write(reply);
        const { length } = writer;
        taken.push(writer.take());
        assert.equal(taken.at(-1)?.length, length);
        assert.equal(writer.length, 0);
      }
      // Only joined now: what was handed off early must have stayed as it was.
      const { values, error } = pullAll(new RespReader(), cutAt(concatBytes(taken), cuts));
      assert.equal(error, null);
      assert.deepEqual(values, turns.flat().map(asRead));
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
