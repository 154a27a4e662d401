import { bytesOf } from '../base/bytes.ts';
import { type CommandInfo, NO_KEYS, type ReplicatedCommand } from './commands/info.ts';
import { keyCommands } from './commands/keys.ts';
import { type PlannedCommand, plannedCommands } from './commands/planned.ts';
import { stringCommands } from './commands/strings.ts';
import {
  type ErrorReply,
  notSupportedYet,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from './errors.ts';
import { keySlot } from './slots.ts';
import { isWord, wordHash } from './words.ts';

/** Answered by the node that the client is connected to, whoever leads. */
export interface ConnectionCommand extends CommandInfo {
  readonly where: 'connection';
  readonly name: ConnectionCommandName;
}

/** Whoever answers these has a table of handlers: `Record<ConnectionCommandName, …>`. */
export type ConnectionCommandName =
  | 'ping'
  | 'echo'
  | 'quit'
  | 'hello'
  | 'client|capa'
  | 'client|setinfo'
  | 'cluster|info'
  | 'cluster|keyslot'
  | 'cluster|myid'
  | 'cluster|nodes'
  | 'cluster|shards'
  | 'cluster|slots'
  | 'command'
  | 'command|docs'
  | 'status';

export type CommandSpec = ReplicatedCommand | ConnectionCommand;

const connectionCommand = {
  where: 'connection',
  argumentsMax: 0,
  flags: ['fast'],
  keys: NO_KEYS,
  group: 'connection',
  complexity: 'O(1)',
  since: '0.1.0',
  remark: '',
} as const;

/** Every command there is, in the order of `dkvs help`. */
export const commands: readonly CommandSpec[] = [
  ...stringCommands,
  ...keyCommands,
  {
    ...connectionCommand,
    name: 'ping',
    arity: -1,
    argumentsMax: 2,
    summary: 'Answers PONG, or the message.',
    syntax: 'PING [message]',
  },
  {
    ...connectionCommand,
    name: 'echo',
    arity: 2,
    summary: 'Answers the message.',
    syntax: 'ECHO message',
  },
  {
    ...connectionCommand,
    name: 'quit',
    arity: -1,
    summary: 'Closes the connection, once everything before it is answered.',
    syntax: 'QUIT',
  },
  {
    ...connectionCommand,
    name: 'hello',
    arity: -1,
    summary: 'Chooses the version of the protocol: 2.',
    syntax: 'HELLO [protover]',
  },
  {
    ...connectionCommand,
    name: 'client|capa',
    arity: -3,
    summary: 'Says what the client understands; "redirect": REDIRECT instead of MOVED.',
    syntax: 'CLIENT CAPA capability [capability ...]',
  },
  {
    ...connectionCommand,
    name: 'client|setinfo',
    arity: 4,
    summary: 'Names the library of the client and its version.',
    syntax: 'CLIENT SETINFO LIB-NAME | LIB-VER value',
  },
  {
    ...connectionCommand,
    name: 'cluster|info',
    arity: 2,
    group: 'server',
    summary: 'Returns the state of the cluster in the form of Redis Cluster.',
    syntax: 'CLUSTER INFO',
  },
  {
    ...connectionCommand,
    name: 'cluster|keyslot',
    arity: 3,
    group: 'server',
    summary: 'Returns the hash slot of a key.',
    syntax: 'CLUSTER KEYSLOT key',
  },
  {
    ...connectionCommand,
    name: 'cluster|myid',
    arity: 2,
    group: 'server',
    summary: 'Returns the name of this node in the form of Redis Cluster.',
    syntax: 'CLUSTER MYID',
  },
  {
    ...connectionCommand,
    name: 'cluster|nodes',
    arity: 2,
    group: 'server',
    summary: 'Lists the nodes in the form of Redis Cluster: the leader owns every slot.',
    syntax: 'CLUSTER NODES',
  },
  {
    ...connectionCommand,
    name: 'cluster|shards',
    arity: 2,
    group: 'server',
    summary: 'Describes the one shard: its leader and its followers.',
    syntax: 'CLUSTER SHARDS',
  },
  {
    ...connectionCommand,
    name: 'cluster|slots',
    arity: 2,
    group: 'server',
    summary: 'Maps every slot to the leader, the followers behind it.',
    syntax: 'CLUSTER SLOTS',
  },
  {
    ...connectionCommand,
    name: 'command',
    arity: -1,
    group: 'server',
    summary: 'Describes the commands.',
    syntax: 'COMMAND',
  },
  {
    ...connectionCommand,
    name: 'command|docs',
    arity: -2,
    group: 'server',
    summary: 'Describes commands for people.',
    syntax: 'COMMAND DOCS [command ...]',
  },
  {
    ...connectionCommand,
    name: 'status',
    arity: 1,
    flags: ['admin', 'fast'],
    group: 'server',
    summary: 'Returns the state of this node as one JSON object.',
    syntax: 'STATUS',
  },
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
    if (subcommand === null) return unknownSubcommand(entry.word, args[1]!);
    spec = subcommand.spec;
  }
  if (entry.planned !== null) {
    return notSupportedYet(entry.word.toUpperCase(), entry.planned.lack);
  }
  if (spec === null) return wrongArity(entry.word);
  return arityFits(spec, args.length) ? spec : wrongArity(spec.name);
}

/** The slot of the first key; 0 for a command without one (DESIGN §6). */
export function commandSlot(spec: CommandSpec, args: readonly Uint8Array[]): number {
  const key = spec.keys.first === 0 ? undefined : args[spec.keys.first];
  return key === undefined ? 0 : keySlot(key);
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
  planned: PlannedCommand | null;
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

for (const planned of plannedCommands) entryOf(index, planned.name).planned = planned;

/** Finds or makes. */
function entryOf(words: WordIndex, word: string): IndexEntry {
  const bytes = bytesOf(word);
  const found = lookup(words, bytes);
  if (found !== null) return found;
  const entry: IndexEntry = { word, spec: null, subcommands: null, planned: null };
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
