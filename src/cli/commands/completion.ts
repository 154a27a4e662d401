import type { CliCommand } from '../command.ts';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { zshScript } from '../completion/zsh.ts';
import { ExitCode, usageError } from '../exit.ts';
import { didYouMean } from '../suggest.ts';

const shells: Readonly<Record<string, (commands: readonly CliCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** @param all every command of `dkvs`, this one included. */
export function completionCommand(all: () => Promise<readonly CliCommand[]>): CliCommand {
  return {
    name: 'completion',
    group: 'tools',
    summary: 'Prints a script with which a shell completes the commands and flags of dkvs.',
    usage: 'bash | zsh | fish',
    description: [
      'bash: put the line of the first example into ~/.bashrc. zsh: save the script as a file named _dkvs',
      'in a directory of $fpath. fish: save it as ~/.config/fish/completions/dkvs.fish.',
    ],
    examples: [
      'dkvs completion bash > ~/.dkvs-completion && echo . ~/.dkvs-completion >> ~/.bashrc',
      'dkvs completion zsh > ~/.zsh/completions/_dkvs',
      'dkvs completion fish > ~/.config/fish/completions/dkvs.fish',
    ],
    options: [],
    actions: Object.keys(shells),
    async run({ positionals }, io) {
      const [shell = '', ...more] = positionals;
      const script = Object.hasOwn(shells, shell) && more.length === 0 ? shells[shell] : undefined;
      if (script === undefined) {
        const names = Object.keys(shells);
        const hint = didYouMean(shell, names) || `usage: dkvs completion ${names.join(' | ')}`;
        throw usageError('name one shell', hint);
      }
      io.stdout.write(script(await all()));
      return ExitCode.Ok;
    },
  };
}
