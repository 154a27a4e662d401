import { crc32 } from 'node:zlib';
import { installNative, type Native, portableNative } from '../base/native.ts';

/** Below these, a loop in JavaScript beats the way into native code and back. */
const NATIVE_CRC_BYTES_MIN = 128;
const NATIVE_TEXT_BYTES_MIN = 12;

/**
 * What Buffer's `toString` and `write` call. They take any Uint8Array, so none has to be wrapped in a
 * Buffer, which costs more than the string. Node does not document them, but undici, which is part
 * of Node, stands on the first.
 */
const { latin1Slice, latin1Write } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number;
};

/** Node's own versions of what base/native.ts does in plain JavaScript. */
export const nodeNative: Native = {
  crc32(bytes, from, to, seed) {
    if (to - from < NATIVE_CRC_BYTES_MIN) return portableNative.crc32(bytes, from, to, seed);
    const isWhole = from === 0 && to === bytes.length;
    return crc32(isWhole ? bytes : bytes.subarray(from, to), seed);
  },
  byteString(bytes, from, to) {
    return latin1Slice.call(bytes, from, to);
  },
  writeByteString(into, at, text) {
    const { length } = text;
    if (length < NATIVE_TEXT_BYTES_MIN) return portableNative.writeByteString(into, at, text);
    return latin1Write.call(into, text, at, length);
  },
};

/** Hands the fast versions to the portable layers. To be called once, first of all. */
export function installNodeNative(): void {
  installNative(nodeNative);
}
