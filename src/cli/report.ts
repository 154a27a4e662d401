import { CliError, ExitCode } from './exit.ts';
import { type Io, paint } from './io.ts';

/**
 * Tells a failure on standard error: a sentence, and the way out; one JSON object for who asked for
 * JSON.
 * @param where stands before the sentence, as in "line 3"; may be empty.
 * @returns the exit code.
 */
export function report(error: unknown, io: Io, isJson: boolean, where = ''): ExitCode {
  const at = where === '' ? '' : `${where}: `;
  if (!(error instanceof CliError)) {
    // Not foreseen, so a bug: whoever reports it needs the stack.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr.write(`dkvs: ${at}${text}\n`);
    return ExitCode.Other;
  }
  const { exitCode, message, hint } = error;
  if (isJson) {
    const place = where === '' ? {} : { where };
    io.stderr.write(`${JSON.stringify({ error: { exitCode, message, hint, ...place } })}\n`);
    return exitCode;
  }
  io.stderr.write(`${paint(io, io.stderr, 'red', 'dkvs:')} ${at}${message}\n`);
  if (hint !== '') io.stderr.write(`  ${hint}\n`);
  return exitCode;
}
