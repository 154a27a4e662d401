import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfSipHash } from '../../src/kv/half-sip-hash.ts';

const KEY = { low: 0x03020100, high: 0x07060504 };
/** Of the bytes 0, 1, 2, … by length (Linux, lib/test_siphash.c, hsiphash on 32 bits). */
const VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
];

test('the published vectors', () => {
  const bytes = new Uint8Array(16).map((_, i) => i);
  VECTORS.forEach((expected, length) => {
    assert.equal(halfSipHash(bytes, 0, length, KEY), expected | 0, `${length} bytes`);
  });
});

test('where the bytes stand in their array does not matter', () => {
  const bytes = new Uint8Array(16).map((_, i) => (i < 5 ? 0xee : i - 5));
  VECTORS.forEach((expected, length) => {
    assert.equal(halfSipHash(bytes, 5, 5 + length, KEY), expected | 0);
  });
});

test('another key, another hash', () => {
  const bytes = new Uint8Array(16).map((_, i) => i);
  const hash = halfSipHash(bytes, 0, 16, KEY);
  assert.notEqual(halfSipHash(bytes, 0, 16, { ...KEY, low: KEY.low + 1 }), hash);
  assert.notEqual(halfSipHash(bytes, 0, 16, { ...KEY, high: KEY.high + 1 }), hash);
});
