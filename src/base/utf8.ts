import { byteString } from './bytes.ts';

/**
 * UTF-8 as the Encoding Standard has it: what TextEncoder and TextDecoder do, where there are none.
 * Keys and values never pass through here; only text that a person reads or writes does.
 */
const REPLACEMENT = 0xfffd;

/** How many bytes `text` takes. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (isPair(text, i)) {
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}

/**
 * Writes `text` at `at`, where there must be room for `utf8Length(text)` bytes. Half a surrogate
 * pair becomes U+FFFD.
 * @returns how many bytes were written.
 */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  let to = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[to++] = unit;
      continue;
    }
    let point = unit;
    if (isPair(text, i)) {
      point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(i + 1) - 0xdc00);
      i++;
    } else if (unit >= 0xd800 && unit <= 0xdfff) point = REPLACEMENT;
    to = writePoint(bytes, to, point);
  }
  return to - at;
}

export function utf8Encode(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}

/** Never fails: each maximal part of a broken sequence becomes U+FFFD. A leading BOM is kept. */
export function utf8Decode(bytes: Uint8Array): string {
  if (isAscii(bytes)) return byteString(bytes);
  const parts: string[] = [];
  let points: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    at = readPoint(bytes, at, points);
    if (points.length === 1024) {
      parts.push(String.fromCodePoint(...points));
      points = [];
    }
  }
  parts.push(String.fromCodePoint(...points));
  return parts.join('');
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! >= 0x80) return false;
  return true;
}

function isPair(text: string, i: number): boolean {
  const unit = text.charCodeAt(i);
  const next = text.charCodeAt(i + 1); // NaN at the end
  return unit >= 0xd800 && unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff;
}

function writePoint(bytes: Uint8Array, at: number, point: number): number {
  if (point < 0x800) {
    bytes[at] = 0xc0 | (point >> 6);
    bytes[at + 1] = 0x80 | (point & 0x3f);
    return at + 2;
  }
  if (point < 0x10000) {
    bytes[at] = 0xe0 | (point >> 12);
    bytes[at + 1] = 0x80 | ((point >> 6) & 0x3f);
    bytes[at + 2] = 0x80 | (point & 0x3f);
    return at + 3;
  }
  bytes[at] = 0xf0 | (point >> 18);
  bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (point & 0x3f);
  return at + 4;
}

/** Appends the code point that starts at `at`, and returns where the next one starts. */
function readPoint(bytes: Uint8Array, at: number, points: number[]): number {
  const lead = bytes[at]!;
  if (lead < 0x80) {
    points.push(lead);
    return at + 1;
  }
  const more = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  let point = more === 0 ? REPLACEMENT : lead & (0x3f >> more);
  // The second byte's range keeps out overlong forms, surrogates and what is above U+10FFFF.
  let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i <= more; i++) {
    const byte = bytes[at + i]; // undefined at the end
    if (byte === undefined || byte < low || byte > high) {
      points.push(REPLACEMENT);
      return at + i;
    }
    point = (point << 6) | (byte & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  points.push(point);
  return at + 1 + more;
}
