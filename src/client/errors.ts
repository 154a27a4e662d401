import { errorCode } from '../protocol/errors.ts';

/** The stable codes of what `Client` rejects with. Programs test these, never the message. */
export type ErrorCode = 'UNAVAILABLE' | 'UNKNOWN' | 'REPLY' | 'USAGE';

/** Every error of the client says by its class what became of the command. */
export abstract class DkvsError extends Error {
  abstract readonly code: ErrorCode;
}

/** The command was **not applied**, and never will be: it may be sent again. */
export class UnavailableError extends DkvsError {
  override readonly name = 'UnavailableError';
  readonly code = 'UNAVAILABLE';
}

/** Whether the command was applied can't be known from here. The client never sends it again. */
export class UnknownOutcomeError extends DkvsError {
  override readonly name = 'UnknownOutcomeError';
  readonly code = 'UNKNOWN';
}

/** The cluster understood the command and refused it; nothing changed. */
export class ReplyError extends DkvsError {
  override readonly name = 'ReplyError';
  readonly code = 'REPLY';

  /** The first word of the error reply: ERR, WRONGTYPE, NOPERM, … */
  get replyCode(): string {
    return errorCode(this.message);
  }
}

/** The client was asked for something that makes no sense; nothing was sent. */
export class UsageError extends DkvsError {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}
