import type { CliCommand } from './command.ts';
import { table } from './output.ts';
import { commonOptions, environmentName, type OptionSpec } from './settings.ts';

const groups: Record<CliCommand['group'], string> = {
  cluster: 'Clusters',
  data: 'Data',
  tools: 'Tools',
};

export function overview(commands: readonly CliCommand[]): string {
  const lines = [
    'DKVS: a fault-tolerant, replicated key-value store',
    '',
    'usage: dkvs COMMAND [ARGUMENTS] [FLAGS]',
    '       dkvs                                  the prompt; on a pipe: a command a line',
  ];
  for (const [group, title] of Object.entries(groups)) {
    const members = commands.filter((command) => command.group === group);
    if (members.length === 0) continue;
    const rows = members.map(({ name, summary }) => [`  ${name}`, summary]);
    lines.push('', title, ...table(rows, new Set()));
  }
  lines.push(
    '',
    'dkvs COMMAND --help says more, with examples. dkvs --version prints the version.',
    '',
    'Exit codes: 0 ok · 1 other · 2 usage · 3 key not found · 4 condition failed ·',
    '5 unavailable, nothing applied · 6 outcome unknown · 7 not allowed',
  );
  return `${lines.join('\n')}\n`;
}

export function commandHelp(command: CliCommand): string {
  const { name, usage, summary, description, examples, options } = command;
  const lines = [`dkvs ${name}: ${summary}`, '', `usage: dkvs ${name} ${usage}`.trimEnd()];
  if (description.length > 0) lines.push('', ...description);
  lines.push('', 'Examples', ...examples.map((example) => `  ${example}`));
  lines.push('', 'Flags', ...flagLines([...options, ...commonOptions]));
  const sample = options[0]?.name ?? 'config';
  lines.push(
    '',
    `A setting is taken from the flag, else the environment (${environmentName(sample)}), else the`,
    'file that --config names, else its default.',
  );
  return `${lines.join('\n')}\n`;
}

const COLUMNS = 80;

/** Each flag with what it means behind it, broken into lines that fit a terminal. */
function flagLines(options: readonly OptionSpec[]): readonly string[] {
  const flags = options.map(({ name, kind, placeholder }) => {
    return kind === 'every'
      ? `  --${name}[=${placeholder}]`
      : `  --${name} ${placeholder}`.trimEnd();
  });
  const indent = Math.max(...flags.map((flag) => flag.length)) + 2;
  return options.flatMap(({ summary, fallback }, i) => {
    const text = fallback === undefined ? summary : `${summary} (default ${fallback})`;
    return wrap(text, COLUMNS - indent).map((line, row) => {
      return (row === 0 ? flags[i]! : '').padEnd(indent) + line;
    });
  });
}

/** Lines of whole words; a word that is longer than a line has one to itself. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const fits = last !== undefined && last.length + 1 + word.length <= columns;
    if (fits) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
