import { readU32 } from '../base/bytes.ts';

/**
 * XXH3, 64 bits, seed 0 (Yann Collet's xxHash, specified in its doc/xxhash_spec.md): what Redis 8.4
 * calls the DIGEST of a value. Short inputs, and the ends of long ones, are computed with bigints,
 * as the specification reads; the loop over a long input works on halves of 32 bits, because a
 * value may be a megabyte and its digest must not hold up the node.
 */
export function xxh3(bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length > MIDDLE_MAX) return hashLong(bytes);
  if (length > 16) return hashMiddle(bytes);
  if (length > 8) return hash9to16(bytes);
  if (length >= 4) return hash4to8(bytes);
  if (length > 0) return hash1to3(bytes);
  return avalanche64(secret64(56) ^ secret64(64));
}

/** 16 hexadecimal digits, in lower case. */
export function xxh3Hex(bytes: Uint8Array): string {
  return xxh3(bytes).toString(16).padStart(16, '0');
}

const MIDDLE_MAX = 240;
const STRIPE_BYTES = 64;
const STRIPES_PER_BLOCK = 16;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;

const MASK = 2n ** 64n - 1n;
const PRIME32_1 = 0x9e3779b1;
const PRIME32_2 = 0x85ebca77;
const PRIME32_3 = 0xc2b2ae3d;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const PRIME_MX1 = 0x165667919e3779f9n;
const PRIME_MX2 = 0x9fb21c651e98df25n;

/** The default secret of the specification. */
const SECRET_HEX =
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
  'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
  '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
  'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
  'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
  '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e';
const SECRET = Uint8Array.from(SECRET_HEX.match(/../g)!, (digits) => Number.parseInt(digits, 16));

function read64(bytes: Uint8Array, at: number): bigint {
  return BigInt(readU32(bytes, at)) | (BigInt(readU32(bytes, at + 4)) << 32n);
}

const secret64 = (at: number): bigint => read64(SECRET, at);

/** The 128 bits of the product, its halves folded into one. */
function multiplyFold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

/** XXH64's last step. */
function avalanche64(hash: bigint): bigint {
  let h = ((hash ^ (hash >> 33n)) * PRIME64_2) & MASK;
  h = ((h ^ (h >> 29n)) * PRIME64_3) & MASK;
  return h ^ (h >> 32n);
}

function avalanche(hash: bigint): bigint {
  let h = hash & MASK;
  h = ((h ^ (h >> 37n)) * PRIME_MX1) & MASK;
  return h ^ (h >> 32n);
}

const rotateLeft = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & MASK;

function swapBytes(x: bigint): bigint {
  let swapped = 0n;
  for (let shift = 0n; shift < 64n; shift += 8n) {
    swapped = (swapped << 8n) | ((x >> shift) & 0xffn);
  }
  return swapped;
}

function hash1to3(bytes: Uint8Array): bigint {
  const { length } = bytes;
  const [first, middle, last] = [bytes[0]!, bytes[length >> 1]!, bytes[length - 1]!];
  const combined = ((first << 16) | (middle << 24) | last | (length << 8)) >>> 0;
  return avalanche64(BigInt((readU32(SECRET, 0) ^ readU32(SECRET, 4)) >>> 0) ^ BigInt(combined));
}

function hash4to8(bytes: Uint8Array): bigint {
  const { length } = bytes;
  const [first, last] = [readU32(bytes, 0), readU32(bytes, length - 4)];
  let h = (BigInt(last) + (BigInt(first) << 32n)) ^ secret64(8) ^ secret64(16);
  h ^= rotateLeft(h, 49n) ^ rotateLeft(h, 24n);
  h = (h * PRIME_MX2) & MASK;
  h ^= (h >> 35n) + BigInt(length);
  h = (h * PRIME_MX2) & MASK;
  return h ^ (h >> 28n);
}

function hash9to16(bytes: Uint8Array): bigint {
  const { length } = bytes;
  const low = read64(bytes, 0) ^ secret64(24) ^ secret64(32);
  const high = read64(bytes, length - 8) ^ secret64(40) ^ secret64(48);
  return avalanche(BigInt(length) + swapBytes(low) + high + multiplyFold(low, high));
}

function mix16(bytes: Uint8Array, at: number, secretAt: number): bigint {
  return multiplyFold(
    read64(bytes, at) ^ secret64(secretAt),
    read64(bytes, at + 8) ^ secret64(secretAt + 8),
  );
}

/** 17 to 240 bytes. */
function hashMiddle(bytes: Uint8Array): bigint {
  const { length } = bytes;
  let sum = BigInt(length) * PRIME64_1;
  if (length <= 128) {
    // From both ends to the middle.
    for (let i = ((length - 1) >> 5) | 0; i >= 0; i--) {
      sum += mix16(bytes, 16 * i, 32 * i) + mix16(bytes, length - 16 * (i + 1), 32 * i + 16);
    }
    return avalanche(sum);
  }
  for (let i = 0; i < 8; i++) sum += mix16(bytes, 16 * i, 16 * i);
  sum = avalanche(sum);
  for (let i = 8; i < length >> 4; i++) sum += mix16(bytes, 16 * i, 16 * (i - 8) + 3);
  return avalanche(sum + mix16(bytes, length - 16, 136 - 17));
}

/** Eight numbers of 64 bits as halves: low, high, low, high … */
type Lanes = Int32Array;

function hashLong(bytes: Uint8Array): bigint {
  const { length } = bytes;
  const lanes = firstLanes();
  const blocks = Math.floor((length - 1) / BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < STRIPES_PER_BLOCK; stripe++) {
      accumulate(lanes, bytes, block * BLOCK_BYTES + stripe * STRIPE_BYTES, 8 * stripe);
    }
    scramble(lanes);
  }
  const rest = blocks * BLOCK_BYTES;
  const stripes = Math.floor((length - 1 - rest) / STRIPE_BYTES);
  for (let stripe = 0; stripe < stripes; stripe++) {
    accumulate(lanes, bytes, rest + stripe * STRIPE_BYTES, 8 * stripe);
  }
  accumulate(lanes, bytes, length - STRIPE_BYTES, SECRET.length - STRIPE_BYTES - 7);
  let sum = BigInt(length) * PRIME64_1;
  for (let i = 0; i < 4; i++) {
    const at = 11 + 16 * i;
    sum += multiplyFold(
      lane(lanes, 2 * i) ^ secret64(at),
      lane(lanes, 2 * i + 1) ^ secret64(at + 8),
    );
  }
  return avalanche(sum);
}

function firstLanes(): Lanes {
  const primes = [
    BigInt(PRIME32_3),
    PRIME64_1,
    PRIME64_2,
    PRIME64_3,
    PRIME64_4,
    BigInt(PRIME32_2),
    PRIME64_5,
    BigInt(PRIME32_1),
  ];
  const halves = primes.flatMap((prime) => [prime & 0xffffffffn, prime >> 32n]);
  return Int32Array.from(halves, (half) => Number(half) | 0);
}

function lane(lanes: Lanes, i: number): bigint {
  return BigInt(lanes[2 * i]! >>> 0) | (BigInt(lanes[2 * i + 1]! >>> 0) << 32n);
}

/** Adds one stripe: to each lane the product of its halves, and its bytes to its neighbour. */
function accumulate(lanes: Lanes, bytes: Uint8Array, at: number, secretAt: number): void {
  for (let i = 0; i < 8; i++) {
    const low = readU32(bytes, at + 8 * i);
    const high = readU32(bytes, at + 8 * i + 4);
    add64(lanes, i ^ 1, low, high);
    const a = (low ^ readU32(SECRET, secretAt + 8 * i)) >>> 0;
    const b = (high ^ readU32(SECRET, secretAt + 8 * i + 4)) >>> 0;
    add64(lanes, i, Math.imul(a, b) >>> 0, multiplyHigh(a, b));
  }
}

function scramble(lanes: Lanes): void {
  const secretAt = SECRET.length - STRIPE_BYTES;
  for (let i = 0; i < 8; i++) {
    const high = lanes[2 * i + 1]!;
    // x ^ (x >> 47): the upper 17 bits come down into the low half.
    const low = (lanes[2 * i]! ^ (high >>> 15) ^ readU32(SECRET, secretAt + 8 * i)) >>> 0;
    const mixed = (high ^ readU32(SECRET, secretAt + 8 * i + 4)) >>> 0;
    lanes[2 * i] = Math.imul(low, PRIME32_1);
    lanes[2 * i + 1] = multiplyHigh(low, PRIME32_1) + Math.imul(mixed, PRIME32_1);
  }
}

/** @param low, high unsigned 32 bits each */
function add64(lanes: Lanes, i: number, low: number, high: number): void {
  const sum = (lanes[2 * i]! >>> 0) + low;
  lanes[2 * i] = sum;
  lanes[2 * i + 1] = lanes[2 * i + 1]! + high + (sum > 0xffffffff ? 1 : 0);
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (other >>> 16);
}
