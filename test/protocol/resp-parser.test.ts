import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString, concatBytes } from '../../src/base/bytes.ts';
import { checkLimits, defaultLimits } from '../../src/base/limits.ts';
import { type Request, RespParser, requestLimits } from '../../src/protocol/resp-parser.ts';
import { anyCuts, byteByByte, bytes, cutAt, pullAll, request } from './chunks.ts';

const limits = {
  argumentsMax: 1000,
  bulkBytesMax: 5000,
  requestBytesMax: 20_000,
  inlineBytesMax: 100,
};

const texts = (request: Request) => request.args.map((arg) => byteString(arg));

/** Requests as lists of byte strings, an inline one with "inline:" before it; then the error. */
function parse(chunks: readonly Uint8Array[]): { requests: string[][]; error: string | null } {
  const { values, error } = pullAll(new RespParser(limits), chunks);
  const requests = values.map((value) => [...(value.inline ? ['inline:'] : []), ...texts(value)]);
  return { requests, error };
}

/** Whole, byte by byte, and cut in two everywhere: the same each time. */
function parseEveryWay(stream: string): ReturnType<typeof parse> {
  const whole = bytes(stream);
  const result = parse([whole]);
  assert.deepEqual(parse(byteByByte(whole)), result);
  for (let at = 0; at <= whole.length; at++) {
    assert.deepEqual(parse([whole.slice(0, at), whole.slice(at)]), result);
  }
  return result;
}

test('arrays and typed lines on one stream, pipelined', () => {
  const stream = '*1\r\n$4\r\nPING\r\nSET a "b c"\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\nGET k\n';
  assert.deepEqual(parseEveryWay(stream), {
    requests: [['PING'], ['inline:', 'SET', 'a', 'b c'], ['GET', ''], ['inline:', 'GET', 'k']],
    error: null,
  });
});

test('empty requests are ignored: *0, *-1, empty lines', () => {
  const stream = '*0\r\n*-1\r\n*-17\r\n\r\n\n   \r\n*1\r\n$4\r\nPING\r\n';
  assert.deepEqual(parseEveryWay(stream), { requests: [['PING']], error: null });
});

test('millions of empty requests take no memory, and a turn is over after some', () => {
  for (const empty of ['*0\r\n', '\r\n', '\n', '*-1\r\n', '   \r\n', '*-2147483648\r\n']) {
    const parser = new RespParser(requestLimits(defaultLimits));
    const chunk = bytes(empty.repeat(Math.floor(65_536 / empty.length)));
    for (let i = 0; i < 20; i++) {
      parser.feed(chunk);
      let calls = 1;
      for (; parser.next() === 'empty'; calls++);
      const empties = chunk.length / empty.length;
      assert.ok(calls >= empties / 16 && calls <= empties / 16 + 2, `${calls} calls`);
      assert.equal(parser.next(), 'more');
    }
    assert.equal(parser.heldBytes, 0);
  }
});

test('HTTP is left at once, as Redis leaves it, and what stands before it is not', () => {
  for (const stream of [
    'POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k evil\r\n',
    'pOsT\r\n',
    '"HOST:" x\r\n',
    '*1\r\n$4\r\nPOST\r\n',
    '*2\r\n$5\r\nhost:\r\n$1\r\nx\r\n',
  ]) {
    assert.deepEqual(parseEveryWay(stream), { requests: [], error: '' }, stream);
  }
  const tricked = 'GET / HTTP/1.1\r\nHost: localhost\r\nPING\r\n';
  assert.deepEqual(parseEveryWay(tricked), {
    requests: [['inline:', 'GET', '/', 'HTTP/1.1']],
    error: '',
  });
  const others = 'HOST\r\nPOST: x\r\nhost;\r\nECHO POST\r\n';
  assert.equal(parseEveryWay(others).requests.length, 4);
});

test('a typed line may be as long as the limit, with either end', () => {
  const longest = 'x'.repeat(limits.inlineBytesMax);
  for (const end of ['\n', '\r\n']) {
    const fits = parseEveryWay(longest + end);
    assert.deepEqual(fits, { requests: [['inline:', longest]], error: null });
    const tooBig = { requests: [], error: 'ERR Protocol error: too big inline request' };
    assert.deepEqual(parseEveryWay(`${longest}x${end}`), tooBig);
  }
});

test('binary arguments: line ends, type bytes and NUL', () => {
  const arg = '\r\n*1\r\n$4\r\n\0\xff';
  assert.deepEqual(parseEveryWay(`*2\r\n$1\r\n\n\r\n$${arg.length}\r\n${arg}\r\n`).requests, [
    ['\n', arg],
  ]);
});

const refused: readonly (readonly [stream: string, error: string])[] = [
  ['*abc\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*-\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*-0\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*00\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*01\r\n$4\r\nPING\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*+1\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['* 1\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1 \r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1e1\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*0x1\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1\n$4\nPING\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1\rX$4\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1001\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*99999999999\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*1\r\nPING\r\n', "ERR Protocol error: expected '$', got 'P'"],
  ['*1\r\n*1\r\n', "ERR Protocol error: expected '$', got '*'"],
  ['*1\r\n\r\n', "ERR Protocol error: expected '$', got ' '"],
  ['*1\r\n$-1\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$-0\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$+5\r\nhello\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$ 5\r\nhello\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$05\r\nhello\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$1e3\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$0x10\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$5001\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$4\nPING\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*1\r\n$4\r\nPINGXX', 'ERR Protocol error: expected CR LF behind a bulk string'],
  ['*1\r\n$4\r\nPING\n\n', 'ERR Protocol error: expected CR LF behind a bulk string'],
  ['GET "a\r\n', 'ERR Protocol error: unbalanced quotes in request'],
  ['GET "a"b\r\n', 'ERR Protocol error: unbalanced quotes in request'],
  [`GET ${'k'.repeat(97)}\n`, 'ERR Protocol error: too big inline request'],
  ['x'.repeat(101), 'ERR Protocol error: too big inline request'],
];

test('what Redis refuses, in its words, however it is cut; what came before is given', () => {
  for (const [stream, error] of refused) {
    assert.deepEqual(parseEveryWay(stream), { requests: [], error }, JSON.stringify(stream));
    const behind = parseEveryWay(`PING\r\n${stream}*1\r\n$4\r\nPING\r\n`);
    assert.deepEqual(behind, { requests: [['inline:', 'PING']], error });
  }
});

test('a protocol error is the last answer', () => {
  const parser = new RespParser(limits);
  parser.feed(bytes('*x\r\n'));
  const failed = parser.next();
  parser.feed(request('PING'));
  assert.equal(parser.next(), failed);
  assert.equal(parser.unread, 0);
});

test('a request has a limit of bytes in all', () => {
  const values = Array.from({ length: 5 }, () => 'v'.repeat(4990));
  const stream = concatBytes([request('PING'), request(...values)]);
  const error = 'ERR Protocol error: too big request';
  assert.deepEqual(parse([stream]), { requests: [['PING']], error });
  assert.deepEqual(parse(cutAt(stream, [9000])), { requests: [['PING']], error });
});

test('the longest line, argument and list of arguments are taken', () => {
  const line = `${'k'.repeat(99)}\r\n`;
  assert.deepEqual(parse([bytes(line)]).requests, [['inline:', 'k'.repeat(99)]]);
  const value = 'v'.repeat(5000);
  assert.deepEqual(parse([request(value)]).requests, [[value]]);
  const many = Array.from({ length: 1000 }, (_, i) => String(i));
  assert.deepEqual(parse(cutAt(request(...many), [1, 777, 3000])).requests, [many]);
});

const anyArgs = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 });

test('any requests, in any chunking, come back as they were', () => {
  fc.assert(
    fc.property(fc.array(anyArgs, { maxLength: 8 }), anyCuts, (requests, cuts) => {
      const stream = concatBytes(requests.map((args) => request(...args)));
      const { requests: parsed, error } = parse(cutAt(stream, cuts));
      assert.equal(error, null);
      assert.deepEqual(
        parsed,
        requests.map((args) => args.map((arg) => byteString(arg))),
      );
    }),
    { numRuns: 300 },
  );
});

test('any bytes, in any chunking, mean the same', () => {
  const piece = fc.constantFrom(
    '*1\r\n',
    '*2\r\n',
    '$1\r\n',
    'a\r\n',
    '$',
    '*',
    '\r\n',
    'PING',
    '"',
    '-1',
    '0',
    ' ',
  );
  const stream = fc.array(piece, { maxLength: 30 }).map((pieces) => bytes(pieces.join('')));
  fc.assert(
    fc.property(stream, anyCuts, (whole, cuts) => {
      const result = parse([whole]);
      assert.deepEqual(parse(cutAt(whole, cuts)), result);
      assert.deepEqual(parse(byteByByte(whole)), result);
    }),
    { numRuns: 2000 },
  );
});

test('slices given earlier stay as they were while later chunks arrive', () => {
  const parser = new RespParser(limits);
  const stream = concatBytes([
    request('SET', 'first', 'a'.repeat(400)),
    request('SET', 'second', 'b'),
  ]);
  const given: Request[] = [];
  for (const chunk of cutAt(stream, [7, 300, stream.length - 3])) {
    parser.feed(chunk);
    for (let next = parser.next(); next !== 'more'; next = parser.next())
      given.push(next as Request);
  }
  assert.deepEqual(given.map(texts), [
    ['SET', 'first', 'a'.repeat(400)],
    ['SET', 'second', 'b'],
  ]);
});

test('a request within one chunk is not copied', () => {
  const chunk = request('SET', 'k', 'v');
  const parser = new RespParser(limits);
  parser.feed(chunk);
  const next = parser.next() as Request;
  assert.ok(next.args.every((arg) => arg.buffer === chunk.buffer));
});

test('feeding more while requests are unread loses nothing', () => {
  const parser = new RespParser(limits);
  for (let i = 0; i < 100; i++) parser.feed(request('GET', `key${i}`));
  for (let i = 0; i < 100; i++)
    assert.deepEqual(texts(parser.next() as Request), ['GET', `key${i}`]);
  assert.equal(parser.next(), 'more');
});

test('a header that announces a long argument takes no memory for it', () => {
  const parser = new RespParser(requestLimits(defaultLimits));
  parser.feed(bytes('*2\r\n$3\r\nGET\r\n$1048576\r\n'));
  assert.equal(parser.next(), 'more');
  parser.feed(bytes('x'));
  assert.equal(parser.next(), 'more');
  assert.ok(heldBytes(parser) < 2048, `${heldBytes(parser)} bytes`);
});

/** The buffers that hang on the parser. */
function heldBytes(parser: RespParser): number {
  const { input } = parser as unknown as { input: { bytes: Uint8Array } };
  return input.bytes.buffer.byteLength;
}

test('the cost is linear in the bytes, however they are cut', () => {
  const value = new Uint8Array(1024 * 1024).fill(0x76);
  const stream = request('SET', 'key', value);
  const parser = new RespParser(requestLimits(defaultLimits));
  let copied = 0;
  let buffer = stream.buffer as ArrayBufferLike;
  let next: ReturnType<RespParser['next']> = 'more';
  for (let at = 0; at < stream.length; at += 1000) {
    parser.feed(stream.subarray(at, at + 1000));
    next = parser.next();
    const { input } = parser as unknown as { input: { bytes: Uint8Array; end: number } };
    if (input.bytes.buffer !== buffer) copied += input.end;
    buffer = input.bytes.buffer;
  }
  assert.deepEqual((next as Request).args[2], value);
  assert.ok(copied < 3 * stream.length, `${copied} bytes copied`);
});

test('the limits of requests follow from those of the store', () => {
  checkLimits(defaultLimits);
  const { bulkBytesMax, requestBytesMax } = requestLimits(defaultLimits);
  assert.ok(bulkBytesMax > defaultLimits.valueBytesMax, 'so that a long value gets its own error');
  const longest = 2 * defaultLimits.valueBytesMax + defaultLimits.keyBytesMax + 256;
  assert.ok(requestBytesMax >= longest);
});
