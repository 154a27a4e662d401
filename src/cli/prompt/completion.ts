import { byteString } from '../../base/bytes.ts';
import type { CommandInfo } from '../../protocol/commands/info.ts';
import { lastWordOf, typedWord } from './words.ts';

/** What a word could become, each as it is typed and with the space behind it, and what it is now. */
export interface Completion {
  readonly candidates: readonly string[];
  readonly typed: string;
}

export interface CompletionSource {
  readonly commands: readonly CommandInfo[];
  /** With their dots. */
  readonly dotCommands: readonly string[];
  /** Keys that start with these bytes: some, soon, or none. */
  readonly keys: (prefix: Uint8Array) => Promise<readonly Uint8Array[]>;
}

/** Completes the last word of what was typed: a command, a subcommand, a key, a word of its syntax. */
export async function complete(text: string, source: CompletionSource): Promise<Completion> {
  const word = lastWordOf(text);
  if (word === null) return { candidates: [], typed: '' };
  const { typed } = word;
  const before = word.before.map((bytes) => byteString(bytes));
  if (before.length === 0) {
    const isDot = typed.startsWith('.');
    const names = isDot ? source.dotCommands : firstWords(source.commands);
    return { candidates: matching(names, typed), typed };
  }
  if (before[0]!.toLowerCase() === '.help') {
    const names = [...firstWords(source.commands), ...source.dotCommands];
    return { candidates: matching(names, typed), typed };
  }
  const subcommands = before.length === 1 ? secondWords(source.commands, before[0]!) : [];
  if (subcommands.length > 0) return { candidates: matching(subcommands, typed), typed };
  const spec = specOf(source.commands, before);
  if (spec === null) return { candidates: [], typed };
  if (isKey(spec, before.length)) {
    const keys = await source.keys(word.bytes);
    return { candidates: keys.map((key) => `${typedKey(key, typed)} `), typed };
  }
  // Nothing typed would offer every word there is; that is what the hint is for.
  return { candidates: typed === '' ? [] : matching(optionWords(spec), typed), typed };
}

/** What may follow a text, in the words of its command's syntax: "value [NX | XX]". */
export function hintFor(text: string, commands: readonly CommandInfo[]): string {
  const word = lastWordOf(text);
  if (word === null) return '';
  const words = word.before.map((bytes) => byteString(bytes));
  // A word that is being typed counts: its place is taken.
  if (word.typed !== '') words.push(byteString(word.bytes));
  const spec = specOf(commands, words);
  if (spec === null) return '';
  const nameWords = spec.name.split('|').length;
  const parts = syntaxParts(spec.syntax).slice(nameWords);
  const hint = withoutTaken(parts, words.slice(nameWords)).join(' ');
  return hint === '' || word.typed === '' ? hint : ` ${hint}`;
}

/** The command that these words start with; null when there is none of that name. */
export function specOf(
  commands: readonly CommandInfo[],
  words: readonly string[],
): CommandInfo | null {
  const [first = '', second = ''] = words.map((word) => word.toLowerCase());
  const find = (name: string) => commands.find((spec) => spec.name === name) ?? null;
  return find(`${first}|${second}`) ?? find(first);
}

const firstWords = (commands: readonly CommandInfo[]): readonly string[] => [
  ...new Set(commands.map(({ name }) => name.split('|')[0]!)),
];

function secondWords(commands: readonly CommandInfo[], first: string): readonly string[] {
  const start = `${first.toLowerCase()}|`;
  return commands
    .filter(({ name }) => name.startsWith(start))
    .map(({ name }) => name.slice(start.length));
}

/** The words that start so, in the case of what was typed: capitals unless that has small letters. */
function matching(words: readonly string[], typed: string): readonly string[] {
  const isSmall = /[a-z]/.test(typed) || typed.startsWith('.');
  return words
    .map((word) => (isSmall ? word.toLowerCase() : word.toUpperCase()))
    .filter((word) => word.startsWith(typed))
    .map((word) => `${word} `);
}

function isKey({ keys: { first, last, step } }: CommandInfo, position: number): boolean {
  if (first === 0 || position < first || (position - first) % step !== 0) return false;
  return last < 0 || position <= last;
}

/** A key as it is typed, between quotes if it was begun so. */
function typedKey(key: Uint8Array, typed: string): string {
  const word = typedWord(key);
  return typed.startsWith('"') && !word.startsWith('"') ? `"${word}"` : word;
}

/** The words in capitals of a syntax, but for its name: NX, XX, GET. */
function optionWords({ name, syntax }: CommandInfo): readonly string[] {
  const words = syntax.split(/[\s[\]|]+/).slice(name.split('|').length);
  return [...new Set(words.filter((word) => /^[A-Z][A-Z-]*$/.test(word)))];
}

/** The parts of a syntax that stand beside each other: words, and what is in brackets as a whole. */
function syntaxParts(syntax: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  for (const word of syntax.split(' ')) {
    if (depth > 0) parts[parts.length - 1] += ` ${word}`;
    else parts.push(word);
    depth += word.split('[').length - word.split(']').length;
  }
  return parts;
}

/** What is left of a syntax behind these arguments; what may be repeated is left for ever. */
function withoutTaken(parts: readonly string[], args: readonly string[]): readonly string[] {
  const required = parts.findIndex((part) => part.startsWith('['));
  const fixed = required < 0 ? parts.length : required;
  const rest = args.slice(fixed).map((arg) => arg.toUpperCase());
  const options = parts.slice(fixed).filter((part) => {
    const words = part.split(/[\s[\]|]+/);
    return part.includes('...') || !rest.some((arg) => words.includes(arg));
  });
  return [...parts.slice(Math.min(args.length, fixed), fixed), ...options];
}
