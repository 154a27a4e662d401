import type { Limits } from '../../base/limits.ts';
import type { Command } from '../../kv/command.ts';
import type { ErrorReply } from '../errors.ts';

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
  readonly group: CommandGroup;
  readonly summary: string;
  /** How to write it. */
  readonly syntax: string;
  /** As Redis words it. */
  readonly complexity: string;
  /** The version of DKVS that had it first. */
  readonly since: string;
  /** Where it answers otherwise than Redis does; empty: nowhere. For docs/commands.md. */
  readonly remark: string;
}

/** Redis's own words for groups. */
export type CommandGroup = 'string' | 'generic' | 'connection' | 'server' | 'cluster';

/** Redis's own words, as COMMAND INFO has them. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'noscript'
  | 'loading'
  | 'stale'
  | 'fast'
  | 'no_auth'
  | 'allow_busy'
  | 'blocking';

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

/**
 * Makes the replicated command of a request whose arity is right, or says what is wrong with it.
 * What depends on the node's limits is decided here, at the door, and never where it is applied.
 */
export type ParseCommand = (args: readonly Uint8Array[], limits: Limits) => Command | ErrorReply;

export const NO_KEYS: KeyPositions = { first: 0, last: 0, step: 0 };
export const ONE_KEY: KeyPositions = { first: 1, last: 1, step: 1 };
export const TWO_KEYS: KeyPositions = { first: 1, last: 2, step: 1 };
export const ALL_KEYS: KeyPositions = { first: 1, last: -1, step: 1 };
export const KEYS_AND_VALUES: KeyPositions = { first: 1, last: -1, step: 2 };

/** What most commands have in common that are not replicated. */
export const ON_CONNECTION = {
  where: 'connection',
  argumentsMax: 0,
  keys: NO_KEYS,
  complexity: 'O(1)',
  since: '0.1.0',
  remark: '',
  inOrder: false,
} as const;

/** How many arguments those of them may have that do work for each, at once: Redis sets no bound, and
 *  a request has a million. */
export const WORDS_MAX = 128;
export const LIST_MAX = 8192;

/** Redis's ACL categories of keys as a whole, beyond those of their group. */
const KEYSPACE = new Set(['dbsize', 'flushall', 'flushdb']);
const DANGEROUS = new Set(['keys', 'flushall', 'flushdb']);

/** Redis's ACL categories, without the "@": they follow from the group and the flags. */
export function aclCategories({ name, group, flags }: CommandInfo): readonly string[] {
  const categories: string[] = [];
  if (group === 'generic' || KEYSPACE.has(name)) categories.push('keyspace');
  if (flags.includes('readonly')) categories.push('read');
  if (flags.includes('write')) categories.push('write');
  if (group === 'string') categories.push('string');
  if (flags.includes('admin')) categories.push('admin');
  categories.push(flags.includes('fast') ? 'fast' : 'slow');
  if (flags.includes('blocking')) categories.push('blocking');
  if (flags.includes('admin') || DANGEROUS.has(name)) categories.push('dangerous');
  if (group === 'connection') categories.push('connection');
  return categories;
}

/** A remark: what `Limits.commandKeysMax` and `Limits.entryBytesMax` are by default. */
export const AT_ONCE = 'At most 1024 keys, and 3 MiB, at once.';
