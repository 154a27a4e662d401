import { Violation } from './observer.ts';

/** How a run went wrong. A crash is an error that nothing foresaw: an assertion, a bug. */
export interface RunFailure {
  readonly kind: 'correctness' | 'liveness' | 'crash';
  /** "S1", "L4", …; of a crash, the error's name. */
  readonly invariant: string;
  readonly text: string;
  readonly stack: string;
  /** What happened last, oldest first. */
  readonly last: readonly string[];
  readonly atMs: number;
}

export function failureOf(thrown: unknown, last: readonly string[], atMs: number): RunFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const isViolation = error instanceof Violation;
  const isLiveness = isViolation && /^L\d/.test(error.invariant);
  const cause = error.cause instanceof Error ? `\n${error.cause.stack}` : '';
  return {
    kind: isViolation ? (isLiveness ? 'liveness' : 'correctness') : 'crash',
    invariant: isViolation ? error.invariant : error.name,
    text: isViolation ? error.text : error.message,
    stack: `${error.stack ?? ''}${cause}`,
    last,
    atMs,
  };
}
