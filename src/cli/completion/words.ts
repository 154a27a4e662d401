import type { CliCommand } from '../command.ts';
import { commonOptions, type OptionSpec } from '../settings.ts';

/** What a shell has to know of one command. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly OptionSpec[];
  /** Words that may stand behind it: `dump`, `verify`; NX, XX. */
  readonly words: readonly string[];
}

/** Flags that name a file or a directory. */
export const FILE_PLACEHOLDERS: ReadonlySet<string> = new Set(['FILE', 'DIR']);

export function completedCommands(commands: readonly CliCommand[]): readonly CompletedCommand[] {
  const names = commands.map(({ name }) => name);
  const known = commands.map(({ name, group, summary, usage, options, actions = [] }) => ({
    name,
    summary,
    flags: [...options, ...commonOptions],
    // What is in capitals in the syntax of the cluster's commands is typed as it stands.
    words: group === 'data' && name !== 'prompt' ? capitals(usage) : actions,
  }));
  const help = { name: 'help', summary: 'Explains a command.', flags: [], words: names };
  return [...known, help];
}

function capitals(syntax: string): readonly string[] {
  return [...new Set(syntax.split(/[\s[\]|]+/).filter((word) => /^[A-Z][A-Z-]*$/.test(word)))];
}

/** Between single quotes of a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
