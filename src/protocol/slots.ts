/** Slots of a Redis Cluster, as cluster-aware clients compute them from a key. */
export const SLOTS = 16_384;

const OPEN = 0x7b;
const CLOSE = 0x7d;
const crcTable = makeCrcTable();

function makeCrcTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n << 8;
    for (let bit = 0; bit < 8; bit++) c = c & 0x8000 ? (c << 1) ^ 0x1021 : c << 1;
    table[n] = c;
  }
  return table;
}

/** CRC-16/XMODEM of bytes[from, to). */
export function crc16(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let c = 0;
  for (let i = from; i < to; i++) c = ((c << 8) & 0xffff) ^ crcTable[(c >> 8) ^ bytes[i]!]!;
  return c;
}

/** The slot of a key, or of what stands between its first "{" and the next "}", if anything does:
 *  so that a client can put keys side by side. */
export function keySlot(key: Uint8Array): number {
  const open = key.indexOf(OPEN);
  const close = open < 0 ? -1 : key.indexOf(CLOSE, open + 1);
  return close > open + 1 ? crc16(key, open + 1, close) % SLOTS : crc16(key) % SLOTS;
}
