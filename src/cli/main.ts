import { readFileSync } from 'node:fs';
import type { CliCommand } from './command.ts';
import { commands } from './commands.ts';
import { asCliError } from './connect.ts';
import { CliError, ExitCode, usageError } from './exit.ts';
import { commandHelp, overview } from './help.ts';
import { type Io, paint, processIo } from './io.ts';
import { commonOptions, type OptionSpec, parseArguments, resolveSettings } from './settings.ts';
import { didYouMean } from './suggest.ts';

/** Runs the command line of this process, and ends it. */
export async function runProcess(argv: readonly string[]): Promise<never> {
  process.exit(await main(argv, processIo()));
}

/**
 * Runs one command line.
 * @param argv without the program's own name.
 * @returns the exit code. Every failure has been told on standard error.
 */
export async function main(
  argv: readonly string[],
  io: Io,
  known: readonly CliCommand[] = commands,
): Promise<number> {
  try {
    return await dispatch(argv, io, known);
  } catch (thrown) {
    return report(asCliError(thrown), io, argv.includes('--json'));
  }
}

async function dispatch(
  argv: readonly string[],
  io: Io,
  known: readonly CliCommand[],
): Promise<number> {
  const [first, second] = argv;
  if (first === undefined || ['--help', '-h'].includes(first)) {
    io.stdout.write(overview(known));
    return ExitCode.Ok;
  }
  if (['--version', '-V', 'version'].includes(first)) {
    io.stdout.write(`dkvs ${version()}\n`);
    return ExitCode.Ok;
  }
  if (first === 'help') {
    io.stdout.write(second === undefined ? overview(known) : commandHelp(find(second, known)));
    return ExitCode.Ok;
  }
  const at = commandPosition(argv, known);
  const command = find(argv[at] ?? '', known);
  const specs = [...command.options, ...commonOptions];
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)];
  const { flags, positionals } = parseArguments(rest, specs);
  if (flags.has('help')) {
    io.stdout.write(commandHelp(command));
    return ExitCode.Ok;
  }
  const settings = resolveSettings(specs, allOptions(known), flags, io.env);
  return await command.run({ settings, positionals }, io);
}

/** Where the command's name stands: behind the flags that somebody put first. */
function commandPosition(argv: readonly string[], known: readonly CliCommand[]): number {
  let at = 0;
  while (at < argv.length && argv[at]!.startsWith('--')) {
    const name = argv[at]!.slice(2);
    const spec = allOptions(known).find((option) => option.name === name);
    at += spec !== undefined && spec.kind !== 'flag' ? 2 : 1;
  }
  return at;
}

function find(name: string, known: readonly CliCommand[]): CliCommand {
  const command = known.find((candidate) => candidate.name === name.toLowerCase());
  if (command !== undefined) return command;
  if (name === '') throw usageError('a command is missing', '`dkvs --help` lists them');
  const names = known.map((candidate) => candidate.name);
  const hint = didYouMean(name, names) || '`dkvs --help` lists the commands';
  throw usageError(`unknown command ${JSON.stringify(name)}`, hint);
}

function allOptions(known: readonly CliCommand[]): readonly OptionSpec[] {
  return [...known.flatMap((command) => command.options), ...commonOptions];
}

/** Tells a failure: a sentence, and the way out; one JSON object for who asked for JSON. */
function report(error: unknown, io: Io, isJson: boolean): number {
  if (!(error instanceof CliError)) {
    // Not foreseen, so a bug: whoever reports it needs the stack.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr.write(`dkvs: ${text}\n`);
    return ExitCode.Other;
  }
  const { exitCode, message, hint } = error;
  if (isJson) {
    io.stderr.write(`${JSON.stringify({ error: { exitCode, message, hint } })}\n`);
    return exitCode;
  }
  io.stderr.write(`${paint(io, io.stderr, 'red', 'dkvs:')} ${message}\n`);
  if (hint !== '') io.stderr.write(`  ${hint}\n`);
  return exitCode;
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
