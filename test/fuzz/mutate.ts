import { bytesOf, concatBytes, writeU32 } from '../../src/base/bytes.ts';
import { native } from '../../src/base/native.ts';
import type { Prng } from '../../src/base/prng.ts';

/** Texts that have broken parsers before. */
const TOKENS = [
  ...[
    '*',
    '$',
    '\r\n',
    '\n',
    '\r',
    '"',
    "'",
    '\\x',
    '\0',
    ' ',
    '-',
    '+',
    ':',
    '%',
    '~',
    '>',
    '|',
    '=',
  ],
  ...['*0\r\n', '*-1\r\n', '$-1\r\n', '$0\r\n\r\n', '*1\r\n', '$1e3\r\n', '$+5\r\n', '$-0\r\n'],
  ...['4294967295', '2147483648', '9007199254740993', '18446744073709551616', '1048577', '0x10'],
  ...['POST ', 'Host: ', '__proto__', 'constructor', '\xff\xfe', '_\r\n', '#t\r\n', ',nan\r\n'],
].map(bytesOf);

const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 12, 4096, 2 ** 21];

/** Changes a few things about the bytes, in a copy. */
export function mutate(
  original: Uint8Array,
  others: readonly Uint8Array[],
  random: Prng,
): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let left = 1 + random.below(4); left > 0; left--) bytes = once(bytes, others, random);
  return bytes;
}

function once(bytes: Uint8Array, others: readonly Uint8Array[], random: Prng): Uint8Array {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(16));
  switch (random.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.below(256);
      return bytes;
    case 2:
      return splice(bytes, at, to, new Uint8Array(0));
    case 3:
      return splice(bytes, at, at, bytes.slice(at, to));
    case 4:
      return splice(bytes, at, at, TOKENS[random.below(TOKENS.length)]!);
    case 5:
      return splice(bytes, at, to, TOKENS[random.below(TOKENS.length)]!);
    case 6: {
      const other = others[random.below(others.length)]!;
      const from = random.below(other.length + 1);
      return splice(bytes, at, random.chance(0.5) ? bytes.length : to, other.subarray(from));
    }
    case 7:
      if (at + 4 <= bytes.length) writeU32(bytes, at, NUMBERS[random.below(NUMBERS.length)]!);
      return bytes;
    default:
      return bytes.slice(0, at);
  }
}

function splice(bytes: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  return concatBytes([bytes.subarray(0, from), middle, bytes.subarray(to)]);
}

/** Makes a checksum hold again, so that what lies behind it is reached: nobody hostile sends a wrong
 *  one. It stands at `at`, over bytes[from, to). */
export function reseal(bytes: Uint8Array, at: number, from: number, to: number, seed = 0): void {
  if (from > to || to > bytes.length || at + 4 > bytes.length) return;
  writeU32(bytes, at, native.crc32(bytes, from, to, seed));
}

/** The bytes in pieces: a few, or one byte each. */
export function chunksOf(bytes: Uint8Array, random: Prng): Uint8Array[] {
  if (bytes.length <= 400 && random.chance(0.1)) {
    return Array.from(bytes, (byte) => Uint8Array.of(byte));
  }
  const cuts = Array.from({ length: 1 + random.below(4) }, () => random.below(bytes.length + 1));
  const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}
