import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ByteReader,
  ByteWriter,
  byteString,
  bytesEqual,
  bytesOf,
  concatBytes,
  hex,
} from '../../src/base/bytes.ts';

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constant('text' as const),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => byteString(bytes)),
  }),
);

test('what is written is read, field by field, and every prefix only clears ok', () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const out = new ByteWriter(1);
      for (const one of fields) {
        if (one.kind === 'text') out.text(one.value);
        else out[one.kind](one.value);
      }
      const bytes = out.copy();
      const read = new ByteReader(bytes);
      for (const one of fields) assert.equal(read[one.kind](), one.value);
      assert.ok(read.ok && read.remaining === 0);
      for (let length = 0; length < bytes.length; length++) {
        const short = new ByteReader(bytes, 0, length);
        for (const one of fields) short[one.kind]();
        assert.ok(!short.ok);
      }
    }),
  );
});

test('a number above 2^53 - 1 is refused, and nothing is read after it', () => {
  const read = new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0, 1));
  assert.equal(read.u64(), 0);
  assert.ok(!read.ok);
  assert.equal(read.u8(), 0);
});

test('numbers are little-endian', () => {
  const out = new ByteWriter()
    .u16(0x0102)
    .u32(0x03040506)
    .u64(2 ** 32 + 7);
  assert.equal(hex(out.view()), '0201' + '06050403' + '0700000001000000');
});

test('a view is the buffer, a copy is not', () => {
  const out = new ByteWriter().u8(1);
  const [view, copy] = [out.view(), out.copy()];
  out.clear();
  out.u8(2);
  assert.deepEqual([view[0], copy[0]], [2, 1]);
});

test('equal and joined', () => {
  assert.ok(bytesEqual(bytesOf('ab'), concatBytes([bytesOf('a'), bytesOf(''), bytesOf('b')])));
  assert.ok(!bytesEqual(bytesOf('ab'), bytesOf('abc')));
  assert.ok(!bytesEqual(bytesOf('ab'), bytesOf('ac')));
});
