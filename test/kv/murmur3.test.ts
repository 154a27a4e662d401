import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { mix, murmur3, murmur3View } from '../../src/kv/murmur3.ts';

/** Published values of MurmurHash3_x86_32. */
const known: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['\xff\xff\xff\xff', 0, 0x76293b50],
  ['!Ce\x87', 0, 0xf55b516b],
  ['!Ce\x87', 0x5082edee, 0x2362f9de],
  ['!Ce', 0, 0x7e4a8634],
  ['!C', 0, 0xa0f7b07a],
  ['!', 0, 0x72661cf4],
  ['\0\0\0\0', 0, 0x2362f9de],
  ['\0\0\0', 0, 0x85f0b427],
  ['\0\0', 0, 0x30f4c306],
  ['\0', 0, 0x514e28b7],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
];

test('the published values', () => {
  for (const [text, seed, hash] of known) {
    const bytes = bytesOf(text);
    assert.equal(murmur3(bytes, 0, bytes.length, seed) >>> 0, hash, JSON.stringify(text));
    const within = bytesOf(`xyz${text}abc`);
    assert.equal(murmur3(within, 3, 3 + text.length, seed) >>> 0, hash);
    const view = new DataView(within.buffer);
    assert.equal(murmur3View(view, 3, 3 + text.length, seed) >>> 0, hash);
  }
});

test('mix tells numbers apart by their upper half too', () => {
  const hashes = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52].map((value) => mix(7, value));
  assert.equal(new Set(hashes).size, hashes.length);
});
