import { readU32, writeU32 } from './bytes.ts';

/**
 * A signed 64-bit integer: a number where a number is exact, a bigint beyond 2^53 - 1. One value
 * has one form, so that `===` compares. The counters of most programs never meet a bigint.
 */
export type Int64 = number | bigint;

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** What Redis says of a text that is no such integer, in a request or in a stored value. */
export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range';

/** "-9223372036854775808" */
const TEXT_MAX = 20;
/** That many digits, and their sums, are always exact as a number. */
const EXACT_DIGITS = 15;
const HIGH = 2 ** 32;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;

/**
 * Reads a decimal integer as Redis does (`string2ll`): only the one form that `formatInt64` writes.
 * So no "+1", no "01", no "-0", no space and no exponent.
 * @returns null when the text is anything else, or outside of 64 bits.
 */
export function parseInt64(text: string): Int64 | null {
  const negative = text.charCodeAt(0) === MINUS;
  const first = negative ? 1 : 0;
  const digits = text.length - first;
  if (digits === 0 || text.length > TEXT_MAX) return null;
  if (text.charCodeAt(first) === ZERO) return text === '0' ? 0 : null;
  let value = 0;
  for (let i = first; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char < ZERO || char > NINE) return null;
    value = value * 10 + (char - ZERO);
  }
  if (digits <= EXACT_DIGITS) return negative ? -value : value;
  const wide = BigInt(text);
  return wide < INT64_MIN || wide > INT64_MAX ? null : narrow(wide);
}

/** @returns null when the sum is outside of 64 bits. */
export function addInt64(a: Int64, b: Int64): Int64 | null {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const wide = BigInt(a) + BigInt(b);
  return wide < INT64_MIN || wide > INT64_MAX ? null : narrow(wide);
}

/** @returns null for the smallest integer, which has no opposite. */
export function negateInt64(value: Int64): Int64 | null {
  if (typeof value === 'number') return value === 0 ? 0 : -value;
  return value === INT64_MIN ? null : narrow(-value);
}

export function formatInt64(value: Int64): string {
  return String(value);
}

/** Two's complement, little-endian, 8 bytes. */
export function writeInt64(bytes: Uint8Array, at: number, value: Int64): void {
  if (typeof value === 'number') {
    writeU32(bytes, at, value >>> 0); // ToUint32 takes any safe integer modulo 2^32, exactly
    writeU32(bytes, at + 4, Math.floor(value / HIGH));
  } else {
    writeU32(bytes, at, Number(BigInt.asUintN(32, value)));
    writeU32(bytes, at + 4, Number(BigInt.asUintN(32, value >> 32n)));
  }
}

export function readInt64(bytes: Uint8Array, at: number): Int64 {
  const low = readU32(bytes, at);
  const high = readU32(bytes, at + 4) | 0;
  const value = high * HIGH + low;
  return Number.isSafeInteger(value) ? value : BigInt(high) * BigInt(HIGH) + BigInt(low);
}

function narrow(wide: bigint): Int64 {
  const value = Number(wide);
  return Number.isSafeInteger(value) ? value : wide;
}
