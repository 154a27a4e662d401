import type { Argument } from '../../client/client.ts';
import { ReplyError } from '../../client/errors.ts';
import { xxh3Hex } from '../../kv/xxh3.ts';
import { type CommandSpec, commands } from '../../protocol/commands.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import type { CliCommand, CommandArguments } from '../command.ts';
import { connectOptions, withClient } from '../connect.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { formatAnswer, formatOf } from '../output.ts';
import type { OptionSpec } from '../settings.ts';

const stdinOption: OptionSpec = {
  name: 'stdin',
  kind: 'flag',
  placeholder: '',
  summary: 'take the value, byte for byte, from standard input',
};

/** What the exit code says about a reply that is no error. */
type Verdict = (args: readonly Argument[], reply: RespValue) => ExitCode;

const always: Verdict = () => ExitCode.Ok;
const isZero = (reply: RespValue) => reply.kind === 'integer' && reply.value === 0;

/** Where a reply that is no error says that there was no such key. */
const noSuchKey: ReadonlyMap<string, (reply: RespValue) => boolean> = new Map([
  ...['get', 'getdel', 'digest', 'randomkey'].map((name) => {
    return [name, (reply: RespValue) => reply.kind === 'null'] as const;
  }),
  ...['exists', 'touch'].map((name) => [name, isZero] as const),
  ...['ttl', 'pttl', 'expiretime', 'pexpiretime'].map((name) => {
    return [name, (reply: RespValue) => reply.kind === 'integer' && reply.value === -2] as const;
  }),
  ['type', (reply) => reply.kind === 'simple' && reply.text === 'none'],
]);

/** Those whose 0 says that a condition did not hold, and nothing was changed. */
const conditional: ReadonlySet<string> = new Set([
  'setnx',
  'msetnx',
  'delex',
  'delifeq',
  'renamenx',
  'copy',
]);

function verdictOf(name: string): Verdict {
  if (name === 'set') return setVerdict;
  if (conditional.has(name)) {
    return (_, reply) => (isZero(reply) ? ExitCode.ConditionFailed : ExitCode.Ok);
  }
  const isMissing = noSuchKey.get(name);
  if (isMissing === undefined) return always;
  return (_, reply) => (isMissing(reply) ? ExitCode.KeyNotFound : ExitCode.Ok);
}

/** What the command line adds to the table of commands (protocol/commands.ts). */
interface Extra {
  readonly description: readonly string[];
  readonly examples: readonly string[];
}

const UNLESS_THERE = 'Exits with 3 when there is no such key.';
const UNLESS_HELD = 'Exits with 4 when it did not: nothing was changed then.';
const example = (...examples: string[]): Extra => ({ description: [], examples });

/** For each that goes through the log, and the odd other. */
const extras: { readonly [name: string]: Extra } = {
  set: {
    description: [
      'NX: only if there is no such key. XX: only if there is one. IFEQ: only if it holds this value.',
      'IFNE: only if it does not. IFDEQ, IFDNE: the same with the DIGEST of the value. GET: answer',
      'the value that was there before.',
      'Exits with 4 when the condition did not hold: nothing was changed then.',
    ],
    examples: [
      'dkvs set greeting hello',
      'dkvs set lock me NX',
      'dkvs set config new IFEQ old',
      'dkvs set photo --stdin < photo.jpg',
    ],
  },
  get: {
    description: [
      'Into a pipe or a file: the value exactly as stored, and one newline. On a terminal: quoted.',
      UNLESS_THERE,
    ],
    examples: ['dkvs get greeting', 'dkvs get --json greeting'],
  },
  setnx: { description: [UNLESS_HELD], examples: ['dkvs setnx lock me'] },
  getset: example('dkvs getset greeting hi'),
  getdel: { description: [UNLESS_THERE], examples: ['dkvs getdel job:next'] },
  mget: example('dkvs mget a b c', 'dkvs mget --json a b c'),
  mset: example('dkvs mset a 1 b 2'),
  msetnx: { description: [UNLESS_HELD], examples: ['dkvs msetnx a 1 b 2'] },
  delex: { description: [UNLESS_HELD], examples: ['dkvs delex lock IFEQ me'] },
  delifeq: { description: [UNLESS_HELD], examples: ['dkvs delifeq lock me'] },
  digest: { description: [UNLESS_THERE], examples: ['dkvs digest config'] },
  incr: example('dkvs incr visits'),
  decr: example('dkvs decr stock'),
  incrby: example('dkvs incrby stock 12', 'dkvs incrby stock -5'),
  decrby: example('dkvs decrby stock 5'),
  incrbyfloat: example('dkvs incrbyfloat balance 0.25', 'dkvs incrbyfloat balance -10.5'),
  append: example('dkvs append log line', 'dkvs append log --stdin < more'),
  strlen: example('dkvs strlen greeting'),
  getrange: example('dkvs getrange greeting 0 3', 'dkvs getrange greeting -3 -1'),
  substr: example('dkvs substr greeting 0 3'),
  setrange: example('dkvs setrange greeting 1 ey'),
  del: example('dkvs del greeting', 'dkvs del a b c'),
  unlink: example('dkvs unlink greeting'),
  exists: {
    description: ['Exits with 3 when none does.'],
    examples: ['dkvs exists greeting', 'dkvs exists lock && echo taken'],
  },
  touch: { description: ['Exits with 3 when none does.'], examples: ['dkvs touch greeting'] },
  type: { description: [UNLESS_THERE], examples: ['dkvs type greeting'] },
  rename: { description: [UNLESS_THERE], examples: ['dkvs rename draft final'] },
  renamenx: { description: [UNLESS_THERE, UNLESS_HELD], examples: ['dkvs renamenx draft final'] },
  copy: { description: [UNLESS_HELD], examples: ['dkvs copy config backup REPLACE'] },
  keys: example("dkvs keys 'user:*'"),
  scan: example('dkvs scan 0', "dkvs scan 0 MATCH 'user:*' COUNT 100"),
  randomkey: { description: ['Exits with 3 when there is none.'], examples: ['dkvs randomkey'] },
  ttl: { description: [UNLESS_THERE], examples: ['dkvs ttl lock'] },
  pttl: { description: [UNLESS_THERE], examples: ['dkvs pttl lock'] },
  expiretime: { description: [UNLESS_THERE], examples: ['dkvs expiretime lock'] },
  pexpiretime: { description: [UNLESS_THERE], examples: ['dkvs pexpiretime lock'] },
  dbsize: example('dkvs dbsize'),
  flushall: {
    description: ['Exits with 7 where the node was not started with --allow-flushall.'],
    examples: ['dkvs flushall'],
  },
  flushdb: {
    description: ['Exits with 7 where the node was not started with --allow-flushall.'],
    examples: ['dkvs flushdb'],
  },
  ping: example('dkvs ping', 'dkvs ping --connect 127.0.0.1:7002'),
  echo: example('dkvs echo hello'),
  info: {
    description: ['Of the node that answers: the first of --connect that does.'],
    examples: ['dkvs info', 'dkvs info raft --connect 127.0.0.1:7002'],
  },
  role: example('dkvs role'),
  time: example('dkvs time'),
};

/** Those whose value, which stands behind the key, may come from standard input. */
const TAKES_STDIN: ReadonlySet<string> = new Set(['set', 'setnx', 'getset', 'append']);

/** Those of the others that are of use outside of a connection. */
const FROM_ANY_NODE = new Set(['ping', 'echo', 'info', 'role', 'time']);

/** What has subcommands, and tells of the node that answers. CLUSTER has too, but `dkvs cluster` runs one. */
const CONTAINERS: readonly { readonly name: string; readonly summary: string }[] = [
  { name: 'client', summary: 'The connections of the node that answers: LIST, ID, INFO, KILL.' },
  { name: 'command', summary: 'The commands that there are: LIST, COUNT, DOCS, INFO, GETKEYS.' },
  { name: 'config', summary: 'The settings of the node that answers: GET pattern.' },
];

const containerExamples: { readonly [name: string]: readonly string[] } = {
  client: ['dkvs client list', 'dkvs client list --connect 127.0.0.1:7002'],
  command: ['dkvs command docs set', "dkvs command list filterby pattern 'get*'"],
  config: ["dkvs config get '*-max'"],
};

const containerCommands: readonly CliCommand[] = CONTAINERS.map(({ name, summary }) => ({
  name,
  group: 'data',
  summary,
  usage: 'SUBCOMMAND [ARGUMENT …]',
  description: ['HELP as the subcommand lists what there is.'],
  examples: containerExamples[name] ?? [],
  options: connectOptions,
  run: async ({ settings, positionals }, io) => {
    if (positionals.length === 0) throw usageError(`usage: dkvs ${name} SUBCOMMAND`);
    const request = [name.toUpperCase(), ...positionals];
    const reply = await withClient(settings, (client) => client.command(request));
    io.stdout.write(formatAnswer(request, reply, formatOf(settings, io.stdout)));
    return ExitCode.Ok;
  },
}));

/** One command for each that goes through the log, and the odd other. */
const singleCommands: readonly CliCommand[] = commands
  .filter(({ name, where }) => where === 'replicated' || FROM_ANY_NODE.has(name))
  .map((spec) => {
    const extra = extras[spec.name] ?? example();
    const takesStdin = TAKES_STDIN.has(spec.name);
    return {
      name: spec.name,
      group: 'data',
      summary: spec.summary,
      usage: usageOf(spec),
      description: extra.description,
      examples: extra.examples,
      options: takesStdin ? [...connectOptions, stdinOption] : connectOptions,
      run: (args, io) => runDataCommand(spec, args, io),
    };
  });

export const dataCommands: readonly CliCommand[] = [...singleCommands, ...containerCommands];

function usageOf({ name, syntax }: CommandSpec): string {
  return syntax.slice(name.length + 1);
}

async function runDataCommand(
  spec: CommandSpec,
  { settings, positionals }: CommandArguments,
  io: Io,
): Promise<number> {
  const args: Argument[] = [...positionals];
  // The value's place is behind the key: `set KEY --stdin NX`.
  if (TAKES_STDIN.has(spec.name) && settings.flag('stdin')) {
    if (args.length === 0) throw usageError(`usage: dkvs ${spec.name} key --stdin`);
    args.splice(1, 0, await io.readStdin());
  }
  checkArity(spec, args.length + 1);
  const format = formatOf(settings, io.stdout);
  const request = [spec.name.toUpperCase(), ...args];
  const reply = await withClient(settings, (client) => client.command(request)).catch(missingKey);
  io.stdout.write(formatAnswer(request, reply, format));
  return verdictOf(spec.name)(args, reply);
}

/** RENAME has an error for what others have a reply for. @throws CliError, or the error as it was */
function missingKey(error: unknown): never {
  const isMissing = error instanceof ReplyError && error.message === 'ERR no such key';
  throw isMissing ? new CliError(ExitCode.KeyNotFound, error.message) : error;
}

/** @param count arguments, the name included. @throws CliError */
function checkArity(spec: CommandSpec, count: number): void {
  const { arity, argumentsMax } = spec;
  const min = Math.abs(arity);
  const max = arity >= 0 ? arity : argumentsMax === 0 ? Number.POSITIVE_INFINITY : argumentsMax;
  if (count >= min && count <= max) return;
  const problem = count < min ? 'too few arguments' : 'too many arguments';
  throw usageError(problem, `usage: dkvs ${spec.name} ${usageOf(spec)}`);
}

/**
 * Whether a SET took place. Without GET, null says that it did not. With GET the reply is the old
 * value, and whether the condition held has to be read from that.
 */
function setVerdict(args: readonly Argument[], reply: RespValue): ExitCode {
  const words = args.slice(2).map((arg) => (typeof arg === 'string' ? arg.toUpperCase() : ''));
  const condition = words.find((word) => CONDITIONS.includes(word));
  const existed = reply.kind !== 'null';
  if (!words.includes('GET')) return existed ? ExitCode.Ok : ExitCode.ConditionFailed;
  const equals = () => reply.kind === 'bulk' && isText(reply.bytes, operand(args, words));
  const same = () => reply.kind === 'bulk' && isDigest(reply.bytes, operand(args, words));
  const held = {
    NX: () => !existed,
    XX: () => existed,
    IFEQ: equals,
    IFNE: () => !equals(),
    IFDEQ: same,
    IFDNE: () => !same(),
  };
  const holds = held[(condition ?? '') as keyof typeof held];
  return holds === undefined || holds() ? ExitCode.Ok : ExitCode.ConditionFailed;
}

const CONDITIONS = ['NX', 'XX', 'IFEQ', 'IFNE', 'IFDEQ', 'IFDNE'];

/** What stands behind the condition. */
function operand(args: readonly Argument[], words: readonly string[]): Argument {
  const at = words.findIndex((word) => CONDITIONS.includes(word));
  return args[2 + at + 1] ?? '';
}

function isText(bytes: Uint8Array, text: Argument): boolean {
  return Buffer.compare(bytes, typeof text === 'string' ? Buffer.from(text) : text) === 0;
}

function isDigest(bytes: Uint8Array, digest: Argument): boolean {
  return typeof digest === 'string' && xxh3Hex(bytes) === digest.toLowerCase();
}
