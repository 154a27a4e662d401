import { bytesOf } from '../base/bytes.ts';
import {
  type ParseCommand,
  parseDecr,
  parseDecrBy,
  parseDel,
  parseExists,
  parseGet,
  parseIncr,
  parseIncrBy,
  parseSet,
} from './command-parsers.ts';
import {
  type ConnectionCommand,
  connectionCommands,
  lacksSubcommand,
} from './commands/connection.ts';
import {
  type ErrorReply,
  unknownCommand,
  unknownSubcommand,
  unsupportedSubcommand,
  wrongArity,
} from './errors.ts';
import { keySlot } from './slots.ts';
import { isWord, wordHash } from './words.ts';

/** What is known of a command before it runs. */
export interface CommandInfo {
  /** In lower case; of a subcommand, behind its command: "client|capa". */
  readonly name: string;
  /** Redis's convention: how many arguments, the name included; negative: at least so many. */
  readonly arity: number;
  /** At most so many arguments, the name included; 0: as `arity` says. */
  readonly argumentsMax: number;
  readonly flags: readonly CommandFlag[];
  readonly keys: KeyPositions;
  readonly group: 'string' | 'generic' | 'connection' | 'server' | 'cluster';
  readonly summary: string;
  /** How to write it. */
  readonly syntax: string;
  /** The version of DKVS that had it first. */
  readonly since: string;
}

export type CommandFlag = 'write' | 'readonly' | 'fast' | 'admin' | 'blocking';

/** Which arguments are keys. `first` 0: none. `last` negative: counted from the end. */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** Goes through the log, and is answered by the state machine. */
export interface ReplicatedCommand extends CommandInfo {
  readonly where: 'replicated';
  readonly parse: ParseCommand;
}

export type CommandSpec = ReplicatedCommand | ConnectionCommand;

const ONE_KEY: KeyPositions = { first: 1, last: 1, step: 1 };
const ALL_KEYS: KeyPositions = { first: 1, last: -1, step: 1 };

const stringCommand = {
  where: 'replicated',
  argumentsMax: 0,
  keys: ONE_KEY,
  group: 'string',
  since: '0.1.0',
} as const;
const keysCommand = { ...stringCommand, keys: ALL_KEYS, group: 'generic' } as const;
/** Every command there is, in the order of `dkvs help`. */
export const commands: readonly CommandSpec[] = [
  {
    ...stringCommand,
    name: 'set',
    arity: -3,
    flags: ['write'],
    summary: 'Sets the value of a key, if the condition holds.',
    syntax: 'SET key value [NX | XX | IFEQ value | IFNE value] [GET]',
    parse: parseSet,
  },
  {
    ...stringCommand,
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    summary: 'Returns the value of a key.',
    syntax: 'GET key',
    parse: parseGet,
  },
  {
    ...keysCommand,
    name: 'del',
    arity: -2,
    flags: ['write'],
    summary: 'Deletes keys, all at once. Returns how many there were.',
    syntax: 'DEL key [key ...]',
    parse: parseDel,
  },
  {
    ...keysCommand,
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    summary: 'Returns how many of the keys exist.',
    syntax: 'EXISTS key [key ...]',
    parse: parseExists,
  },
  {
    ...stringCommand,
    name: 'incr',
    arity: 2,
    flags: ['write', 'fast'],
    summary: 'Adds one to the integer value of a key, 0 if there is none.',
    syntax: 'INCR key',
    parse: parseIncr,
  },
  {
    ...stringCommand,
    name: 'decr',
    arity: 2,
    flags: ['write', 'fast'],
    summary: 'Takes one from the integer value of a key, 0 if there is none.',
    syntax: 'DECR key',
    parse: parseDecr,
  },
  {
    ...stringCommand,
    name: 'incrby',
    arity: 3,
    flags: ['write', 'fast'],
    summary: 'Adds to the integer value of a key, 0 if there is none.',
    syntax: 'INCRBY key increment',
    parse: parseIncrBy,
  },
  {
    ...stringCommand,
    name: 'decrby',
    arity: 3,
    flags: ['write', 'fast'],
    summary: 'Takes from the integer value of a key, 0 if there is none.',
    syntax: 'DECRBY key decrement',
    parse: parseDecrBy,
  },
  ...connectionCommands,
];

/**
 * The command that a request names, with its arity checked; or the error that Redis would give.
 * Looking up allocates nothing.
 */
export function resolveCommand(args: readonly Uint8Array[]): CommandSpec | ErrorReply {
  const entry = lookup(index, args[0]!);
  if (entry === null) return unknownCommand(args);
  let spec = entry.spec;
  if (entry.subcommands !== null && args.length > 1) {
    const subcommand = lookup(entry.subcommands, args[1]!);
    if (subcommand === null) return noSuchSubcommand(entry.word, args[1]!);
    spec = subcommand.spec;
  }
  if (spec === null) return wrongArity(entry.word);
  return arityFits(spec, args.length) ? spec : wrongArity(spec.name);
}

/** The slot of the first key; 0 for a command without one (DESIGN §6). */
export function commandSlot(spec: CommandSpec, args: readonly Uint8Array[]): number {
  const key = spec.keys.first === 0 ? undefined : args[spec.keys.first];
  return key === undefined ? 0 : keySlot(key);
}

function noSuchSubcommand(command: string, subcommand: Uint8Array): ErrorReply {
  return lacksSubcommand(command, subcommand)
    ? unsupportedSubcommand(command, subcommand)
    : unknownSubcommand(command, subcommand);
}

function arityFits(spec: CommandSpec, count: number): boolean {
  if (spec.arity >= 0) return count === spec.arity;
  return count >= -spec.arity && (spec.argumentsMax === 0 || count <= spec.argumentsMax);
}

/** A word of the first or of the second place. `spec` is null where a subcommand has to follow. */
interface IndexEntry {
  readonly word: string;
  spec: CommandSpec | null;
  subcommands: WordIndex | null;
}

/** By `wordHash`; the few words that share one stand in a list. */
type WordIndex = Map<number, IndexEntry[]>;

const index: WordIndex = new Map();
for (const spec of commands) {
  const [first, second] = spec.name.split('|') as [string, string | undefined];
  const entry = entryOf(index, first);
  if (second === undefined) entry.spec = spec;
  else entryOf((entry.subcommands ??= new Map()), second).spec = spec;
}

/** Finds or makes. */
function entryOf(words: WordIndex, word: string): IndexEntry {
  const bytes = bytesOf(word);
  const found = lookup(words, bytes);
  if (found !== null) return found;
  const entry: IndexEntry = { word, spec: null, subcommands: null };
  const hash = wordHash(bytes);
  words.set(hash, [...(words.get(hash) ?? []), entry]);
  return entry;
}

function lookup(words: WordIndex, bytes: Uint8Array): IndexEntry | null {
  const entries = words.get(wordHash(bytes));
  if (entries === undefined) return null;
  for (const entry of entries) if (isWord(bytes, entry.word)) return entry;
  return null;
}
