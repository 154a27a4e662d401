/** A broken assertion is a bug in DKVS, never bad input or a bad disk: the process stops. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * States what must be true here.
 * @param message made only when the assertion fails, so that it may be costly.
 * @throws AssertionError when `ok` is false.
 */
export function assert(ok: boolean, message: () => string): asserts ok {
  if (!ok) throw new AssertionError(message());
}

/** Ends an exhaustive switch: the compiler refuses it while a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
