import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addInt64,
  formatInt64,
  INT64_MAX,
  INT64_MIN,
  negateInt64,
  parseInt64,
  readInt64,
  writeInt64,
} from '../../src/base/int64.ts';

const wide = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.constantFrom(INT64_MIN, INT64_MAX, 0n, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), -(2n ** 32n)),
);
const int64 = wide.map((value) => parseInt64(String(value))!);
const fits = (value: bigint) => value >= INT64_MIN && value <= INT64_MAX;

test('what formatInt64 writes is read, and has one form: a number where that is exact', () => {
  fc.assert(
    fc.property(wide, (value) => {
      const read = parseInt64(String(value));
      assert.equal(BigInt(read!), value);
      assert.equal(typeof read, Number.isSafeInteger(Number(value)) ? 'number' : 'bigint');
      assert.equal(formatInt64(read!), String(value));
    }),
  );
});

test('nothing but the one decimal form of a 64-bit integer is read', () => {
  const bad = [
    '',
    '-',
    '+1',
    '01',
    '-01',
    '00',
    '-0',
    ' 1',
    '1 ',
    '1.0',
    '1e3',
    '0x10',
    '١',
    '1\n',
  ];
  for (const text of bad) assert.equal(parseInt64(text), null, JSON.stringify(text));
  for (const value of [INT64_MAX + 1n, INT64_MIN - 1n, 10n ** 19n, 10n ** 30n]) {
    assert.equal(parseInt64(String(value)), null);
  }
});

test('any other text is refused: what is read is written again as it was', () => {
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'+-0129 .e'), maxLength: 22 }),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const value = parseInt64(text);
      if (value !== null) assert.equal(formatInt64(value), text);
    }),
  );
});

test('sums and opposites are exact, or null outside of 64 bits', () => {
  fc.assert(
    fc.property(int64, int64, (a, b) => {
      const sum = BigInt(a) + BigInt(b);
      assert.equal(addInt64(a, b), fits(sum) ? parseInt64(String(sum)) : null);
      const opposite = -BigInt(a);
      assert.equal(negateInt64(a), fits(opposite) ? parseInt64(String(opposite)) : null);
    }),
    { numRuns: 1000 },
  );
  assert.equal(negateInt64(0), 0);
  assert.ok(Object.is(negateInt64(0), 0), 'no negative zero');
  assert.ok(Object.is(addInt64(-5, 5), 0));
});

test('two’s complement, as a DataView has it', () => {
  fc.assert(
    fc.property(int64, (value) => {
      const bytes = new Uint8Array(10);
      writeInt64(bytes, 1, value);
      assert.equal(new DataView(bytes.buffer).getBigInt64(1, true), BigInt(value));
      assert.equal(bytes[0], 0);
      assert.equal(bytes[9], 0);
      assert.equal(readInt64(bytes, 1), value);
    }),
    { numRuns: 1000 },
  );
});
