import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { portableNative } from '../../src/base/native.ts';
import { nodeNative } from '../../src/node/native.ts';

describe("Node's own byte strings", () => {
  // Not at the start of its memory, as most slices of a socket's chunk are not.
  const memory = new Uint8Array(600);
  const bytes = memory.subarray(44);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7) & 0xff;

  it('are those of the portable loop, for every length and place, of every byte', () => {
    for (let length = 0; length <= 300; length++) {
      for (const from of [0, 1, 2, 255]) {
        const text = nodeNative.byteString(bytes, from, from + length);
        assert.equal(text, portableNative.byteString(bytes, from, from + length));
        assert.equal(text.length, length);
      }
    }
  });

  it('come from any array of bytes, and do not change with it', () => {
    const source = Uint8Array.of(0x66, 0xff, 0x00, 0x80);
    for (const array of [source.slice(), Buffer.from(source)]) {
      const text = nodeNative.byteString(array, 0, 4);
      array.fill(0x2e);
      assert.equal(text, 'f\u00ff\u0000\u0080');
    }
  });
});
