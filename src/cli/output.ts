import { concatBytes } from '../base/bytes.ts';
import type { RespValue } from '../client/wire.ts';

const NEWLINE = new Uint8Array([10]);
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A reply for a program: a value's bytes exactly as they are stored, with one newline behind;
 * integers as digits; items of an array one a line; nothing at all for a value that isn't there.
 */
export function rawReply(value: RespValue): Uint8Array {
  switch (value.kind) {
    case 'simple':
    case 'error':
      return encoder.encode(`${value.text}\n`);
    case 'integer':
      return encoder.encode(`${value.value}\n`);
    case 'bulk':
      return concatBytes([value.bytes, NEWLINE]);
    case 'null':
      return new Uint8Array(0);
    case 'array':
      return concatBytes(value.items.map(rawReply));
  }
}

/** A reply for a person, as redis-cli shows it: OK, (integer) 3, "quoted", (nil), 1) … */
export function humanReply(value: RespValue, indent = ''): string {
  switch (value.kind) {
    case 'simple':
      return value.text;
    case 'error':
      return `(error) ${value.text}`;
    case 'integer':
      return `(integer) ${value.value}`;
    case 'bulk':
      return quote(value.bytes);
    case 'null':
      return '(nil)';
    case 'array': {
      if (value.items.length === 0) return '(empty array)';
      const lines = value.items.map((item, i) => {
        const label = `${i + 1}) `;
        return label + humanReply(item, indent + ' '.repeat(label.length));
      });
      return lines.join(`\n${indent}`);
    }
  }
}

/**
 * A reply as JSON, a stable contract: text as a string, integers as digits (64 bits: more than a
 * double holds), what isn't there as null. Bytes that are no UTF-8 come as {"base64": "…"}.
 */
export function jsonReply(value: RespValue): string {
  switch (value.kind) {
    case 'simple':
    case 'error':
      return JSON.stringify(value.text);
    case 'integer':
      return String(value.value);
    case 'bulk': {
      const text = textOf(value.bytes);
      if (text !== null) return JSON.stringify(text);
      return JSON.stringify({ base64: Buffer.from(value.bytes).toString('base64') });
    }
    case 'null':
      return 'null';
    case 'array':
      return `[${value.items.map(jsonReply).join(',')}]`;
  }
}

/** The text whose UTF-8 these bytes are; null when they are none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

const ESCAPES = new Map([
  ['\\', '\\\\'],
  ['"', '\\"'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** Quoted so that no byte can act on the terminal; readable text stays readable. */
function quote(bytes: Uint8Array): string {
  const text = textOf(bytes) ?? Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  const isText = textOf(bytes) !== null;
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const isPlain = (code >= 0x20 && code < 0x7f) || (isText && code > 0x9f && !isInvisible(char));
    const escaped = ESCAPES.get(char);
    if (escaped !== undefined) quoted += escaped;
    else if (isPlain) quoted += char;
    else for (const byte of isText ? encoder.encode(char) : [code]) quoted += hexEscape(byte);
  }
  return `${quoted}"`;
}

const hexEscape = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

/** Format and separator characters: they could reorder or hide what stands beside them. */
const isInvisible = (char: string): boolean => /[\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u.test(char);

/** Columns padded to their widest cell; cells of `right` columns are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
