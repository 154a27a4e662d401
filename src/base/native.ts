/**
 * The one seam through which a host hands in faster versions of a few pure functions, and the only
 * global state there is below `node/`. A test proves that both versions agree. Byte strings are
 * JavaScript strings in which each char code is one byte (latin-1): an injective, cheap map key.
 */
export interface Native {
  /** CRC-32 (IEEE 802.3, reflected) of bytes[from, to), continued from `seed`. */
  crc32(bytes: Uint8Array, from: number, to: number, seed: number): number;
  /** bytes[from, to) as a byte string. */
  byteString(bytes: Uint8Array, from: number, to: number): string;
  /** Writes a byte string at `at`; returns the number of bytes written. */
  writeByteString(into: Uint8Array, at: number, text: string): number;
}

/** crcTables[k][b]: what byte b does to the checksum k bytes later ("slicing by four"). */
const crcTables = makeCrcTables();

function makeCrcTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256).map((_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  const shifted = (table: Int32Array) => table.map((c) => first[c & 0xff]! ^ (c >>> 8));
  const second = shifted(first);
  const third = shifted(second);
  return [first, second, third, shifted(third)];
}

export const portableNative: Native = {
  crc32(bytes, from, to, seed) {
    const [t0, t1, t2, t3] = crcTables;
    let c = ~seed;
    let i = from;
    for (; i + 4 <= to; i += 4) {
      c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      c = t3[c & 0xff]! ^ t2[(c >>> 8) & 0xff]! ^ t1[(c >>> 16) & 0xff]! ^ t0[c >>> 24]!;
    }
    for (; i < to; i++) c = t0[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
    return ~c >>> 0;
  },
  byteString(bytes, from, to) {
    let text = '';
    for (let at = from; at < to; at += 4096) {
      text += String.fromCharCode(...bytes.subarray(at, Math.min(to, at + 4096)));
    }
    return text;
  },
  writeByteString(into, at, text) {
    for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
    return text.length;
  },
};

/** The versions in force. Only `installNative` writes it, once, before anything else runs. */
export let native: Native = portableNative;

export function installNative(faster: Native): void {
  native = faster;
}
