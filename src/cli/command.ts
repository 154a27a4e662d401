import type { Io } from './io.ts';
import type { OptionSpec, Settings } from './settings.ts';

/** One command of `dkvs`: what it is, for the help, and what it does. */
export interface CliCommand {
  readonly name: string;
  readonly group: 'cluster' | 'data' | 'tools';
  readonly summary: string;
  /** What follows the name: "KEY VALUE [NX | XX]". */
  readonly usage: string;
  /** Paragraphs behind the usage line of its help. */
  readonly description: readonly string[];
  /** Whole command lines, as somebody would type them. */
  readonly examples: readonly string[];
  readonly options: readonly OptionSpec[];
  /** The words that its first argument may be, where they are few: `dump`, `verify`. */
  readonly actions?: readonly string[];
  /**
   * @returns the exit code.
   * @throws CliError, and the errors of the client, which `main` turns into exit codes.
   */
  run(args: CommandArguments, io: Io): Promise<number>;
}

export interface CommandArguments {
  readonly settings: Settings;
  readonly positionals: readonly string[];
}
