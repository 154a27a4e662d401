import { Prng } from '../../src/base/prng.ts';
import { bytes } from '../protocol/chunks.ts';

/** One request: byte strings, the name first. */
export type Words = readonly string[];

const KEYS = ['a', 'b', 'ab', 'abc', 'k1', 'k2', 'K1', '\0', '\xff\xfe', 'a\r\nb', '{t}x', '[a]'];
const VALUES = [
  '',
  'hello',
  'Hello World',
  'x',
  '0',
  '1',
  '-1',
  '10',
  '007',
  ' 1',
  '1 ',
  '+1',
  '-0',
  '3.5',
  '-0.25',
  '1e3',
  '10.50',
  'inf',
  'nan',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775806',
  '9223372036854775808',
  '9007199254740993',
  '\0\x01\xff',
  'a'.repeat(100),
];
const INTEGERS = [
  '0',
  '1',
  '-1',
  '2',
  '5',
  '-5',
  '100',
  '-100',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999',
  '',
  'x',
  '1.0',
  '+1',
  '-0',
  '01',
  ' 1',
  '1\0',
  '0x10',
];
const FLOATS = [
  '0.5',
  '-0.5',
  '1e2',
  '+.25',
  '5.',
  '1.5e-2',
  '0.1',
  '3.14159265358979',
  '1e-17',
  '4e-18',
  '1e400',
  '-1e4000',
  '1e5000',
  '1e-5000',
  'inf',
  '-infinity',
  'nan',
  '.',
  'e1',
  '--1',
  '1,5',
];
const PATTERNS = [
  '*',
  'a*',
  '?',
  '??',
  '[ab]',
  '[^a]*',
  '[a-c]*',
  '[c-a]*',
  'k[0-9]',
  '\\[a]',
  '*b',
  '*\\',
  '[',
  '[]',
  '[^]',
  '[^',
  '[a',
  '[a-',
  '[a-]*',
  '[\\]a]*',
  'a**b*',
  '',
  '***',
  'abc',
];
const CURSORS = ['0', '0', '0', '', '+0', '00', '18446744073709551616', 'x', '1x', ' 0', '0x0'];
const OPTIONS = ['NX', 'XX', 'GET', 'nx', 'xX', 'EX', 'KEEPTTL', '10', 'x', '', 'REPLACE', 'DB'];

type Maker = (g: CommandGenerator) => Words;
const key = (g: CommandGenerator) => g.key();
const value = (g: CommandGenerator) => g.value();
const integer = (g: CommandGenerator) => g.integer();
const making =
  (name: string, ...args: ((g: CommandGenerator) => string)[]): Maker =>
  (g) => [name, ...args.map((arg) => arg(g))];

/** How each command is written when it is written well, and how often. */
const MAKERS: readonly [weight: number, maker: Maker][] = [
  [12, making('SET', key, value)],
  [6, (g) => ['SET', g.key(), g.value(), ...g.some(3, () => g.pick(OPTIONS))]],
  [8, making('GET', key)],
  [3, making('SETNX', key, value)],
  [3, making('GETSET', key, value)],
  [3, making('GETDEL', key)],
  [3, (g) => ['MGET', ...g.some(4, () => g.key())]],
  [3, (g) => ['MSET', ...g.some(4, () => g.key()).flatMap((name) => [name, g.value()])]],
  [3, (g) => ['MSETNX', ...g.some(3, () => g.key()).flatMap((name) => [name, g.value()])]],
  [3, (g) => ['DEL', ...g.some(3, () => g.key())]],
  [2, (g) => ['UNLINK', ...g.some(3, () => g.key())]],
  [2, (g) => ['EXISTS', ...g.some(4, () => g.key())]],
  [1, (g) => ['TOUCH', ...g.some(4, () => g.key())]],
  [3, making('INCR', key)],
  [3, making('DECR', key)],
  [3, making('INCRBY', key, integer)],
  [3, making('DECRBY', key, integer)],
  [4, making('INCRBYFLOAT', key, (g) => g.pick(FLOATS))],
  [3, making('APPEND', key, value)],
  [3, making('STRLEN', key)],
  [4, making('GETRANGE', key, integer, integer)],
  [1, making('SUBSTR', key, integer, integer)],
  [4, making('SETRANGE', key, (g) => g.offset(), value)],
  [2, making('TYPE', key)],
  [3, making('RENAME', key, key)],
  [3, making('RENAMENX', key, key)],
  [3, making('COPY', key, key)],
  [
    2,
    (g) => ['COPY', g.key(), g.key(), ...g.some(3, () => g.pick(['REPLACE', 'DB', '0', '1', 'x']))],
  ],
  [2, making('KEYS', (g) => g.pick(PATTERNS))],
  [2, making('SCAN', (g) => g.pick(CURSORS))],
  [2, (g) => ['SCAN', '0', 'COUNT', '1000', 'MATCH', g.pick(PATTERNS)]],
  [2, (g) => ['SCAN', g.pick(CURSORS), ...g.some(4, () => g.scanWord())]],
  [1, making('RANDOMKEY')],
  [2, making('DBSIZE')],
  [1, making('TTL', key)],
  [1, making('PTTL', key)],
  [1, making('EXPIRETIME', key)],
  [1, making('PEXPIRETIME', key)],
  [0.2, (g) => ['FLUSHALL', ...g.some(2, () => g.pick(['SYNC', 'async', 'x'])).slice(1)]],
  [0.2, (g) => ['FLUSHDB', ...g.some(2, () => g.pick(['SYNC', 'ASYNC', 'x'])).slice(1)]],
  [1, (g) => [g.pick(['NONSENSE', 'get\0', '', 'GETT']), ...g.some(3, () => g.value())]],
];
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

/** Requests of every kind, most of them well written: the same for the same seed. */
export class CommandGenerator {
  readonly random: Prng;

  constructor(seed: number) {
    this.random = new Prng(seed);
  }

  next(): Words {
    let at = this.random.float() * TOTAL;
    const [, maker] = MAKERS.find(([weight]) => (at -= weight) < 0) ?? MAKERS[0]!;
    const words = [...maker(this)];
    // One in twelve has a word too many, one too few, or another in a place where it is wrong.
    const slip = this.random.below(36);
    if (slip === 0) words.push(this.word());
    else if (slip === 1 && words.length > 1) words.pop();
    else if (slip === 2 && words.length > 1) {
      words[1 + this.random.below(words.length - 1)] = this.word();
    } else if (slip === 3) words[0] = words[0]!.toLowerCase();
    return words;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)]!;
  }

  /** 1 to `max` of them. */
  some<T>(max: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.random.below(max) }, make);
  }

  key(): string {
    return this.pick(KEYS);
  }

  value(): string {
    const kind = this.random.below(20);
    if (kind > 1) return this.pick(VALUES);
    const length = kind === 0 ? this.random.below(40) : this.random.below(1000);
    return String.fromCharCode(...this.random.bytes(length));
  }

  integer(): string {
    return this.random.chance(0.5) ? String(this.random.below(30) - 12) : this.pick(INTEGERS);
  }

  /** Mostly near the start, at times around the bound of 1 MiB. */
  offset(): string {
    const kind = this.random.below(100);
    if (kind === 0) return String(2 ** 20 - this.random.below(12));
    if (kind < 15) return this.pick(INTEGERS);
    return String(this.random.below(40));
  }

  scanWord(): string {
    const word = this.random.below(4);
    if (word === 0) return this.pick(['COUNT', 'MATCH', 'TYPE', 'count']);
    if (word === 1) return this.pick(['string', 'list', 'STRING', 'nonsense']);
    return word === 2 ? this.integer() : this.pick(PATTERNS);
  }

  private word(): string {
    return this.random.chance(0.5) ? this.value() : this.integer();
  }
}

export const wordBytes = (words: Words): Uint8Array[] => words.map(bytes);
