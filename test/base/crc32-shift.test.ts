import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32Shift, crc32Shifted } from '../../src/base/crc32-shift.ts';
import { portableNative } from '../../src/base/native.ts';

const crcOf = (bytes: Uint8Array, seed = 0) => portableNative.crc32(bytes, 0, bytes.length, seed);
const bytes = fc.uint8Array({ maxLength: 400 });
const seed = fc.integer({ min: 0, max: 0xffffffff });

test('the checksum of two parts together follows from theirs', () => {
  fc.assert(
    fc.property(bytes, bytes, seed, (first, second, start) => {
      const before = crcOf(first, start);
      const shifted = crc32Shifted(before, crc32Shift(second.length));
      assert.equal((shifted ^ crcOf(second)) >>> 0, crcOf(second, before));
    }),
  );
});

test('long parts, and none', () => {
  assert.equal(crc32Shifted(0xcbf43926, crc32Shift(0)), 0xcbf43926);
  for (const length of [65_535, 65_536, 65_544, 1_000_003]) {
    const zeros = new Uint8Array(length);
    const shifted = crc32Shifted(0xdeadbeef, crc32Shift(length));
    assert.equal((shifted ^ crcOf(zeros)) >>> 0, crcOf(zeros, 0xdeadbeef), `${length}`);
  }
});

test('beyond 32 bits of length: shifts add up', () => {
  const half = crc32Shift(3 * 2 ** 31 + 7);
  assert.equal(crc32Shifted(half, half), crc32Shift(3 * 2 ** 32 + 14));
});
