import type { Argument } from '../../client/client.ts';
import { type CommandSpec, commands } from '../../protocol/commands.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import type { CliCommand, CommandArguments } from '../command.ts';
import { connectOptions, withClient } from '../connect.ts';
import { ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { formatOf, formatReply } from '../output.ts';
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
const unlessNull: Verdict = (_, reply) =>
  reply.kind === 'null' ? ExitCode.KeyNotFound : ExitCode.Ok;
const unlessZero: Verdict = (_, reply) =>
  reply.kind === 'integer' && reply.value === 0 ? ExitCode.KeyNotFound : ExitCode.Ok;

/** What the command line adds to the table of commands (protocol/commands.ts). */
interface Extra {
  readonly description: readonly string[];
  readonly examples: readonly string[];
  readonly takesStdin: boolean;
  readonly verdict: Verdict;
}

const plain: Extra = { description: [], examples: [], takesStdin: false, verdict: always };

const extras: ReadonlyMap<string, Extra> = new Map([
  [
    'set',
    {
      description: [
        'NX: only if there is no such key. XX: only if there is one. IFEQ: only if it holds this value.',
        'IFNE: only if it does not. GET: answer the value that was there before.',
        'Exits with 4 when the condition did not hold: nothing was changed then.',
      ],
      examples: [
        'dkvs set greeting hello',
        'dkvs set lock me NX',
        'dkvs set config new IFEQ old',
        'dkvs set photo --stdin < photo.jpg',
      ],
      takesStdin: true,
      verdict: setVerdict,
    },
  ],
  [
    'get',
    {
      ...plain,
      description: [
        'Into a pipe or a file: the value exactly as stored, and one newline. On a terminal: quoted.',
        'Exits with 3 when there is no such key.',
      ],
      examples: ['dkvs get greeting', 'dkvs get --json greeting'],
      verdict: unlessNull,
    },
  ],
  ['del', { ...plain, examples: ['dkvs del greeting', 'dkvs del a b c'] }],
  [
    'exists',
    {
      ...plain,
      description: ['Exits with 3 when none does.'],
      examples: ['dkvs exists greeting', 'dkvs exists lock && echo taken'],
      verdict: unlessZero,
    },
  ],
  ['incr', { ...plain, examples: ['dkvs incr visits'] }],
  ['decr', { ...plain, examples: ['dkvs decr stock'] }],
  ['incrby', { ...plain, examples: ['dkvs incrby stock 12', 'dkvs incrby stock -5'] }],
  ['decrby', { ...plain, examples: ['dkvs decrby stock 5'] }],
  ['ping', { ...plain, examples: ['dkvs ping', 'dkvs ping --connect 127.0.0.1:7002'] }],
  ['echo', { ...plain, examples: ['dkvs echo hello'] }],
]);

/** Those of the others that are of use outside of a connection. */
const FROM_ANY_NODE = new Set(['ping', 'echo']);

/** One command for each that goes through the log, and the odd other. */
export const dataCommands: readonly CliCommand[] = commands
  .filter(({ name, where }) => where === 'replicated' || FROM_ANY_NODE.has(name))
  .map((spec) => {
    const extra = extras.get(spec.name) ?? plain;
    return {
      name: spec.name,
      group: 'data',
      summary: spec.summary,
      usage: usageOf(spec),
      description: extra.description,
      examples: extra.examples,
      options: extra.takesStdin ? [...connectOptions, stdinOption] : connectOptions,
      run: (args, io) => runDataCommand(spec, extra, args, io),
    };
  });

function usageOf({ name, syntax }: CommandSpec): string {
  return syntax.slice(name.length + 1);
}

async function runDataCommand(
  spec: CommandSpec,
  extra: Extra,
  { settings, positionals }: CommandArguments,
  io: Io,
): Promise<number> {
  const args: Argument[] = [...positionals];
  // The value's place is behind the key: `set KEY --stdin NX`.
  if (extra.takesStdin && settings.flag('stdin')) {
    if (args.length === 0) throw usageError(`usage: dkvs ${spec.name} key --stdin`);
    args.splice(1, 0, await io.readStdin());
  }
  checkArity(spec, args.length + 1);
  const format = formatOf(settings, io.stdout);
  const request = [spec.name.toUpperCase(), ...args];
  const reply = await withClient(settings, (client) => client.command(request));
  io.stdout.write(formatReply(reply, format));
  return extra.verdict(args, reply);
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
  const condition = words.find((word) => ['NX', 'XX', 'IFEQ', 'IFNE'].includes(word));
  const existed = reply.kind !== 'null';
  if (!words.includes('GET')) return existed ? ExitCode.Ok : ExitCode.ConditionFailed;
  const equals = () => reply.kind === 'bulk' && isText(reply.bytes, operand(args, words));
  const held = { NX: () => !existed, XX: () => existed, IFEQ: equals, IFNE: () => !equals() };
  const holds = held[(condition ?? '') as keyof typeof held];
  return holds === undefined || holds() ? ExitCode.Ok : ExitCode.ConditionFailed;
}

/** What stands behind IFEQ or IFNE. */
function operand(args: readonly Argument[], words: readonly string[]): Argument {
  const at = words.findIndex((word) => word === 'IFEQ' || word === 'IFNE');
  return args[2 + at + 1] ?? '';
}

function isText(bytes: Uint8Array, text: Argument): boolean {
  return Buffer.compare(bytes, typeof text === 'string' ? Buffer.from(text) : text) === 0;
}
