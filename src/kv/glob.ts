/**
 * Redis's glob-style patterns over byte strings: `*`, `?`, `[a-c]`, `[^x]`, and `\` before a byte
 * that stands for itself. Compiled once, then matched without recursion: a failed match goes back
 * to the last star only, so it takes at most pattern times text steps, where backtracking to every
 * star would take exponentially many.
 *
 * Bytes are unsigned. In Redis they are C's `char`, signed on x86, so there a range that crosses
 * 0x7f means something else on every other processor.
 */
export class Glob {
  /** What every text that matches starts with. */
  readonly prefix: string;
  private readonly tokens: readonly Token[];
  /** Tokens compared with a byte, in all matches of this glob so far. */
  private steps = 0;

  constructor(pattern: string) {
    this.tokens = compile(pattern);
    let prefix = '';
    for (const token of this.tokens) {
      if (typeof token !== 'number' || token < 0) break;
      prefix += String.fromCharCode(token);
    }
    this.prefix = prefix;
  }

  /** @param stepsMax how many comparisons this glob may take, those of earlier calls included. */
  matches(text: string, stepsMax: number): boolean | 'too costly' {
    const { tokens } = this;
    let token = 0;
    let at = 0;
    /** Where to go on after a mismatch: behind the last star, one byte further each time. */
    let starToken = -1;
    let starAt = 0;
    while (at < text.length) {
      if (++this.steps > stepsMax) return 'too costly';
      const current = tokens[token];
      if (current === STAR) {
        starToken = ++token;
        starAt = at;
        if (token === tokens.length) return true;
      } else if (current !== undefined && matchesByte(current, text.charCodeAt(at))) {
        token++;
        at++;
      } else if (starToken >= 0) {
        token = starToken;
        at = ++starAt;
      } else return false;
    }
    while (tokens[token] === STAR) token++;
    return token === tokens.length;
  }
}

/** A byte that stands for itself, one of the two below, or a set of bytes. */
type Token = number | ByteSet;
const STAR = -1;
const ANY = -2;

/** 256 bits. */
type ByteSet = Uint8Array;

function matchesByte(token: Token, byte: number): boolean {
  if (typeof token === 'number') return token === byte || token === ANY;
  return (token[byte >> 3]! & (1 << (byte & 7))) !== 0;
}

function compile(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else if (char === '?') tokens.push(ANY);
    else if (char === '[') {
      const { set, end } = compileSet(pattern, at + 1);
      tokens.push(set);
      at = end;
    } else {
      // A backslash at the very end stands for itself.
      if (char === '\\' && at + 1 < pattern.length) at++;
      tokens.push(pattern.charCodeAt(at));
    }
  }
  return tokens;
}

/**
 * What stands between brackets, with Redis's way of reading what is odd: a set that isn't closed
 * ends with the pattern; a range takes any byte for its end, the closing bracket too; a range
 * written backwards is turned round.
 * @returns `end`: where the closing bracket stands.
 */
function compileSet(pattern: string, from: number): { set: ByteSet; end: number } {
  const set = new Uint8Array(32);
  const add = (byte: number) => {
    set[byte >> 3]! |= 1 << (byte & 7);
  };
  let at = from;
  const negated = pattern[at] === '^';
  if (negated) at++;
  for (; at < pattern.length && pattern[at] !== ']'; at++) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      at++;
      add(pattern.charCodeAt(at));
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const [a, b] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      for (let byte = Math.min(a, b); byte <= Math.max(a, b); byte++) add(byte);
      at += 2;
    } else add(pattern.charCodeAt(at));
  }
  if (negated) for (let i = 0; i < set.length; i++) set[i] = ~set[i]!;
  return { set, end: at };
}
