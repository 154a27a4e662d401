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

const crcTable = makeCrcTable();

function makeCrcTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c >>> 0;
  }
  return table;
}

export const portableNative: Native = {
  crc32(bytes, from, to, seed) {
    let c = ~seed >>> 0;
    for (let i = from; i < to; i++) c = crcTable[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
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
