import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Glob } from '../../src/kv/glob.ts';

const STEPS = 1_000_000;
const matches = (pattern: string, text: string) => new Glob(pattern).matches(text, STEPS);

/** What Redis answers, its odd readings of sets included: test/real/redis-replies compares more. */
test('the patterns of Redis', () => {
  const cases: [pattern: string, text: string, expected: boolean][] = [
    ['*', 'any', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h[a-c]llo', 'hdllo', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['[\\]]', ']', true],
    ['[\\^]', '^', true],
    ['[]', 'a', false],
    ['[]a]', 'a', false],
    ['[]a]', 'aa]', false],
    ['[^]', 'a', true],
    ['[^', 'a', true],
    ['[', '[', false],
    ['[a', 'a', true],
    ['[a-', '-', true],
    ['[a-]', ']', true],
    ['[a-]', '-', false],
    ['[a-]', '`', true],
    ['a**b', 'ab', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['a*', 'a', true],
    ['a?', 'a', false],
    ['?', '\xff', true],
    ['[\x80-\xff]', '\xfe', true],
    ['', '', true],
    ['', 'a', false],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(matches(pattern, text), expected, `${pattern} over ${text}`);
  }
});

/** As Redis does it, by backtracking: for stars, question marks and letters. */
function backtrack(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*') {
    return backtrack(pattern.slice(1), text) || (text !== '' && backtrack(pattern, text.slice(1)));
  }
  const fits = text !== '' && (pattern[0] === '?' || pattern[0] === text[0]);
  return fits && backtrack(pattern.slice(1), text.slice(1));
}

test('against backtracking', () => {
  const pattern = fc.string({ unit: fc.constantFrom('*', '?', 'a', 'b'), maxLength: 7 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      assert.equal(matches(pattern, text), backtrack(pattern, text));
    }),
    { numRuns: 5000 },
  );
});

test('a pattern made to be slow takes pattern times text steps, and can be stopped', () => {
  const stars = `${'a*'.repeat(500)}b`;
  const text = 'a'.repeat(5000);
  assert.equal(matches(stars, text), false);
  assert.equal(new Glob(stars).matches(text, 4000), 'too costly');
  const far = new Glob(`*${'a'.repeat(500)}b`);
  assert.equal(far.matches(text, 500 * 5000 + 5000), false);
  assert.equal(far.matches(text, 500 * 5000 + 5000), 'too costly', 'steps add up');
});

test('the prefix is what every match starts with', () => {
  const prefix = (pattern: string) => new Glob(pattern).prefix;
  assert.equal(prefix('user:*'), 'user:');
  assert.equal(prefix('user\\*:*'), 'user*:');
  assert.equal(prefix('us?r'), 'us');
  assert.equal(prefix('[a]b'), '');
  assert.equal(prefix('*'), '');
  assert.equal(prefix('whole'), 'whole');
});
