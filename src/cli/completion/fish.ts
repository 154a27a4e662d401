import type { CliCommand } from '../command.ts';
import { takesNextArgument } from '../settings.ts';
import { type CompletedCommand, completedCommands, FILE_PLACEHOLDERS } from './words.ts';

/** A script for fish 3. */
export function fishScript(commands: readonly CliCommand[]): string {
  const known = completedCommands(commands);
  const names = known.map(({ name }) => name).join(' ');
  const lines = known.flatMap((command) => [
    `complete -c dkvs -f -n __dkvs_needs_command -a ${command.name} -d ${quoted(command.summary)}`,
    ...flagLines(command),
  ]);
  return `# fish completion of dkvs; made by: dkvs completion fish
function __dkvs_needs_command
    not __fish_seen_subcommand_from ${names}
end
complete -c dkvs -f -n __dkvs_needs_command -l help -d 'print help'
complete -c dkvs -f -n __dkvs_needs_command -l version -d 'print the version'
${lines.join('\n')}
`;
}

function flagLines({ name, flags, words }: CompletedCommand): readonly string[] {
  const start = `complete -c dkvs -n '__fish_seen_subcommand_from ${name}'`;
  const wordLines = words.length === 0 ? [] : [`${start} -f -a ${quoted(words.join(' '))}`];
  const lines = flags.map((flag) => {
    const hasFile = FILE_PLACEHOLDERS.has(flag.placeholder);
    const value = !takesNextArgument(flag) ? '' : hasFile ? ' -r -F' : ' -x';
    return `${start}${value} -l ${flag.name} -d ${quoted(flag.summary)}`;
  });
  return [...wordLines, ...lines];
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
