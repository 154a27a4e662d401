const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/**
 * MurmurHash3, x86, 32 bits (Austin Appleby, public domain), of bytes[from, to). Not against an
 * adversary: it tells two states apart that a bug has made different.
 * @returns a signed 32-bit integer: the form that an engine keeps without a box.
 */
export function murmur3(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let h = seed | 0;
  const tail = from + ((to - from) & ~3);
  for (let at = from; at < tail; at += 4) {
    const k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    h ^= scramble(k);
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  let k = 0;
  for (let at = to - 1; at >= tail; at--) k = (k << 8) | bytes[at]!;
  if (to !== tail) h ^= scramble(k);
  return finish(h ^ (to - from));
}

/** The same of the bytes that a view shows: for many of them in one buffer, where to make a view once
 *  is less than to read every word in four. */
export function murmur3View(view: DataView, from: number, to: number, seed: number): number {
  let h = seed | 0;
  const tail = from + ((to - from) & ~3);
  for (let at = from; at < tail; at += 4) {
    h ^= scramble(view.getInt32(at, true));
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  let k = 0;
  for (let at = to - 1; at >= tail; at--) k = (k << 8) | view.getUint8(at);
  if (to !== tail) h ^= scramble(k);
  return finish(h ^ (to - from));
}

/** Folds a number that is below 2^53 into a hash. */
export function mix(hash: number, value: number): number {
  return finish(finish(hash ^ (value | 0)) + Math.floor(value / 2 ** 32));
}

function scramble(k: number): number {
  const product = Math.imul(k, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}

function finish(hash: number): number {
  let h = hash | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
