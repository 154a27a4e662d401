import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../src/base/arena.ts';

test('pieces are zeros, of the length asked for, and overlap nowhere', () => {
  const arena = new Arena(100);
  const pieces = [10, 25, 0, 25, 25, 25, 7, 300, 1, 26, 25].map((length) => {
    const piece = arena.take(length);
    assert.deepEqual(piece, new Uint8Array(length));
    return piece;
  });
  for (const [i, piece] of pieces.entries()) piece.fill(i + 1);
  pieces.forEach((piece, i) => {
    assert.ok(piece.every((byte) => byte === i + 1));
  });
});

test('small pieces share a block, long ones have their own', () => {
  const arena = new Arena(100);
  const first = arena.take(25);
  assert.equal(arena.take(25).buffer, first.buffer);
  assert.equal(arena.take(26).buffer.byteLength, 26);
  assert.equal(arena.take(50 / 2).buffer, first.buffer);
});
