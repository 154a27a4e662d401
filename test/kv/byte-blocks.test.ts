import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { BLOCK_BYTES, ByteBlocks } from '../../src/kv/byte-blocks.ts';

test('against one long array: appended and taken in pieces of any length', () => {
  const random = new Prng(1);
  const source = random.bytes(3_000_000);
  const blocks = new ByteBlocks();
  const taken: Uint8Array[] = [];
  let appended = 0;
  let length = 0;
  const take = () => {
    const bytesMax = 1 + random.below(2 * BLOCK_BYTES);
    const piece = blocks.take(bytesMax);
    assert.ok(piece.length <= bytesMax);
    assert.ok(piece.length > 0 || length === 0);
    length -= piece.length;
    taken.push(piece.slice());
  };
  while (appended < source.length) {
    const most = random.chance(0.1) ? 3 * BLOCK_BYTES : 300;
    const to = Math.min(source.length, appended + random.below(most));
    blocks.append(source, appended, to);
    length += to - appended;
    appended = to;
    assert.equal(blocks.length, length);
    if (random.chance(0.02)) while (length > 0 && random.chance(0.8)) take();
  }
  while (length > 0) take();
  assert.equal(blocks.take(100).length, 0);
  assert.deepEqual(Buffer.concat(taken), Buffer.from(source));
});

test('cleared, it begins anew', () => {
  const blocks = new ByteBlocks();
  blocks.append(new Uint8Array(100_000).fill(1), 0, 100_000);
  blocks.take(70_000);
  blocks.clear();
  assert.equal(blocks.length, 0);
  assert.equal(blocks.take(10).length, 0);
  blocks.append(Uint8Array.of(7, 8, 9), 1, 3);
  assert.deepEqual(blocks.take(10), Uint8Array.of(8, 9));
});

test('a long stream needs few blocks', () => {
  const blocks = new ByteBlocks();
  const used = new Set<ArrayBufferLike>();
  for (let i = 0; i < 100; i++) {
    blocks.append(new Uint8Array(BLOCK_BYTES + 1), 0, BLOCK_BYTES + 1);
    while (blocks.length > 0) used.add(blocks.take(BLOCK_BYTES).buffer);
  }
  assert.ok(used.size <= 3, `${used.size} blocks`);
});
