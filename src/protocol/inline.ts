import { EMPTY_BYTES } from '../base/bytes.ts';

const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const LOWER_X = 0x78;

/** What a backslash and a letter stand for between double quotes: \n \r \t \b \a. */
const ESCAPES = new Map<number, number>([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x61, 0x07],
]);

/**
 * Splits a typed line into arguments as Redis does (`sdssplitargs`): white space separates; between
 * double quotes there are the escapes \n \r \t \b \a \xHH and, for any other character, itself;
 * between single quotes only \' is one. A closing quote must be followed by white space or the end.
 * Unlike there, a NUL is a character like any other.
 * @param line without its line ending; copied.
 * @returns null when quotes are unbalanced.
 */
export function splitInline(line: Uint8Array): Uint8Array[] | null {
  const args: Uint8Array[] = [];
  // What is unescaped is never longer than what was typed.
  const out = new Uint8Array(line.length);
  let length = 0;
  for (let at = 0; ; ) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (at === line.length) return args;
    const start = length;
    while (at < line.length && !isSpace(line[at]!)) {
      const char = line[at]!;
      if (char !== DOUBLE_QUOTE && char !== SINGLE_QUOTE) {
        out[length++] = char;
        at++;
        continue;
      }
      const quoted = char === DOUBLE_QUOTE ? doubleQuoted : singleQuoted;
      const to = quoted(line, at + 1, out, length);
      if (to === null) return null;
      length += to.written;
      at = to.at;
      if (at < line.length && !isSpace(line[at]!)) return null;
    }
    args.push(start === length ? EMPTY_BYTES : out.subarray(start, length));
  }
}

/** Where the line goes on behind the closing quote, and how many bytes were unescaped. */
interface Unquoted {
  readonly at: number;
  readonly written: number;
}

function doubleQuoted(
  line: Uint8Array,
  from: number,
  out: Uint8Array,
  start: number,
): Unquoted | null {
  let to = start;
  for (let at = from; at < line.length; ) {
    const char = line[at]!;
    if (char === DOUBLE_QUOTE) return { at: at + 1, written: to - start };
    if (char !== BACKSLASH || at + 1 === line.length) {
      out[to++] = char;
      at++;
      continue;
    }
    const letter = line[at + 1]!;
    const high = letter === LOWER_X ? hexDigit(line[at + 2]) : -1;
    const low = high < 0 ? -1 : hexDigit(line[at + 3]);
    if (low >= 0) {
      out[to++] = high * 16 + low;
      at += 4;
    } else {
      out[to++] = ESCAPES.get(letter) ?? letter;
      at += 2;
    }
  }
  return null;
}

function singleQuoted(
  line: Uint8Array,
  from: number,
  out: Uint8Array,
  start: number,
): Unquoted | null {
  let to = start;
  for (let at = from; at < line.length; at++) {
    if (line[at] === SINGLE_QUOTE) return { at: at + 1, written: to - start };
    if (line[at] === BACKSLASH && line[at + 1] === SINGLE_QUOTE) at++;
    out[to++] = line[at]!;
  }
  return null;
}

/** C's isspace: space, and HT LF VT FF CR. */
export function isSpace(char: number): boolean {
  return char === 0x20 || (char >= 0x09 && char <= 0x0d);
}

/** -1 when it is none. */
function hexDigit(char: number | undefined): number {
  if (char === undefined) return -1;
  if (char >= 0x30 && char <= 0x39) return char - 0x30;
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
