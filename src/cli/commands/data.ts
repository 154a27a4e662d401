import type { Argument, RespValue } from '../../client/wire.ts';
import type { CliCommand, CommandArguments } from '../command.ts';
import { connectOptions, withClient } from '../connect.ts';
import { ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { humanReply, jsonReply, rawReply } from '../output.ts';
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

interface DataCommand {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly description?: readonly string[];
  readonly examples: readonly string[];
  /** Arguments, at least and at most. */
  readonly arity: readonly [number, number];
  readonly takesStdin?: boolean;
  readonly verdict: Verdict;
}

const MANY = Number.POSITIVE_INFINITY;

const table: readonly DataCommand[] = [
  {
    name: 'set',
    usage: 'KEY VALUE [NX | XX | IFEQ OLD | IFNE OLD] [GET]',
    summary: 'set a key, on a condition if you like',
    description: ['Exits with 4 when the condition did not hold: nothing was changed then.'],
    examples: [
      'dkvs set greeting hello',
      'dkvs set lock me NX',
      'dkvs set config new IFEQ old',
      'dkvs set photo --stdin < photo.jpg',
    ],
    arity: [2, MANY],
    takesStdin: true,
    verdict: setVerdict,
  },
  {
    name: 'get',
    usage: 'KEY',
    summary: 'print the value of a key',
    description: [
      'Into a pipe or a file: the value exactly as stored, and one newline. On a terminal: quoted.',
      'Exits with 3 when there is no such key.',
    ],
    examples: ['dkvs get greeting', 'dkvs get --json greeting'],
    arity: [1, 1],
    verdict: unlessNull,
  },
  {
    name: 'del',
    usage: 'KEY [KEY …]',
    summary: 'remove keys; prints how many there were',
    examples: ['dkvs del greeting', 'dkvs del a b c'],
    arity: [1, MANY],
    verdict: always,
  },
  {
    name: 'exists',
    usage: 'KEY [KEY …]',
    summary: 'count the keys that exist',
    description: ['Exits with 3 when none does.'],
    examples: ['dkvs exists greeting', 'dkvs exists lock && echo taken'],
    arity: [1, MANY],
    verdict: unlessZero,
  },
  {
    name: 'incr',
    usage: 'KEY',
    summary: 'add 1 to a 64-bit counter; prints the sum',
    examples: ['dkvs incr visits'],
    arity: [1, 1],
    verdict: always,
  },
  {
    name: 'decr',
    usage: 'KEY',
    summary: 'subtract 1 from a 64-bit counter; prints the difference',
    examples: ['dkvs decr stock'],
    arity: [1, 1],
    verdict: always,
  },
  {
    name: 'incrby',
    usage: 'KEY NUMBER',
    summary: 'add to a 64-bit counter; prints the sum',
    examples: ['dkvs incrby stock 12', 'dkvs incrby stock -5'],
    arity: [2, 2],
    verdict: always,
  },
  {
    name: 'decrby',
    usage: 'KEY NUMBER',
    summary: 'subtract from a 64-bit counter; prints the difference',
    examples: ['dkvs decrby stock 5'],
    arity: [2, 2],
    verdict: always,
  },
  {
    name: 'ping',
    usage: '[TEXT]',
    summary: 'ask any node for a sign of life',
    examples: ['dkvs ping', 'dkvs ping --connect 127.0.0.1:7002'],
    arity: [0, 1],
    verdict: always,
  },
  {
    name: 'echo',
    usage: 'TEXT',
    summary: 'have any node say it back',
    examples: ['dkvs echo hello'],
    arity: [1, 1],
    verdict: always,
  },
];

export const dataCommands: readonly CliCommand[] = table.map((command) => ({
  name: command.name,
  group: 'data',
  summary: command.summary,
  usage: command.usage,
  description: command.description ?? [],
  examples: command.examples,
  options: command.takesStdin ? [...connectOptions, stdinOption] : connectOptions,
  run: (args, io) => runDataCommand(command, args, io),
}));

async function runDataCommand(
  command: DataCommand,
  { settings, positionals }: CommandArguments,
  io: Io,
): Promise<number> {
  const args: Argument[] = [...positionals];
  // The value's place is behind the key: `set KEY --stdin NX`.
  if (command.takesStdin && settings.flag('stdin')) {
    if (args.length === 0) throw usageError(`usage: dkvs ${command.name} KEY --stdin`);
    args.splice(1, 0, await io.readStdin());
  }
  const [min, max] = command.arity;
  if (args.length < min || args.length > max) {
    const problem = args.length < min ? 'too few arguments' : 'too many arguments';
    throw usageError(problem, `usage: dkvs ${command.name} ${command.usage}`);
  }
  const reply = await withClient(settings, (client) =>
    client.command([command.name.toUpperCase(), ...args]),
  );
  if (settings.flag('json')) io.stdout.write(`${jsonReply(reply)}\n`);
  else if (io.stdout.isTty) io.stdout.write(`${humanReply(reply)}\n`);
  else io.stdout.write(rawReply(reply));
  return command.verdict(args, reply);
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
