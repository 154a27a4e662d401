import type { Limits } from '../../base/limits.ts';
import { type ErrorReply, emptyKey, tooLong, tooManyKeys } from '../errors.ts';

/** What the door lets in. Each gives null where there is nothing to say against it. */

export function keyError(key: Uint8Array, limits: Limits): ErrorReply | null {
  if (key.length === 0) return emptyKey(limits.keyBytesMax);
  return key.length > limits.keyBytesMax ? tooLong('key', key.length, limits.keyBytesMax) : null;
}

/** @param what "value", "value to compare with" */
export function valueError(what: string, value: Uint8Array, limits: Limits): ErrorReply | null {
  return value.length > limits.valueBytesMax
    ? tooLong(what, value.length, limits.valueBytesMax)
    : null;
}

/** A pattern longer than a key is long enough to say anything of keys. */
export function patternError(pattern: Uint8Array, limits: Limits): ErrorReply | null {
  return pattern.length > limits.keyBytesMax
    ? tooLong('pattern', pattern.length, limits.keyBytesMax)
    : null;
}

/** More than the encoding takes, of an argument and of what is around all of them (see
 *  kv/command-fields.ts). */
const ARGUMENT_OVERHEAD = 4;
const COMMAND_OVERHEAD = 256;

/**
 * Checks several keys, and that their command fits into an entry and is applied in short time.
 * @param args keys, and values between them
 * @param step 1: all are keys; 2: every other one
 */
export function keysError(
  args: readonly Uint8Array[],
  step: number,
  limits: Limits,
): ErrorReply | null {
  if (args.length > limits.commandKeysMax * step) return tooManyKeys(limits.commandKeysMax);
  let bytes = COMMAND_OVERHEAD;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const wrong = i % step === 0 ? keyError(arg, limits) : valueError('value', arg, limits);
    if (wrong !== null) return wrong;
    bytes += arg.length + ARGUMENT_OVERHEAD;
  }
  return bytes > limits.entryBytesMax ? tooLong('command', bytes, limits.entryBytesMax) : null;
}
