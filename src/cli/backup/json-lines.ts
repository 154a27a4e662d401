import { textOf } from '../output.ts';

/** A key and its value, as one line of JSON (docs/backup.md). */
export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const encoder = new TextEncoder();
/** The canonical form of RFC 4648, § 4: what decodes to the same bytes in another way is no base64. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Each field as text where it is UTF-8, as base64 where it is not. */
export function encodeLine({ key, value }: Pair): string {
  return `{${encodeField('key', key)},${encodeField('value', value)}}\n`;
}

function encodeField(name: string, bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === null
    ? `"${name}64":"${Buffer.from(bytes).toString('base64')}"`
    : `"${name}":${JSON.stringify(text)}`;
}

/** Reads a line; what it can't mean exactly it does not take.
 *  @returns the pair, or what is wrong. */
export function decodeLine(line: string): Pair | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    return `no JSON: ${(error as Error).message}`;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return 'not an object, {"key":…,"value":…}';
  }
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const key = takeField(fields, 'key');
  if (typeof key === 'string') return key;
  const value = takeField(fields, 'value');
  if (typeof value === 'string') return value;
  const [unknown] = fields.keys();
  if (unknown !== undefined) return `the field ${JSON.stringify(unknown)} is unknown here`;
  if (key.length === 0) return 'the key is empty';
  return { key, value };
}

function takeField(fields: Map<string, unknown>, name: string): Uint8Array | string {
  const [plain, encoded] = [fields.get(name), fields.get(`${name}64`)];
  fields.delete(name);
  fields.delete(`${name}64`);
  if (plain !== undefined && encoded !== undefined) return `both ${name} and ${name}64`;
  if (plain === undefined && encoded === undefined) return `no ${name}, and no ${name}64`;
  const text = plain ?? encoded;
  if (typeof text !== 'string') return `${name} is no text`;
  if (plain === undefined) return decodeBase64(text) ?? `${name}64 is no base64`;
  // Half of a surrogate pair has no UTF-8: it would be stored as something else.
  return /\p{Surrogate}/u.test(text) ? `${name} holds half a character` : encoder.encode(text);
}

function decodeBase64(text: string): Uint8Array | null {
  if (!BASE64.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}
