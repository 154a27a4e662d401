import { ReplyError, UnavailableError, UnknownOutcomeError, UsageError } from '../client/errors.ts';
import { type Client, connect } from '../node/client.ts';
import { CliError, ExitCode } from './exit.ts';
import type { OptionSpec, Settings } from './settings.ts';

/** Of every command that talks to a running cluster. */
export const connectOptions: readonly OptionSpec[] = [
  {
    name: 'connect',
    kind: 'text',
    placeholder: 'HOST:PORT,…',
    summary: 'some nodes of the cluster',
    fallback: '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003',
  },
  {
    name: 'timeout',
    kind: 'duration',
    placeholder: 'TIME',
    summary: 'how long a command may take, elections included: 500, 500ms, 2s',
    fallback: '2s',
  },
  { name: 'json', kind: 'flag', placeholder: '', summary: 'print JSON, a stable contract' },
];

export function nodesOf(settings: Settings): readonly string[] {
  return settings.text('connect').split(',');
}

/** Runs `use` with a client of the cluster that the settings name, and closes it after. */
export async function withClient<T>(
  settings: Settings,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = connect(nodesOf(settings), { deadlineMs: settings.duration('timeout', 1) });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Errors of the reply that mean: you typed it wrong. */
const USAGE_ERRORS = [
  'ERR unknown command',
  'ERR unknown subcommand',
  'ERR wrong number of arguments',
  'ERR syntax error',
];
const NOT_ALLOWED = new Set(['NOAUTH', 'NOPERM', 'WRONGPASS', 'DENIED']);

/** Gives an error of the client its exit code; anything else comes back as it is. */
export function asCliError(error: unknown): unknown {
  if (error instanceof UsageError) return new CliError(ExitCode.Usage, error.message);
  if (error instanceof UnavailableError) {
    // Some replies end in the same words.
    const reason = error.message.replace(/; nothing was applied$/, '');
    return new CliError(ExitCode.Unavailable, `unavailable, nothing applied: ${reason}`);
  }
  if (error instanceof UnknownOutcomeError) {
    return new CliError(
      ExitCode.Unknown,
      `outcome unknown: ${error.message}`,
      'it may or may not have been applied; read before you repeat it',
    );
  }
  if (error instanceof ReplyError) return new CliError(replyExitCode(error), error.message);
  return error;
}

function replyExitCode(error: ReplyError): ExitCode {
  if (NOT_ALLOWED.has(error.replyCode)) return ExitCode.NotAllowed;
  const isUsage = USAGE_ERRORS.some((text) => error.message.startsWith(text));
  return isUsage ? ExitCode.Usage : ExitCode.Other;
}
