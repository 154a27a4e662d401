import type { CommandInfo } from './commands/info.ts';

/**
 * What a command's `syntax` says, as a tree in the terms of COMMAND DOCS. The notation is that of
 * Redis's documentation: capitals are typed as they are, small letters stand for a value, `[]` may
 * be left out, `|` separates alternatives, `<>` groups, and `x [x ...]` may be repeated.
 */
export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  /** The word that stands before it, or that it is; empty when there is none. */
  readonly token: string;
  readonly optional: boolean;
  readonly multiple: boolean;
  /** Of a block, in this order; of a oneof, one of them. */
  readonly parts: readonly Argument[];
}

export type ArgumentType =
  | 'key'
  | 'string'
  | 'integer'
  | 'pattern'
  | 'pure-token'
  | 'oneof'
  | 'block';

const KEYS = words('key newkey source destination');
const INTEGERS = words(
  'client-id count cursor decrement end increment index numreplicas offset protover seconds slot ' +
    'snapshot-id start timeout version',
);

function words(line: string): ReadonlySet<string> {
  return new Set(line.split(' '));
}

function typeOf(name: string): ArgumentType {
  if (KEYS.has(name)) return 'key';
  if (INTEGERS.has(name)) return 'integer';
  return name === 'pattern' ? 'pattern' : 'string';
}

/** The arguments of a command, or of a subcommand, behind its name. */
export function argumentsOf({ name, syntax }: CommandInfo): readonly Argument[] {
  const words = syntax.match(/[[\]<>|]|\.\.\.|[^\s[\]<>|]+/g) ?? [];
  return new SyntaxReader(words.slice(name.split('|').length)).readAll();
}

/** Recursive descent over the words of a syntax. */
class SyntaxReader {
  private readonly words: readonly string[];
  private at = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  readAll(): readonly Argument[] {
    return this.readSequence();
  }

  /** Up to a closing bracket, an alternative or the end. */
  private readSequence(): Argument[] {
    const items: Argument[] = [];
    for (let word = this.words[this.at]; word !== undefined; word = this.words[this.at]) {
      if (word === ']' || word === '>' || word === '|' || word === '...') break;
      this.at++;
      if (word === '[') this.readOptional(items);
      else if (word === '<') items.push(this.readGroup());
      else items.push(this.readWord(word));
    }
    return items;
  }

  private readWord(word: string): Argument {
    if (!isToken(word)) {
      const type = typeOf(word);
      return { name: word, type, token: '', optional: false, multiple: false, parts: [] };
    }
    const next = this.words[this.at];
    if (next === '<') {
      this.at++;
      return { ...this.readGroup(), token: word };
    }
    if (next !== undefined && /^[a-z]/.test(next)) {
      this.at++;
      return { ...this.readWord(next), token: word };
    }
    const name = word.toLowerCase();
    return {
      name,
      type: 'pure-token',
      token: word,
      optional: false,
      multiple: false,
      parts: [],
    };
  }

  /** Behind "<", its ">" included. */
  private readGroup(): Argument {
    const group = this.readAlternatives();
    this.at++;
    return group;
  }

  /** Behind "[", its "]" included. `[x ...]` behind x says that x may be repeated. */
  private readOptional(before: Argument[]): void {
    const group = this.readAlternatives();
    const repeats = this.words[this.at] === '...';
    this.at += repeats ? 2 : 1;
    const repeated = repeats ? partsOf(group) : [];
    const from = before.length - repeated.length;
    const same = (part: Argument, i: number) => before[from + i]?.name === part.name;
    if (repeats && from >= 0 && repeated.every(same)) {
      const block = asOne(before.splice(from), 'block');
      before.push({ ...block, multiple: true });
    } else {
      before.push({ ...group, optional: true, multiple: group.multiple || repeats });
    }
  }

  private readAlternatives(): Argument {
    const alternatives = [asOne(this.readSequence(), 'block')];
    while (this.words[this.at] === '|') {
      this.at++;
      alternatives.push(asOne(this.readSequence(), 'block'));
    }
    return asOne(alternatives, 'oneof');
  }
}

const isToken = (word: string): boolean => /^[A-Z][A-Z0-9-]*$/.test(word);

const partsOf = (argument: Argument): readonly Argument[] =>
  argument.type === 'block' ? argument.parts : [argument];

/** One argument is itself; several are a block, or the alternatives of a oneof. */
function asOne(parts: readonly Argument[], type: 'block' | 'oneof'): Argument {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const name = first?.name ?? '';
  return { name, type, token: '', optional: false, multiple: false, parts };
}
