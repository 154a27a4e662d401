import { bytesOf } from '../base/bytes.ts';
import {
  type ConnectionCommand,
  connectionCommands,
  lacksSubcommand,
} from './commands/connection.ts';
import type { ReplicatedCommand } from './commands/info.ts';
import { keyCommands } from './commands/keys.ts';
import { type PlannedCommand, plannedCommands } from './commands/planned.ts';
import { stringCommands } from './commands/strings.ts';
import {
  type ErrorReply,
  notSupportedYet,
  unknownCommand,
  unknownSubcommand,
  unsupportedSubcommand,
  wrongArity,
} from './errors.ts';
import { keySlot } from './slots.ts';
import { isWord, wordHash } from './words.ts';

export type CommandSpec = ReplicatedCommand | ConnectionCommand;

/** Every command there is, in the order of `dkvs help`. */
export const commands: readonly CommandSpec[] = [
  ...stringCommands,
  ...keyCommands,
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
