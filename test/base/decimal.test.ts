import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addDecimals, formatDecimal, parseDecimal } from '../../src/base/decimal.ts';

/** The sum as text, or why there is none. */
function sum(a: string, b: string): string {
  const [x, y] = [parseDecimal(a), parseDecimal(b)];
  if (x === null || y === null) return 'no decimal';
  if (x === 'infinite' || y === 'infinite') return 'infinite';
  const added = addDecimals(x, y);
  return added === null ? 'too large' : formatDecimal(added);
}

test('sums are exact, and written without an exponent or zeros at the end', () => {
  const cases: [string, string, string][] = [
    ['0', '0', '0'],
    ['3', '4', '7'],
    ['10.50', '0.1', '10.6'],
    ['1000.1', '0.2', '1000.3'],
    ['0.1', '0.2', '0.3'],
    ['5.0e3', '2.0e2', '5200'],
    ['-1.5', '1.5', '0'],
    ['-0', '-0.0', '0'],
    ['-0.5', '0.25', '-0.25'],
    ['+.5', '5.', '5.5'],
    ['1e-17', '0', '0.00000000000000001'],
    ['99999999999999999999', '1', '100000000000000000000'],
    ['1e30', '0.5', '1000000000000000000000000000000.5'],
    ['007', '0', '7'],
  ];
  for (const [a, b, expected] of cases) assert.equal(sum(a, b), expected, `${a} + ${b}`);
});

test('behind the 17th digit after the point it is rounded, half to even', () => {
  assert.equal(sum('0', '0.000000000000000005'), '0');
  assert.equal(sum('0', '0.0000000000000000051'), '0.00000000000000001');
  assert.equal(sum('0', '0.000000000000000015'), '0.00000000000000002');
  assert.equal(sum('0', '-0.000000000000000015'), '-0.00000000000000002');
  assert.equal(sum('0', '-0.000000000000000025'), '-0.00000000000000002');
  assert.equal(sum('1e-4949', '0'), '0');
});

test('what is no decimal', () => {
  const none = ['', ' 1', '1 ', '.', '1e', 'e5', '--1', '1.2.3', '1,5', '0x10', 'nan', '1\0', 'i'];
  for (const text of none) assert.equal(parseDecimal(text), null, text);
  for (const text of ['inf', '-INF', '+Infinity']) assert.equal(parseDecimal(text), 'infinite');
});

test('the bounds are those of an 80-bit float, and no text takes long', () => {
  assert.equal(sum('1e4931', '0'), `1${'0'.repeat(4931)}`);
  assert.equal(sum('9e4931', '9e4931'), 'too large');
  assert.equal(sum('-9e4931', '-9e4931'), 'too large');
  for (const text of ['1e4932', '1e99999999999999999999', '1e-4951', `1${'0'.repeat(5119)}`]) {
    assert.equal(parseDecimal(text), null, text);
  }
  assert.equal(sum('0e99999999999999999999', '1'), '1');
  assert.equal(sum(`0.${'0'.repeat(5000)}1e5000`, '1'), '1.1');
});

test('against numbers, where numbers are exact', () => {
  const quarters = fc.integer({ min: -4_000_000, max: 4_000_000 }).map((n) => n / 4);
  fc.assert(
    fc.property(quarters, quarters, (a, b) => {
      assert.equal(sum(String(a), String(b)), String(a + b));
    }),
  );
});

test('what is written is read again as it was', () => {
  const text = fc
    .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat({ max: 17 }))
    .map(([units, scale]) => formatDecimal({ units, scale }));
  fc.assert(fc.property(text, (text) => assert.equal(sum(text, '0'), text)));
});
