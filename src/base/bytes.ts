import { native } from './native.ts';

export const EMPTY_BYTES = new Uint8Array(0);

/** Bytes of an ASCII (or, at most, latin-1) text: magic numbers, error texts, names. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  native.writeByteString(bytes, 0, text);
  return bytes;
}

/** The byte string (one char a byte) of bytes[from, to). Injective, so it serves as a map key. */
export function byteString(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return native.byteString(bytes, from, to);
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

const HIGH = 2 ** 32;

export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** An unsigned 64-bit number; above 2^53 - 1 it comes out unsafe, and decoders must refuse it. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * HIGH;
}

export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value % HIGH);
  writeU32(bytes, at + 4, Math.floor(value / HIGH));
}

/**
 * Reads little-endian fields out of untrusted bytes. It never throws: reading past the end, or a
 * number above 2^53 - 1, clears `ok` and yields zeros, so a decoder asks once, at its end.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  /** Where the next field starts. Invariant: at <= end. */
  at: number;
  readonly end: number;
  ok = true;

  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.take(1) ? this.bytes[this.at - 1]! : 0;
  }

  u16(): number {
    return this.take(2) ? this.bytes[this.at - 2]! | (this.bytes[this.at - 1]! << 8) : 0;
  }

  u32(): number {
    return this.take(4) ? readU32(this.bytes, this.at - 4) : 0;
  }

  u64(): number {
    if (!this.take(8)) return 0;
    const value = readU64(this.bytes, this.at - 8);
    if (Number.isSafeInteger(value)) return value;
    this.ok = false;
    return 0;
  }

  /** A slice, not a copy: whoever keeps it copies it. */
  slice(length: number): Uint8Array {
    return this.take(length) ? this.bytes.subarray(this.at - length, this.at) : EMPTY_BYTES;
  }

  /** A byte string behind its u16 length. */
  text(): string {
    const length = this.u16();
    return this.take(length) ? byteString(this.bytes, this.at - length, this.at) : '';
  }

  private take(length: number): boolean {
    if (!this.ok || this.end - this.at < length) {
      this.ok = false;
      return false;
    }
    this.at += length;
    return true;
  }
}

/** Writes little-endian fields into a buffer that grows. */
export class ByteWriter {
  bytes: Uint8Array;
  /** How many bytes have been written. */
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  u8(value: number): this {
    this.reserve(1);
    this.bytes[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    this.reserve(2);
    this.bytes[this.length++] = value;
    this.bytes[this.length++] = value >>> 8;
    return this;
  }

  u32(value: number): this {
    this.reserve(4);
    writeU32(this.bytes, this.length, value);
    this.length += 4;
    return this;
  }

  u64(value: number): this {
    this.reserve(8);
    writeU64(this.bytes, this.length, value);
    this.length += 8;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** A byte string behind its u16 length. */
  text(text: string): this {
    this.u16(text.length);
    return this.rawText(text);
  }

  /** A byte string without a length. */
  rawText(text: string): this {
    this.reserve(text.length);
    this.length += native.writeByteString(this.bytes, this.length, text);
    return this;
  }

  /** What has been written, as a slice of the buffer: valid until the next write or `clear`. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What has been written, as a copy that may be kept. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
