import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString } from '../../src/base/bytes.ts';
import { splitInline } from '../../src/protocol/inline.ts';
import { bytes } from './chunks.ts';

function split(line: string): string[] | null {
  const args = splitInline(bytes(line));
  return args === null ? null : args.map((arg) => byteString(arg));
}

const lines: readonly (readonly [line: string, args: string[] | null])[] = [
  ['', []],
  ['  \t\v\f\r ', []],
  ['PING', ['PING']],
  ['  SET  key\tvalue ', ['SET', 'key', 'value']],
  ['SET k "hello world"', ['SET', 'k', 'hello world']],
  ['SET k ""', ['SET', 'k', '']],
  ["SET k ''", ['SET', 'k', '']],
  ['"" ""', ['', '']],
  ['"\\n\\r\\t\\b\\a"', ['\n\r\t\b\x07']],
  ['"\\x00\\xfF\\x7e"', ['\0\xff~']],
  ['"\\"\\\\\\q"', ['"\\q']],
  ['"\\xZZ\\x1"', ['xZZx1']],
  ["'it\\'s' 'a\\n' 'x\\\\y'", ["it's", 'a\\n', 'x\\\\y']],
  ["'x\\\\'", null],
  ['"it\'s"', ["it's"]],
  ['\'say "x"\'', ['say "x"']],
  ['foo"bar"', ['foobar']],
  ['foo"bar"baz', null],
  ['"foo"bar', null],
  ["'foo'bar", null],
  ['"foo""bar"', null],
  ['"foo', null],
  ["'foo", null],
  ['"foo\\"', null],
  ['"foo\\', null],
  ["'foo\\'", null],
  ['"', null],
  ['a\\nb', ['a\\nb']],
  ['a\0b c', ['a\0b', 'c']],
];

test('lines are split as Redis splits them', () => {
  for (const [line, args] of lines) assert.deepEqual(split(line), args, JSON.stringify(line));
});

/** As `sdscatrepr` of Redis, which `sdssplitargs` undoes. */
function quoted(arg: string): string {
  const escaped = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `"${arg.replace(/[^ !#-[\]-~]/g, escaped)}"`;
}

test('what is quoted comes back as it was', () => {
  const args = fc.array(fc.uint8Array({ maxLength: 12 }).map((arg) => byteString(arg)));
  fc.assert(
    fc.property(args, (args) => {
      assert.deepEqual(split(args.map(quoted).join(' ')), args);
    }),
  );
});

test('any line is split or refused, never read beyond', () => {
  const line = fc.string({
    unit: fc.constantFrom('"', "'", '\\', 'x', '4', '1', ' ', 'n'),
    maxLength: 14,
  });
  fc.assert(
    fc.property(line, (line) => {
      const args = split(line);
      if (args !== null) assert.ok(args.join('').length <= line.length);
      // Bytes that stand behind the line in its buffer don't matter.
      const longer = bytes(`${line}41"`);
      const within = splitInline(longer.subarray(0, line.length));
      assert.deepEqual(within?.map((arg) => byteString(arg)) ?? null, args);
    }),
    { numRuns: 2000 },
  );
});
