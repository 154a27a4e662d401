import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';
import { anyCuts, byteByByte, bytes, cutAt, pullAll } from './chunks.ts';

const limits = { bulkBytesMax: 100, itemsMax: 10, depthMax: 3, lineBytesMax: 50 };

const readAll = (chunks: readonly Uint8Array[]) => pullAll(new RespReader(limits), chunks);

/** Whole, byte by byte, and cut in two everywhere: the same each time. */
function readEveryWay(stream: string): { values: RespValue[]; error: string | null } {
  const whole = bytes(stream);
  const result = readAll([whole]);
  assert.deepEqual(readAll(byteByByte(whole)), result);
  for (let at = 0; at <= whole.length; at++) {
    assert.deepEqual(readAll([whole.slice(0, at), whole.slice(at)]), result);
  }
  return result;
}

const bulk = (text: string): RespValue => ({ kind: 'bulk', bytes: bytes(text) });
const integer = (value: number | bigint): RespValue => ({ kind: 'integer', value });
const NULL: RespValue = { kind: 'null' };

const elements: readonly (readonly [stream: string, value: RespValue])[] = [
  ['+OK\r\n', { kind: 'simple', text: 'OK' }],
  ['+\r\n', { kind: 'simple', text: '' }],
  ['+gr\xc3\xbc\xc3\x9fe\r\n', { kind: 'simple', text: 'grüße' }],
  ['-ERR no\r\n', { kind: 'error', text: 'ERR no' }],
  [':-7\r\n', integer(-7)],
  [':+7\r\n', integer(7)],
  [':9223372036854775807\r\n', integer(9223372036854775807n)],
  ['$0\r\n\r\n', bulk('')],
  ['$4\r\n\r\n\r\n\r\n', bulk('\r\n\r\n')],
  ['$-1\r\n', NULL],
  ['*-1\r\n', NULL],
  ['*0\r\n', { kind: 'array', items: [] }],
  [
    '*2\r\n$1\r\na\r\n*1\r\n:1\r\n',
    { kind: 'array', items: [bulk('a'), { kind: 'array', items: [integer(1)] }] },
  ],
  ['_\r\n', NULL],
  ['#t\r\n', { kind: 'boolean', value: true }],
  ['#f\r\n', { kind: 'boolean', value: false }],
  [',-1.5e3\r\n', { kind: 'double', value: -1500 }],
  [',inf\r\n', { kind: 'double', value: Number.POSITIVE_INFINITY }],
  [',-inf\r\n', { kind: 'double', value: Number.NEGATIVE_INFINITY }],
  [
    '(123456789012345678901234567890\r\n',
    { kind: 'bigNumber', value: 123456789012345678901234567890n },
  ],
  ['!8\r\nERR a\r\nb\r\n', { kind: 'error', text: 'ERR a\r\nb' }],
  ['=8\r\ntxt:text\r\n', { kind: 'verbatim', format: 'txt', bytes: bytes('text') }],
  ['%1\r\n+k\r\n:1\r\n', { kind: 'map', entries: [[{ kind: 'simple', text: 'k' }, integer(1)]] }],
  ['%0\r\n', { kind: 'map', entries: [] }],
  ['~1\r\n:1\r\n', { kind: 'set', items: [integer(1)] }],
  ['>1\r\n+message\r\n', { kind: 'push', items: [{ kind: 'simple', text: 'message' }] }],
  ['|1\r\n+ttl\r\n:3600\r\n:5\r\n', integer(5)],
  [
    '*2\r\n|1\r\n+a\r\n*1\r\n:0\r\n:5\r\n|0\r\n:6\r\n',
    { kind: 'array', items: [integer(5), integer(6)] },
  ],
];

test('every type of RESP2 and RESP3, however it is cut', () => {
  for (const [stream, value] of elements) {
    assert.deepEqual(
      readEveryWay(stream),
      { values: [value], error: null },
      JSON.stringify(stream),
    );
  }
  assert.ok(Number.isNaN((readAll([bytes(',nan\r\n')]).values[0] as { value: number }).value));
});

test('any sequence of elements, in any chunking', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...elements)), anyCuts, (chosen, cuts) => {
      const stream = bytes(chosen.map(([text]) => text).join(''));
      const expected = { values: chosen.map(([, value]) => value), error: null };
      assert.deepEqual(readAll(cutAt(stream, cuts)), expected);
    }),
  );
});

test('what is malformed, or beyond a limit, ends the stream; what came before is given', () => {
  const streams = [
    'OK\r\n',
    '\r\n',
    '+OK\n',
    ':1.5\r\n',
    ':01\r\n',
    ':\r\n',
    '#x\r\n',
    '_x\r\n',
    ',1,5\r\n',
    '(1.5\r\n',
    '$+1\r\n',
    '$01\r\na\r\n',
    '$1\r\nab\r\n',
    '$101\r\n',
    '$99999999999\r\n',
    '!-1\r\n',
    '=2\r\nab\r\n',
    '*x\r\n',
    '*11\r\n',
    '%6\r\n',
    '%-1\r\n',
    '*1\r\n*1\r\n*1\r\n*1\r\n',
    `+${'x'.repeat(50)}`,
    `+${'x'.repeat(50)}\r\n`,
  ];
  for (const stream of streams) {
    const { values, error } = readEveryWay(`:1\r\n${stream}:2\r\n`);
    assert.deepEqual(values, [integer(1)], JSON.stringify(stream));
    assert.match(error ?? '', /^ERR Protocol error: /, JSON.stringify(stream));
  }
});

test('a failed reader stays failed', () => {
  const reader = new RespReader(limits);
  reader.feed(bytes('?\r\n'));
  const failed = reader.next();
  reader.feed(bytes('+OK\r\n'));
  assert.equal(reader.next(), failed);
});

test('what is read pins no chunk', () => {
  const chunk = bytes('$1\r\na\r\n');
  const { values } = readAll([chunk]);
  assert.notEqual((values[0] as { bytes: Uint8Array }).bytes.buffer, chunk.buffer);
});
