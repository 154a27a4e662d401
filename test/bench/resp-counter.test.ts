import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RespCounter } from '../../bench/resp-counter.ts';

/** Each with how many values it is, and whether the last of them is an error. */
const streams: readonly (readonly [text: string, values: number, endsInError: boolean])[] = [
  ['+OK\r\n', 1, false],
  ['-ERR no\r\n', 1, true],
  [':12\r\n:-3\r\n', 2, false],
  ['$0\r\n\r\n', 1, false],
  ['$-1\r\n', 1, false],
  ['_\r\n', 1, false],
  ['$6\r\n+O\r\n$1\r\n', 1, false],
  ['*0\r\n', 1, false],
  ['*-1\r\n', 1, false],
  ['*2\r\n$3\r\nGET\r\n$1\r\nk\r\n+OK\r\n', 2, false],
  ['*3\r\n*2\r\n+a\r\n+b\r\n*0\r\n*1\r\n*1\r\n:1\r\n-MOVED 1 h:1\r\n', 2, true],
];

function countOf(chunks: readonly Uint8Array[]): { readonly seen: boolean[]; error: string } {
  const seen: boolean[] = [];
  const counter = new RespCounter((isError) => seen.push(isError));
  for (const chunk of chunks) counter.feed(chunk);
  return { seen, error: counter.firstError };
}

describe('a counter of RESP values', () => {
  it('counts them whole, and byte by byte', () => {
    for (const [text, values, endsInError] of streams) {
      const bytes = Buffer.from(text);
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      for (const chunks of [[bytes], single]) {
        const { seen } = countOf(chunks);
        assert.equal(seen.length, values, JSON.stringify(text));
        assert.equal(seen.at(-1), endsInError, JSON.stringify(text));
      }
    }
  });

  it('does not count what is not whole', () => {
    for (const [text, values] of streams) {
      assert.equal(countOf([Buffer.from(text.slice(0, -1))]).seen.length, values - 1, text);
    }
  });

  it('keeps the first error', () => {
    assert.equal(
      countOf([Buffer.from('+OK\r\n-TRYAGAIN a b\r\n-ERR c\r\n')]).error,
      'TRYAGAIN a b',
    );
  });

  it('refuses what is no RESP', () => {
    assert.throws(() => countOf([Buffer.from('PING\r\n')]), /no RESP value begins with byte 80/);
  });
});
