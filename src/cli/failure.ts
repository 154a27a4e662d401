import { ReplyError, UnavailableError, UnknownOutcomeError, UsageError } from '../client/errors.ts';
import { CliError, ExitCode } from './exit.ts';

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
