import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { portableNative } from '../../src/base/native.ts';
import { nodeNative } from '../../src/node/native.ts';

const bytes = fc.uint8Array({ maxLength: 400 });
const seed = fc.integer({ min: 0, max: 0xffffffff });

test('CRC-32: the check value of the catalogue, and nothing is 0', () => {
  const check = Uint8Array.from(Buffer.from('123456789'));
  for (const native of [portableNative, nodeNative]) {
    assert.equal(native.crc32(check, 0, 9, 0), 0xcbf43926);
    assert.equal(native.crc32(check, 0, 0, 0), 0);
  }
});

test('CRC-32: both versions agree, on every range and seed', () => {
  fc.assert(
    fc.property(bytes, seed, fc.nat(400), fc.nat(400), (all, start, a, b) => {
      const from = Math.min(a, b, all.length);
      const to = Math.min(Math.max(a, b), all.length);
      const portable = portableNative.crc32(all, from, to, start);
      assert.equal(nodeNative.crc32(all, from, to, start), portable);
    }),
  );
});

test('CRC-32: a long one in pieces is the whole one', () => {
  fc.assert(
    fc.property(bytes, fc.nat(400), (all, at) => {
      const middle = Math.min(at, all.length);
      const first = nodeNative.crc32(all, 0, middle, 0);
      const whole = portableNative.crc32(all, 0, all.length, 0);
      assert.equal(nodeNative.crc32(all, middle, all.length, first), whole);
    }),
  );
});

test('byte strings: both versions agree, there and back, also from inside a larger buffer', () => {
  fc.assert(
    fc.property(bytes, fc.nat(20), (all, from) => {
      const start = Math.min(from, all.length);
      const text = portableNative.byteString(all, start, all.length);
      assert.equal(nodeNative.byteString(all, start, all.length), text);
      assert.equal(nodeNative.byteString(Buffer.from(all), start, all.length), text);
      const large = new Uint8Array(500).fill(9);
      for (const native of [portableNative, nodeNative]) {
        const into = large.subarray(7);
        assert.equal(native.writeByteString(into, 3, text), text.length);
        assert.deepEqual(into.slice(3, 3 + text.length), all.slice(start));
        assert.equal(into[3 + text.length], 9);
      }
    }),
  );
});

test('byte strings: every byte is a char of its own', () => {
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const native of [portableNative, nodeNative]) {
    const text = native.byteString(every, 0, 256);
    assert.equal(text.length, 256);
    for (let i = 0; i < 256; i++) assert.equal(text.charCodeAt(i), i);
  }
});

test('byte strings: long ones too', () => {
  const long = new Uint8Array(100_000).map((_, i) => i * 7);
  const text = portableNative.byteString(long, 0, long.length);
  assert.equal(nodeNative.byteString(long, 0, long.length), text);
});
