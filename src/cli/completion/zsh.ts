import type { CliCommand } from '../command.ts';
import { type OptionSpec, takesNextArgument } from '../settings.ts';
import {
  type CompletedCommand,
  completedCommands,
  FILE_PLACEHOLDERS,
  shellQuoted,
} from './words.ts';

/** A script for zsh, to be a file of $fpath that is called _dkvs, or to be sourced. */
export function zshScript(commands: readonly CliCommand[]): string {
  const known = completedCommands(commands);
  const described = known.map(({ name, summary }) => {
    return `    ${shellQuoted(`${name}:${summary}`)}`;
  });
  return `#compdef dkvs
# zsh completion of dkvs; made by: dkvs completion zsh
_dkvs() {
  local context state state_descr line curcontext="$curcontext"
  typeset -A opt_args
  local -a commands=(
${described.join('\n')}
  )
  _arguments -C '(- *)--help[print help]' '(- *)--version[print the version]' \\
    '1: :->command' '*:: :->arguments'
  case "$state" in
    command) _describe -t commands 'dkvs command' commands ;;
    arguments)
      case "$words[1]" in
${known.map(caseOf).join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _dkvs ]; then _dkvs "$@"; else compdef _dkvs dkvs; fi
`;
}

function caseOf({ name, flags, words }: CompletedCommand): string {
  const specs = flags.map((flag) => shellQuoted(flagSpec(flag)));
  const rest = words.length === 0 ? "'*:argument:_default'" : `'*:argument:(${words.join(' ')})'`;
  return `        ${name}) _arguments ${[...specs, rest].join(' \\\n          ')} ;;`;
}

function flagSpec(flag: OptionSpec): string {
  const { name, kind, placeholder, summary } = flag;
  const text = summary.replaceAll(/[[\]:\\]/g, '\\$&');
  // `=`: as one word or as two; `=-`: as one word only, for a value that may be left out.
  if (!takesNextArgument(flag))
    return kind === 'every' ? `--${name}=-[${text}]:: : ` : `--${name}[${text}]`;
  const action = FILE_PLACEHOLDERS.has(placeholder) ? '_files' : ' ';
  return `--${name}=[${text}]:${placeholder.replaceAll(':', '\\:')}:${action}`;
}
