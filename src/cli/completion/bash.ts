import type { CliCommand } from '../command.ts';
import { takesNextArgument } from '../settings.ts';
import { completedCommands, FILE_PLACEHOLDERS, shellQuoted } from './words.ts';

/** A script for bash 3.2 and newer, without bash-completion. */
export function bashScript(commands: readonly CliCommand[]): string {
  const known = completedCommands(commands);
  const flags = known.flatMap((command) => command.flags);
  const withValue = new Set(flags.filter(takesNextArgument).map(({ name }) => `--${name}`));
  const withFile = new Set(
    flags
      .filter(({ placeholder }) => FILE_PLACEHOLDERS.has(placeholder))
      .map(({ name }) => `--${name}`),
  );
  const cases = known.map(({ name, flags, words }) => {
    const flagWords = flags.map((flag) => `--${flag.name}`);
    return `    ${name}) words=${shellQuoted([...words, ...flagWords].join(' '))} ;;`;
  });
  return `# bash completion of dkvs; made by: dkvs completion bash
_dkvs() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command= words= at=1
  # The flag whose value is typed; bash makes a word of its own of the = between them.
  local flag="\${COMP_WORDS[COMP_CWORD - 1]}"
  [ "$word" = = ] && word=
  [ "$flag" = = ] && flag="\${COMP_WORDS[COMP_CWORD - 2]}"
  COMPREPLY=()
  case "$flag" in
    ${[...withFile].join(' | ')})
      COMPREPLY=($(compgen -f -- "$word"))
      return ;;
    ${[...withValue].filter((name) => !withFile.has(name)).join(' | ')})
      return ;;
  esac
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case "\${COMP_WORDS[at]}" in
      ${[...withValue].join(' | ')}) [ "\${COMP_WORDS[at + 1]}" = = ] && at=$((at + 1)); at=$((at + 1)) ;;
      -*) ;;
      *) command="\${COMP_WORDS[at]}"; break ;;
    esac
    at=$((at + 1))
  done
  case "$command" in
    '') words=${shellQuoted([...known.map(({ name }) => name), '--help', '--version'].join(' '))} ;;
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _dkvs dkvs
`;
}
