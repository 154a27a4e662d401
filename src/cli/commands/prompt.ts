import type { CliCommand } from '../command.ts';
import { connectOptions, nodesOf } from '../connect.ts';
import { usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { formatOf } from '../output.ts';
import { runBatch } from '../prompt/batch.ts';
import { defaultHistoryFile, History } from '../prompt/history.ts';
import { Session } from '../prompt/session.ts';
import type { Settings } from '../settings.ts';

export const promptCommand: CliCommand = {
  name: 'prompt',
  group: 'data',
  summary: 'Talks to a cluster: a prompt on a terminal, a command a line on a pipe.',
  usage: '[--json | --csv | --raw]',
  description: [
    '`dkvs` alone is the same. On a terminal the prompt says who leads; Tab completes commands and keys,',
    '.help lists what else there is, Ctrl-D leaves. What is typed is kept for the next time, but for',
    'lines that start with a space or may hold a password; an empty --history-file keeps nothing.',
    'On a pipe it runs one command a line, quoted as for Redis: "\\x00\\n", \'as it is\'. Replies are raw,',
    'one a line, an empty line for a key that is not there; failures are told on standard error, and the',
    'exit code is that of the first.',
  ],
  examples: [
    'dkvs prompt --connect 10.0.0.1:7001,10.0.0.2:7001',
    'dkvs',
    "echo 'SET greeting hello' | dkvs",
    'dkvs --csv < commands.txt > replies.csv',
  ],
  options: [
    ...connectOptions,
    {
      name: 'history-file',
      kind: 'text',
      placeholder: 'FILE',
      summary: '(default ~/.dkvs_history, or dkvs/history in XDG_STATE_HOME)',
    },
  ],
  async run({ settings, positionals }, io) {
    if (positionals.length > 0) throw usageError(`prompt takes no argument: ${positionals[0]}`);
    const format = formatOf(settings, io.stdout);
    const session = new Session(nodesOf(settings), settings.duration('timeout', 1), format);
    try {
      if (!io.input.isTty || !io.stdout.isTty) return await runBatch(session, io);
      const { Prompt } = await import('../prompt/prompt.ts');
      const history = new History(historyFile(settings, io), (message) => {
        io.stderr.write(`${message}\n`);
      });
      return await new Prompt(session, io, history).run();
    } finally {
      session.close();
    }
  },
};

function historyFile(settings: Settings, io: Io): string | null {
  if (!settings.has('history-file')) return defaultHistoryFile(io.env);
  const file = settings.text('history-file');
  return file === '' ? null : file;
}
