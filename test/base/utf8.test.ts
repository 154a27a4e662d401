import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { utf8Decode, utf8Encode, utf8Length, writeUtf8 } from '../../src/base/utf8.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

test('encodes as TextEncoder does, halves of pairs included', () => {
  // Any sequence of UTF-16 code units, well-formed or not, with the surrogates favoured.
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0xd800, max: 0xdfff }),
    fc.constantFrom(0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xffff),
  );
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const text = String.fromCharCode(...units);
      const expected = encoder.encode(text);
      assert.equal(utf8Length(text), expected.length);
      assert.deepEqual(utf8Encode(text), expected);
      const into = new Uint8Array(expected.length + 2).fill(7);
      assert.equal(writeUtf8(into, 1, text), expected.length);
      assert.deepEqual([into[0], into.at(-1)], [7, 7]);
    }),
    { numRuns: 1000 },
  );
});

test('decodes as TextDecoder does, whatever the bytes', () => {
  const lead = fc.constantFrom(0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
  const next = fc.constantFrom(0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0);
  const bytes = fc.array(fc.oneof(lead, next, next, fc.integer({ min: 0, max: 255 })));
  fc.assert(
    fc.property(bytes, (list) => {
      const broken = Uint8Array.from(list);
      assert.equal(utf8Decode(broken), decoder.decode(broken));
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (s) => assert.equal(utf8Decode(utf8Encode(s)), s)),
  );
});

test('a text longer than one piece of the decoder', () => {
  const text = 'aé€😀'.repeat(1500);
  assert.equal(utf8Decode(utf8Encode(text)), text);
  assert.equal(utf8Decode(new Uint8Array(0)), '');
});
