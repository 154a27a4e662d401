import { unreachable } from '../base/assert.ts';
import { byteString, concatBytes } from '../base/bytes.ts';
import type { RespValue } from '../protocol/resp-reader.ts';
import { usageError } from './exit.ts';
import type { Output } from './io.ts';
import type { OptionSpec, Settings } from './settings.ts';

const NEWLINE = new Uint8Array([10]);
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * How replies are printed: for people, as redis-cli does; and, each a stable contract, as the bytes
 * themselves, as JSON, as CSV.
 */
export const outputFormats = ['human', 'raw', 'json', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export const jsonOption: OptionSpec = {
  name: 'json',
  kind: 'flag',
  placeholder: '',
  summary: 'print JSON, a stable contract',
};

/** Of every command that prints replies. */
export const outputOptions: readonly OptionSpec[] = [
  jsonOption,
  { name: 'csv', kind: 'flag', placeholder: '', summary: 'print CSV: one row a reply' },
  { name: 'raw', kind: 'flag', placeholder: '', summary: 'print bytes as they are, as on a pipe' },
];

/**
 * The format that the flags ask for; else for people on a terminal, raw anywhere else.
 * @throws CliError when they ask for two.
 */
export function formatOf(settings: Settings, output: Output): OutputFormat {
  const asked = (['json', 'csv', 'raw'] as const).filter((name) => settings.flag(name));
  if (asked.length > 1) throw usageError(`--${asked[0]} and --${asked[1]} exclude each other`);
  return asked[0] ?? (output.isTty ? 'human' : 'raw');
}

/** A reply as it is printed, the end of its line included. */
export function formatReply(value: RespValue, format: OutputFormat): Uint8Array {
  switch (format) {
    case 'human':
      return encoder.encode(`${humanReply(value)}\n`);
    case 'raw':
      return rawReply(value);
    case 'json':
      return encoder.encode(`${jsonReply(value)}\n`);
    case 'csv':
      return csvReply(value);
    default:
      return unreachable(format);
  }
}

/** Their reply is a page of text, and for a person it is shown as one: redis-cli does the same. */
const PAGES: ReadonlySet<string> = new Set([
  ...['info', 'lolwut'],
  ...['client info', 'client list', 'cluster info', 'cluster nodes'],
]);

/** The reply to a request, as it is printed: as any other, but for pages of text. */
export function formatAnswer(
  request: readonly (string | Uint8Array)[],
  value: RespValue,
  format: OutputFormat,
): Uint8Array {
  const [first = '', second = ''] = request.map((word) =>
    (typeof word === 'string' ? word : byteString(word)).toLowerCase(),
  );
  const isPage = PAGES.has(first) || PAGES.has(`${first} ${second}`);
  const text = isPage && format === 'human' && value.kind === 'bulk' ? textOf(value.bytes) : null;
  if (text === null) return formatReply(value, format);
  return encoder.encode(`${harmless(text.replaceAll('\r\n', '\n').trimEnd())}\n`);
}

/**
 * A reply for a program: a value's bytes exactly as they are stored, with one newline behind;
 * numbers as digits; items of an array one a line; nothing at all for a value that isn't there.
 */
export function rawReply(value: RespValue): Uint8Array {
  switch (value.kind) {
    case 'simple':
    case 'error':
      return encoder.encode(`${value.text}\n`);
    case 'integer':
    case 'bigNumber':
    case 'double':
    case 'boolean':
      return encoder.encode(`${value.value}\n`);
    case 'bulk':
    case 'verbatim':
      return concatBytes([value.bytes, NEWLINE]);
    case 'null':
      return new Uint8Array(0);
    case 'map':
      return concatBytes(value.entries.flat().map(rawReply));
    case 'array':
    case 'set':
    case 'push':
      return concatBytes(value.items.map(rawReply));
    default:
      return unreachable(value);
  }
}

/** A reply for a person, as redis-cli shows it: OK, (integer) 3, "quoted", (nil), 1) … */
export function humanReply(value: RespValue, indent = ''): string {
  switch (value.kind) {
    case 'simple':
      return harmless(value.text);
    case 'error':
      return `(error) ${harmless(value.text)}`;
    case 'integer':
    case 'bigNumber':
      return `(integer) ${value.value}`;
    case 'double':
    case 'boolean':
      return `(${value.kind}) ${value.value}`;
    case 'bulk':
    case 'verbatim':
      return quote(value.bytes);
    case 'null':
      return '(nil)';
    case 'map':
      return numbered(value.entries.flat(), indent);
    case 'array':
    case 'set':
    case 'push':
      return numbered(value.items, indent);
    default:
      return unreachable(value);
  }
}

function numbered(items: readonly RespValue[], indent: string): string {
  if (items.length === 0) return '(empty array)';
  const lines = items.map((item, i) => {
    const label = `${i + 1}) `;
    return label + humanReply(item, indent + ' '.repeat(label.length));
  });
  return lines.join(`\n${indent}`);
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
    case 'bigNumber':
      return String(value.value);
    case 'double':
    case 'boolean':
      return JSON.stringify(value.value);
    case 'bulk':
    case 'verbatim':
      return jsonBytes(value.bytes);
    case 'null':
      return 'null';
    case 'map':
      return jsonList(value.entries.map(([key, item]) => jsonList([key, item].map(jsonReply))));
    case 'array':
    case 'set':
    case 'push':
      return jsonList(value.items.map(jsonReply));
    default:
      return unreachable(value);
  }
}

const jsonList = (items: readonly string[]): string => `[${items.join(',')}]`;

export function jsonBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return JSON.stringify(text ?? { base64: Buffer.from(bytes).toString('base64') });
}

/**
 * A reply as one row of CSV (RFC 4180): text between double quotes, those within doubled, its bytes
 * as they are; numbers bare; nothing between the commas for what isn't there; arrays flattened.
 */
export function csvReply(value: RespValue): Uint8Array {
  const parts = csvFields(value).flatMap((field, i) => (i === 0 ? [field] : [COMMA, field]));
  return concatBytes([...parts, NEWLINE]);
}

const COMMA = encoder.encode(',');

function csvFields(value: RespValue): readonly Uint8Array[] {
  switch (value.kind) {
    case 'simple':
    case 'error':
      return [csvText(encoder.encode(value.text))];
    case 'integer':
    case 'bigNumber':
    case 'double':
    case 'boolean':
      return [encoder.encode(String(value.value))];
    case 'bulk':
    case 'verbatim':
      return [csvText(value.bytes)];
    case 'null':
      return [new Uint8Array(0)];
    case 'map':
      return value.entries.flat().flatMap(csvFields);
    case 'array':
    case 'set':
    case 'push':
      return value.items.flatMap(csvFields);
    default:
      return unreachable(value);
  }
}

function csvText(bytes: Uint8Array): Uint8Array {
  // Byte for byte: what is no UTF-8 must come through.
  const text = Buffer.from(bytes).toString('latin1').replaceAll('"', '""');
  return Buffer.from(`"${text}"`, 'latin1');
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

/** Quoted, and no longer than about `charsMax`: the whole length stands behind what is cut off. */
export function quoteStart(bytes: Uint8Array, charsMax: number): string {
  const text = textOf(bytes);
  const chars = text === null ? null : [...text];
  if ((chars ?? bytes).length <= charsMax) return quote(bytes);
  const start = chars?.slice(0, charsMax).join('');
  const shown = start === undefined ? bytes.subarray(0, charsMax) : encoder.encode(start);
  return `${quote(shown)}… (${bytes.length} bytes)`;
}

/** Quoted so that no byte can act on the terminal; readable text stays readable. */
export function quote(bytes: Uint8Array): string {
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

/** A text that can't act on the terminal: an error may repeat what somebody else has sent. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what has to go.
  return text.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, (char) => hexEscape(char.charCodeAt(0)));
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
