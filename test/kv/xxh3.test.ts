import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xxh3Hex } from '../../src/kv/xxh3.ts';
import { bytes } from './commands.ts';

/** What xxHash's own `xxhsum -H3` says of the bytes below, around every border of the algorithm. */
const PATTERNED: [length: number, digest: string][] = [
  [0, '2d06800538d394c2'],
  [1, 'e12ef9d2eb86ceeb'],
  [2, '71470e6b39ce0012'],
  [3, '974a8c6fa70c32a8'],
  [4, '0495cdcd90b79c3a'],
  [5, 'a8f5bedbb34a1ccd'],
  [8, '3b3de57025bcabe0'],
  [9, 'f665700ddf25b7cb'],
  [15, '18bb54e86a72b358'],
  [16, '7d92c6d3e2a9b7e4'],
  [17, '7d33163b8af0179c'],
  [31, 'e8ca0ddef81f7066'],
  [32, '5e8194463d7bfd7f'],
  [33, '67bc52e53f97ec8b'],
  [64, 'bdaf603dc3c19c17'],
  [65, '5140f9c6585907ea'],
  [96, '28227637b9a8f6e4'],
  [97, '65e8d6345cbce534'],
  [127, 'bd32bd46c18a2800'],
  [128, '9a2f37300d60586c'],
  [129, '5c497ae69dc9ecd0'],
  [143, 'f7b3fe7b871f8f0f'],
  [144, '2aac2bfbee8f1d72'],
  [160, '0ba16b9214b55e16'],
  [239, '0efc2b011022b9dd'],
  [240, '63bd9190a703c0f4'],
  [241, '6e9e6dd7460d02b1'],
  [255, '137064c786d2938d'],
  [256, '266a2c816cbb31c5'],
  [257, '6771f88709b1c4f9'],
  [512, 'e8e8fbc988e6ba79'],
  [1023, 'de4a7e549950a78d'],
  [1024, 'ab874ecbde4ae964'],
  [1025, '01851fbaf4e1601d'],
  [1087, 'bd0bd91f20359ca6'],
  [1088, '4cc1ac0bc780df25'],
  [1089, 'aeb3eefe0208fb54'],
  [2048, '6896612c1806a9da'],
  [2049, '69844466180445e2'],
  [10000, '82d1d17e2b7a085d'],
  [65537, 'e02fa480aedca49e'],
  [1048576, '3dd7b36d9e620dce'],
];

const patterned = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8) * 29 + length) & 255);

test('the digests of xxhsum', () => {
  for (const [length, digest] of PATTERNED) {
    assert.equal(xxh3Hex(patterned(length)), digest, `${length} bytes`);
  }
});

test('the digests that others print', () => {
  assert.equal(xxh3Hex(bytes('')), '2d06800538d394c2', 'xxHash, of nothing');
  assert.equal(xxh3Hex(bytes('Hello world')), 'b6acb9d84a38ff74', 'the documentation of DIGEST');
});
