import fc from 'fast-check';
import { bytesOf, concatBytes } from '../../src/base/bytes.ts';
import type { ProtocolError } from '../../src/protocol/resp-parser.ts';

export const bytes = (text: string): Uint8Array => bytesOf(text);

/** Cuts `whole` at the given places (taken modulo its length). */
export function cutAt(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [...at, whole.length].map((to, i) => whole.slice(i === 0 ? 0 : at[i - 1]!, to));
}

export function byteByByte(whole: Uint8Array): Uint8Array[] {
  return Array.from(whole, (byte) => Uint8Array.of(byte));
}

export const anyCuts = fc.array(fc.nat(), { maxLength: 12 });

interface Incremental<T> {
  feed(chunk: Uint8Array): void;
  next(): T | 'more' | 'empty' | ProtocolError;
}

/** Feeds chunk by chunk, pulls all there is after each, and ends with the protocol error. */
export function pullAll<T extends object>(
  parser: Incremental<T>,
  chunks: readonly Uint8Array[],
): { values: T[]; error: string | null } {
  const values: T[] = [];
  for (const chunk of chunks) {
    parser.feed(chunk);
    for (;;) {
      const value = parser.next();
      if (value === 'more') break;
      if (value === 'empty') continue;
      if ('protocolError' in value) return { values, error: value.protocolError };
      values.push(value);
    }
  }
  return { values, error: null };
}

export function request(...args: (string | Uint8Array)[]): Uint8Array {
  const parts = args.map((arg) => (typeof arg === 'string' ? bytes(arg) : arg));
  return concatBytes([
    bytes(`*${parts.length}\r\n`),
    ...parts.flatMap((part) => [bytes(`$${part.length}\r\n`), part, bytes('\r\n')]),
  ]);
}
