import { crc32 } from 'node:zlib';
import { installNative, type Native, portableNative } from '../base/native.ts';

/** Below this, a loop over a table beats the way into native code and back. */
const NATIVE_CRC_BYTES_MIN = 64;
const NATIVE_TEXT_BYTES_MIN = 16;

/**
 * What `Buffer.toString('latin1', …)` calls. It takes any Uint8Array, so none has to be wrapped in a
 * Buffer, which costs as much as the string: 120 ns for any key, where the loop takes 500 for ten
 * bytes. Node does not document it, but undici, which is part of Node, stands on it.
 */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
};

/** Node's own versions of what base/native.ts does in plain JavaScript. */
export const nodeNative: Native = {
  crc32(bytes, from, to, seed) {
    if (to - from < NATIVE_CRC_BYTES_MIN) return portableNative.crc32(bytes, from, to, seed);
    return crc32(bytes.subarray(from, to), seed);
  },
  byteString(bytes, from, to) {
    return latin1Slice.call(bytes, from, to);
  },
  writeByteString(into, at, text) {
    if (text.length < NATIVE_TEXT_BYTES_MIN) {
      return portableNative.writeByteString(into, at, text);
    }
    return asBuffer(into).write(text, at, 'latin1');
  },
};

/** Hands the fast versions to the portable layers. To be called once, first of all. */
export function installNodeNative(): void {
  installNative(nodeNative);
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
