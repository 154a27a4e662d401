import { utf8Encode } from '../../base/utf8.ts';
import { splitInline } from '../../protocol/inline.ts';
import { quote, textOf } from '../output.ts';

/**
 * What a typed text lacks before it is a command: `quote`, one is open; `backslash`, its last
 * character says that the next line belongs to it; `nothing`.
 */
export type Missing = 'nothing' | 'quote' | 'backslash';

/** The word that a text ends in, which may be empty or still be quoted. */
export interface LastWord {
  /** The words before it. */
  readonly before: readonly Uint8Array[];
  /** As it was typed, its opening quote included. */
  readonly typed: string;
  /** What it stands for so far. */
  readonly bytes: Uint8Array;
}

export function missingOf(text: string): Missing {
  const { openQuote } = scan(text);
  if (text.endsWith('\\') && openQuote !== "'" && !endsInEscape(text, openQuote)) {
    return 'backslash';
  }
  return openQuote === '' ? 'nothing' : 'quote';
}

/**
 * A further line behind a text that lacks something. A line end between quotes is part of the value;
 * behind a backslash both vanish.
 */
export function continued(text: string, line: string): string {
  return missingOf(text) === 'backslash' ? text.slice(0, -1) + line : `${text}\n${line}`;
}

/** The words of a text; null when its quotes are wrong. */
export function wordsOf(text: string): readonly Uint8Array[] | null {
  return splitInline(utf8Encode(text));
}

/** Null when the quotes before it are wrong. */
export function lastWordOf(text: string): LastWord | null {
  const { openQuote, lastStart } = scan(text);
  const before = wordsOf(text.slice(0, lastStart));
  const typed = text.slice(lastStart);
  const [bytes = new Uint8Array(0)] = wordsOf(typed + openQuote) ?? [];
  return before === null ? null : { before, typed, bytes };
}

/** A word as it has to be typed: quoted if it needs that, and in any case on one line. */
export function typedWord(bytes: Uint8Array): string {
  const text = textOf(bytes);
  const quoted = quote(bytes);
  const isPlain = text !== null && text !== '' && quoted === `"${text}"` && !/[\s"'\\]/.test(text);
  return isPlain ? text : quoted;
}

/** Follows the quotes of a text, as `splitInline` does. */
function scan(text: string): { readonly openQuote: '' | '"' | "'"; readonly lastStart: number } {
  let openQuote: '' | '"' | "'" = '';
  let lastStart = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (openQuote === '') {
      if (char === '"' || char === "'") openQuote = char;
      else if (isSpace(char)) lastStart = at + 1;
    } else if (char === openQuote) {
      openQuote = '';
    } else if (char === '\\' && (openQuote === '"' || text[at + 1] === "'")) {
      at++;
    }
  }
  return { openQuote, lastStart };
}

/** Between double quotes, an even number of backslashes at the end are escaped ones. */
function endsInEscape(text: string, openQuote: string): boolean {
  const count = text.length - text.replace(/\\+$/, '').length;
  return openQuote === '"' && count % 2 === 0;
}

const isSpace = (char: string): boolean => /[ \t\n\v\f\r]/.test(char);
