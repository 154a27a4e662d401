import { writeU32 } from './bytes.ts';

/**
 * SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), for the handshake of peers. Nothing in it
 * branches or looks up by a byte of its input, so how long it takes says nothing of a key. No host
 * hands in a faster one: it runs a few times a connection, on a few hundred bytes.
 */
export const SHA256_BYTES = 32;
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

/** The first 32 bits of the fractions of the cube roots of the first 64 primes, and of the square
 *  roots of the first 8. */
const { roundConstants, firstState } = makeConstants();

export function sha256(bytes: Uint8Array): Uint8Array {
  const state = firstState.slice();
  const schedule = new Int32Array(64);
  const whole = bytes.length - (bytes.length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) compress(state, schedule, bytes, at);
  // What is left, a one bit, zeros, and the length in bits.
  const left = bytes.length - whole;
  const tail = new Uint8Array(left + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 128);
  tail.set(bytes.subarray(whole));
  tail[left] = 0x80;
  writeBigEndian(tail, tail.length - 8, Math.floor(bytes.length / 2 ** 29));
  writeBigEndian(tail, tail.length - 4, (bytes.length % 2 ** 29) * 8);
  for (let at = 0; at < tail.length; at += BLOCK_BYTES) compress(state, schedule, tail, at);
  const digest = new Uint8Array(SHA256_BYTES);
  for (let i = 0; i < 8; i++) writeBigEndian(digest, 4 * i, state[i]!);
  return digest;
}

/** What only a holder of `key` can say about `message`. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key;
  const inner = new Uint8Array(BLOCK_BYTES + message.length).fill(0x36, 0, BLOCK_BYTES);
  const outer = new Uint8Array(BLOCK_BYTES + SHA256_BYTES).fill(0x5c, 0, BLOCK_BYTES);
  for (let i = 0; i < short.length; i++) {
    inner[i]! ^= short[i]!;
    outer[i]! ^= short[i]!;
  }
  inner.set(message, BLOCK_BYTES);
  outer.set(sha256(inner), BLOCK_BYTES);
  return sha256(outer);
}

/** Compares in a time that depends on the lengths only, so that nobody learns a proof byte by byte. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let different = 0;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0;
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** FIPS 180-4, 6.2.2, with its names of the eight variables. */
function compress(state: Int32Array, w: Int32Array, bytes: Uint8Array, at: number): void {
  for (let t = 0; t < 16; t++) {
    const i = at + 4 * t;
    w[t] = (bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!;
  }
  for (let t = 16; t < 64; t++) {
    const [w15, w2] = [w[t - 15]!, w[t - 2]!];
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    w[t] = w[t - 16]! + s0 + w[t - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as Words;
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + s1 + choice + roundConstants[t]! + w[t]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) | 0;
  }
  const words: Words = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i]! += words[i]!;
}

type Words = [number, number, number, number, number, number, number, number];

/** Big-endian, as everything in SHA-256 is. */
function writeBigEndian(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value);
  bytes.subarray(at, at + 4).reverse();
}

/** Exact: a fraction of 32 bits and a whole part below 20 are far inside 53 bits, and no root of a
 *  prime lies so near a boundary that rounding could cross it (the test vectors would show it). */
function makeConstants(): { roundConstants: Int32Array; firstState: Int32Array } {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);
  const fraction = (root: number): number => (root - Math.floor(root)) * 2 ** 32;
  return {
    roundConstants: Int32Array.from(primes, (p) => fraction(Math.cbrt(p))),
    firstState: Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p))),
  };
}
