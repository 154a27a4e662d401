import type { CommandInfo } from '../../protocol/commands/info.ts';
import { commands } from '../../protocol/commands.ts';
import { type CliError, usageError } from '../exit.ts';
import { asCliError } from '../failure.ts';
import type { Io } from '../io.ts';
import { ASK_MS, askAll, leaderAmong, type MemberReport } from '../node-status.ts';
import { harmless, type OutputFormat, outputFormats, table } from '../output.ts';
import { statusTable } from '../status-table.ts';
import { didYouMean } from '../suggest.ts';
import { specOf } from './completion.ts';
import { commandNames, type Session } from './session.ts';

/** A command of the prompt itself: it starts with a dot, so that it is none of the cluster's. */
interface DotCommand {
  readonly usage: string;
  readonly summary: string;
  /** @throws CliError */
  readonly run: (session: Session, args: readonly string[], io: Io) => Promise<void> | void;
}

const toFormat = (format: OutputFormat, summary: string): DotCommand => ({
  usage: `.${format}`,
  summary,
  run: (session) => {
    session.format = format;
  },
});

const dotCommands: ReadonlyMap<string, DotCommand> = new Map([
  ['.help', { usage: '.help [command]', summary: 'this, or how to write a command', run: help }],
  [
    '.status',
    { usage: '.status', summary: 'who leads, and how this prompt is set', run: showStatus },
  ],
  [
    '.nodes',
    { usage: '.nodes', summary: 'every member: role, term, indexes, lag', run: showNodes },
  ],
  ['.timer', { usage: '.timer [on | off]', summary: 'how long each command takes', run: setTimer }],
  [
    '.mode',
    { usage: '.mode [human | raw | json | csv]', summary: 'how replies are printed', run: setMode },
  ],
  ['.human', toFormat('human', 'replies for people')],
  ['.raw', toFormat('raw', 'replies as the bytes that they are')],
  ['.json', toFormat('json', 'replies as JSON')],
  ['.csv', toFormat('csv', 'replies as CSV')],
  [
    '.connect',
    { usage: '.connect HOST:PORT[,…]', summary: 'go on with other nodes', run: connectTo },
  ],
  [
    '.clear',
    { usage: '.clear', summary: 'clear the terminal', run: (_session, _args, io) => clear(io) },
  ],
  ['.quit', { usage: '.quit', summary: 'leave; Ctrl-D does too', run: () => {} }],
]);

export const dotCommandNames: readonly string[] = [...dotCommands.keys()];

const LEAVING: ReadonlySet<string> = new Set(['.quit', '.exit', 'quit', 'exit']);

/** Whether somebody wants to leave. */
export const isLeaving = (word: string): boolean => LEAVING.has(word.toLowerCase());

/** Whether this is for the prompt and not for the cluster. */
export const isDotCommand = (word: string): boolean => {
  return word.startsWith('.') || ['help', '?'].includes(word.toLowerCase());
};

/** @throws CliError */
export async function runDotCommand(
  session: Session,
  words: readonly string[],
  io: Io,
): Promise<void> {
  const [typed = '', ...args] = words;
  const name = typed.startsWith('.') ? typed.toLowerCase() : '.help';
  const command = dotCommands.get(name);
  if (command === undefined) {
    const hint = didYouMean(name, dotCommandNames) || '.help lists them';
    throw usageError(`unknown command ${typed}`, hint);
  }
  try {
    await command.run(session, args, io);
  } catch (error) {
    throw asCliError(error);
  }
}

const HELP_END = [
  '',
  'Tab completes commands and keys. A line with an open quote, or a \\ at its end, goes on in the next.',
  'Any byte can be typed: "\\x00\\n" between double quotes. Ctrl-C cancels the line, or the command that',
  'runs. A line that starts with a space, or may hold a password, is not kept in the history.',
];

function help(_session: Session, args: readonly string[], io: Io): void {
  if (args.length > 0) {
    printHelpOf(args, io);
    return;
  }
  const first = commands.filter(({ name }) => !name.includes('|'));
  const rows = first.map(({ name, summary }) => [`  ${name.toUpperCase()}`, summary]);
  const dots = [...dotCommands.values()].map(({ usage, summary }) => [`  ${usage}`, summary]);
  const lines = ['The cluster', ...table(rows, new Set()), '', 'This prompt'];
  print(io, [...lines, ...table(dots, new Set()), ...HELP_END]);
}

function printHelpOf(args: readonly string[], io: Io): void {
  const dot = dotCommands.get(args[0]!.toLowerCase());
  if (dot !== undefined) {
    print(io, [dot.usage, `  ${dot.summary}`]);
    return;
  }
  const start = `${args[0]!.toLowerCase()}|`;
  const spec = specOf(commands, args);
  const below = commands.filter(({ name }) => name.startsWith(start));
  const found: readonly CommandInfo[] = args.length > 1 || below.length === 0 ? [] : below;
  const shown = [...(spec === null ? [] : [spec]), ...found.filter((other) => other !== spec)];
  if (shown.length === 0) {
    const hint = didYouMean(args[0]!, [...commandNames, ...dotCommandNames]);
    throw usageError(`there is no command ${args.join(' ')}`, hint || '.help lists them');
  }
  print(
    io,
    shown.flatMap(({ syntax, summary }) => [syntax, `  ${summary}`]),
  );
}

async function reportsOf(session: Session): Promise<readonly MemberReport[]> {
  return await askAll(session.client, session.nodes, Math.min(ASK_MS, session.timeoutMs));
}

async function showNodes(session: Session, _args: readonly string[], io: Io): Promise<void> {
  print(io, statusTable(io, await reportsOf(session)));
}

async function showStatus(session: Session, _args: readonly string[], io: Io): Promise<void> {
  const reports = await reportsOf(session);
  const leader = leaderAmong(reports);
  const facts = reports.find(({ status }) => status === leader)?.facts;
  const up = reports.filter(({ status }) => status.role !== 'unreachable').length;
  const known = (value: number | null | undefined) => String(value ?? 'not known');
  const rows = [
    ['connected by', session.nodes.join(',')],
    ['leader', leader === null ? 'none' : `${leader.name ?? '-'} at ${leader.address}`],
    ['term', known(leader?.term)],
    ['members', `${up} of ${reports.length} answer`],
    ['committed', known(leader?.commitIndex)],
    ['keys', known(facts?.keys)],
    ['revision', known(facts?.revision)],
    ['replies', session.format],
    ['timer', session.isTimed ? 'on' : 'off'],
    ['a command may take', `${session.timeoutMs} ms`],
  ];
  print(io, table(rows, new Set()));
}

function setTimer(session: Session, [word = '']: readonly string[], io: Io): void {
  if (!['', 'on', 'off'].includes(word)) throw usageError(`.timer is on or off, not ${word}`);
  session.isTimed = word === '' ? !session.isTimed : word === 'on';
  say(io, `timer ${session.isTimed ? 'on' : 'off'}`);
}

function setMode(session: Session, [word]: readonly string[], io: Io): void {
  if (word !== undefined) {
    const format = outputFormats.find((known) => known === word.toLowerCase());
    if (format === undefined) {
      const hint = didYouMean(word, outputFormats);
      throw usageError(`a mode is ${outputFormats.join(', ')}, not ${word}`, hint);
    }
    session.format = format;
  }
  say(io, `mode ${session.format}`);
}

function connectTo(session: Session, args: readonly string[], io: Io): void {
  if (args.length === 0) throw usageError('.connect where to?', 'usage: .connect HOST:PORT[,…]');
  session.connectTo(args.flatMap((arg) => arg.split(',')).filter((node) => node !== ''));
  say(io, `connected by ${session.nodes.join(',')}`);
}

function clear(io: Io): void {
  // With what has scrolled out of it, as `clear` does.
  if (io.stdout.isTty) io.stdout.write('\x1b[H\x1b[2J\x1b[3J');
}

/** What is no answer to anything must not stand between the replies that a pipe takes away. */
function say(io: Io, text: string): void {
  (io.stdout.isTty ? io.stdout : io.stderr).write(`${text}\n`);
}

function print(io: Io, lines: readonly string[]): void {
  io.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** What the prompt says of a failure on the terminal. */
export function failureText({ message, hint }: CliError): string {
  return harmless(hint === '' ? message : `${message}\n  ${hint}`);
}
