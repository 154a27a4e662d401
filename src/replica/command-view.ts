import { array, bulk, integer, map, NULL, type Reply, set, simple } from '../kv/reply.ts';
import { type CommandSpec, commands } from '../protocol/commands.ts';
import { type Argument, argumentsOf } from '../protocol/syntax.ts';

/**
 * The table of commands in the form in which Redis describes its own, for clients that ask what a
 * server can do (COMMAND INFO) and for the hints of redis-cli (COMMAND DOCS). There is no other
 * source: what the table does not say is not here.
 */
export interface CommandEntry {
  /** In lower case: "get", "client", "client|list". */
  readonly name: string;
  /** Null for a word that a subcommand has to follow. */
  readonly spec: CommandSpec | null;
  readonly subcommands: readonly CommandEntry[];
}

/** The commands; subcommands stand under theirs. */
export const entries: readonly CommandEntry[] = makeEntries();

function makeEntries(): readonly CommandEntry[] {
  const subcommandsOf = new Map<string, CommandEntry[]>();
  for (const { name } of commands) subcommandsOf.set(name.split('|')[0]!, []);
  for (const spec of commands) {
    const [word, sub] = spec.name.split('|') as [string, string | undefined];
    if (sub === undefined) continue;
    subcommandsOf.get(word)!.push({ name: spec.name, spec, subcommands: [] });
  }
  return [...subcommandsOf].map(([name, subcommands]) => ({
    name,
    spec: commands.find((spec) => spec.name === name) ?? null,
    subcommands,
  }));
}

const byName: ReadonlyMap<string, CommandEntry> = new Map(
  entries.flatMap((entry) => [entry, ...entry.subcommands]).map((entry) => [entry.name, entry]),
);

/** @param name in any case, a subcommand as "client|list" */
export const findEntry = (name: string): CommandEntry | undefined => byName.get(name.toLowerCase());

/** All names, each command before its subcommands. */
export const allNames: readonly string[] = [...byName.keys()];

/** A word that takes any subcommand, and no more is said of it. */
const CONTAINER_ARITY = -2;

/** The ten elements of COMMAND INFO. */
export function infoOf(entry: CommandEntry | undefined): Reply {
  if (entry === undefined) return NULL;
  const { name, spec, subcommands } = entry;
  const { first, last, step } = spec?.keys ?? { first: 0, last: 0, step: 0 };
  return array([
    bulk(name),
    integer(spec?.arity ?? CONTAINER_ARITY),
    set(flagsOf(spec).map(simple)),
    integer(first),
    integer(last),
    integer(step),
    set(categoriesOf(entry).map((category) => simple(`@${category}`))),
    set([]),
    set(keySpecs(spec)),
    set(subcommands.map(infoOf)),
  ]);
}

/** What a connection asks of its node is answered at any time, by any node. */
function flagsOf(spec: CommandSpec | null): readonly string[] {
  if (spec === null) return [];
  return spec.where === 'connection' ? [...spec.flags, 'loading', 'stale'] : spec.flags;
}

/** Redis's access control lists sort commands so, in this order; DKVS has none, but COMMAND LIST
 *  filters by it. */
export function categoriesOf({ spec, subcommands }: CommandEntry): readonly string[] {
  const described = spec ?? subcommands[0]!.spec!;
  const flags: readonly string[] = spec?.flags ?? [];
  const has = (flag: string) => flags.includes(flag);
  const belongs: readonly (readonly [string, boolean])[] = [
    ['keyspace', described.group === 'generic'],
    ['read', has('readonly')],
    ['write', has('write')],
    ['string', described.group === 'string'],
    ['admin', has('admin')],
    ['fast', has('fast')],
    ['slow', !has('fast')],
    ['blocking', has('blocking')],
    ['dangerous', has('admin')],
    ['connection', described.group === 'connection'],
  ];
  return belongs.filter(([, holds]) => holds).map(([category]) => category);
}

/** Where the keys stand, once more: in the words that replaced first, last and step. */
function keySpecs(spec: CommandSpec | null): readonly Reply[] {
  if (spec === null || spec.keys.first === 0) return [];
  const { first, last, step } = spec.keys;
  const access = spec.flags.includes('readonly') ? ['RO', 'access'] : ['RW', 'update'];
  return [
    named([
      ['flags', set(access.map(simple))],
      [
        'begin_search',
        named([
          ['type', bulk('index')],
          ['spec', named([['index', integer(first)]])],
        ]),
      ],
      [
        'find_keys',
        named([
          ['type', bulk('range')],
          [
            'spec',
            named([
              ['lastkey', integer(last > 0 ? last - first : last)],
              ['keystep', integer(step)],
              ['limit', integer(0)],
            ]),
          ],
        ]),
      ],
    ]),
  ];
}

/** The name of a command and its description for people, as COMMAND DOCS pairs them. */
export function docsOf(entry: CommandEntry): readonly [Reply, Reply] {
  const { name, spec, subcommands } = entry;
  const described = spec ?? subcommands[0]!.spec!;
  const fields: [string, Reply][] = [
    ['summary', bulk(spec?.summary ?? `A container for ${name.toUpperCase()} subcommands.`)],
    ['since', bulk(described.since)],
    ['group', bulk(described.group)],
  ];
  const args = spec === null ? [] : argumentsOf(spec);
  if (args.length > 0) fields.push(['arguments', array(args.map(argumentReply))]);
  if (subcommands.length > 0) fields.push(['subcommands', map(subcommands.map(docsOf))]);
  return [bulk(name), named(fields)];
}

function argumentReply({ name, type, token, optional, multiple, parts }: Argument): Reply {
  const fields: [string, Reply][] = [
    ['name', bulk(name)],
    ['type', bulk(type)],
  ];
  if (parts.length === 0 && type !== 'pure-token') fields.push(['display_text', bulk(name)]);
  if (type === 'key') fields.push(['key_spec_index', integer(0)]);
  if (token !== '') fields.push(['token', bulk(token)]);
  const flags = [...(optional ? ['optional'] : []), ...(multiple ? ['multiple'] : [])];
  if (flags.length > 0) fields.push(['flags', set(flags.map(simple))]);
  if (parts.length > 0) fields.push(['arguments', array(parts.map(argumentReply))]);
  return named(fields);
}

const named = (fields: readonly (readonly [string, Reply])[]): Reply =>
  map(fields.map(([name, value]) => [bulk(name), value]));
