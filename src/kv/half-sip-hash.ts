/** The secret of a table: two 32-bit halves. */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/**
 * HalfSipHash-1-3 of bytes[from, to), 32 bits (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012; the 32-bit variant as Linux keys its hash tables with). Whoever does not know the key
 * can't choose keys that collide, so no client can turn a table's look-ups into a search.
 * @returns a signed 32-bit integer: the form that an engine keeps without a box.
 */
export function halfSipHash(bytes: Uint8Array, from: number, to: number, key: HashKey): number {
  let v0 = key.low;
  let v1 = key.high;
  let v2 = 0x6c796765 ^ key.low;
  let v3 = 0x74656462 ^ key.high;
  const tail = from + ((to - from) & ~3);
  let at = from;
  // The words, then the last bytes with the length above them, then the finalization: one loop, so
  // that the round stands here once.
  for (let left = ((to - from) >> 2) + 4; left > 0; left--) {
    let word = 0;
    if (at < tail) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      at += 4;
    } else if (left === 4) {
      word = (to - from) << 24;
      if (to - tail > 2) word |= bytes[tail + 2]! << 16;
      if (to - tail > 1) word |= bytes[tail + 1]! << 8;
      if (to - tail > 0) word |= bytes[tail]!;
    } else if (left === 3) {
      v2 ^= 0xff;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}
