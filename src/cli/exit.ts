/** What `dkvs` exits with. Part of its contract: scripts branch on it. */
export const ExitCode = {
  Ok: 0,
  Other: 1,
  Usage: 2,
  KeyNotFound: 3,
  ConditionFailed: 4,
  /** Nothing was applied: the command may be repeated. */
  Unavailable: 5,
  /** It may have been applied. */
  Unknown: 6,
  NotAllowed: 7,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with an exit code, a sentence, and, where there is one, the way out. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** One line: what to do about it. Empty when there is nothing to say. */
  readonly hint: string;

  constructor(exitCode: ExitCode, message: string, hint = '') {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

export function usageError(message: string, hint = ''): CliError {
  return new CliError(ExitCode.Usage, message, hint);
}
