import { readFileSync } from 'node:fs';
import type { CliCommand } from './command.ts';
import { type CommandTable, commandTable } from './commands.ts';
import { ExitCode, usageError } from './exit.ts';
import { asCliError } from './failure.ts';
import { commandHelp, overview } from './help.ts';
import { type Io, processIo } from './io.ts';
import { report } from './report.ts';
import {
  commonOptions,
  environmentName,
  type OptionSpec,
  parseArguments,
  resolveSettings,
  takesNextArgument,
} from './settings.ts';
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
  table: CommandTable = commandTable,
): Promise<number> {
  try {
    return await dispatch(argv, io, table);
  } catch (thrown) {
    return report(asCliError(thrown), io, argv.includes('--json'));
  }
}

async function dispatch(argv: readonly string[], io: Io, table: CommandTable): Promise<number> {
  const [first, second] = argv;
  if (first !== undefined && ['--help', '-h'].includes(first)) {
    io.stdout.write(overview(await table.all()));
    return ExitCode.Ok;
  }
  if (first !== undefined && ['--version', '-V', 'version'].includes(first)) {
    io.stdout.write(`dkvs ${version()}\n`);
    return ExitCode.Ok;
  }
  if (first === 'help') {
    const text =
      second === undefined ? overview(await table.all()) : commandHelp(await find(second, table));
    io.stdout.write(text);
    return ExitCode.Ok;
  }
  const at = await commandPosition(argv, table);
  const command = await find(argv[at] ?? NAMELESS, table);
  const specs = [...command.options, ...commonOptions];
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)];
  const { flags, positionals } = parseArguments(rest, specs);
  if (flags.has('help')) {
    io.stdout.write(commandHelp(command));
    return ExitCode.Ok;
  }
  // What other commands can be told is of interest only where somebody may mean one of them.
  const known = namesMore(specs, flags, io.env) ? allOptions(await table.all()) : specs;
  const settings = resolveSettings(specs, known, flags, io.env);
  return await command.run({ settings, positionals }, io);
}

/** What `dkvs` is without the name of a command. */
const NAMELESS = 'prompt';

/** Where the command's name stands: behind the flags that somebody put first. */
async function commandPosition(argv: readonly string[], table: CommandTable): Promise<number> {
  if (!argv[0]?.startsWith('--')) return 0;
  const options = allOptions(await table.all());
  let at = 0;
  while (at < argv.length && argv[at]!.startsWith('--')) {
    const spec = options.find((option) => option.name === argv[at]!.slice(2));
    at += spec !== undefined && takesNextArgument(spec) ? 2 : 1;
  }
  return at;
}

async function find(name: string, table: CommandTable): Promise<CliCommand> {
  const command = await table.find(name.toLowerCase());
  if (command !== undefined) return command;
  const names = (await table.all()).map((candidate) => candidate.name);
  const hint = didYouMean(name, names) || '`dkvs --help` lists the commands';
  throw usageError(`unknown command ${JSON.stringify(name)}`, hint);
}

function allOptions(known: readonly CliCommand[]): readonly OptionSpec[] {
  return [...known.flatMap((command) => command.options), ...commonOptions];
}

/** Whether the environment, or a file that is named, may hold settings of other commands. */
function namesMore(
  specs: readonly OptionSpec[],
  flags: ReadonlyMap<string, string>,
  env: Io['env'],
): boolean {
  const own = new Set(specs.map(({ name }) => environmentName(name)));
  const hasFile = flags.has('config') || env['DKVS_CONFIG'] !== undefined;
  return hasFile || Object.keys(env).some((name) => name.startsWith('DKVS_') && !own.has(name));
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
