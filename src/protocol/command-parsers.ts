import { byteString, EMPTY_BYTES } from '../base/bytes.ts';
import { type Int64, negateInt64, parseInt64 } from '../base/int64.ts';
import type { Limits } from '../base/limits.ts';
import type { Command, SetCommand, SetCondition } from '../kv/command.ts';
import {
  decrementOverflow,
  type ErrorReply,
  emptyKey,
  notAnInteger,
  syntaxError,
  tooLong,
  unsupportedOption,
} from './errors.ts';
import { isWord } from './words.ts';

/**
 * Makes the replicated command of a request whose arity is right, or says what is wrong with it.
 * What depends on the node's limits is decided here, at the door, and never where it is applied.
 */
export type ParseCommand = (args: readonly Uint8Array[], limits: Limits) => Command | ErrorReply;

export const parseGet: ParseCommand = (args, limits) => {
  const key = args[1]!;
  return keyError(key, limits) ?? { kind: 'get', key };
};

export const parseDel: ParseCommand = (args, limits) => {
  const keys = args.slice(1);
  return keysError(keys, limits) ?? { kind: 'del', keys };
};

export const parseExists: ParseCommand = (args, limits) => {
  const keys = args.slice(1);
  return keysError(keys, limits) ?? { kind: 'exists', keys };
};

export const parseIncr: ParseCommand = (args, limits) => incrBy(args[1]!, 1, limits);
export const parseDecr: ParseCommand = (args, limits) => incrBy(args[1]!, -1, limits);

export const parseIncrBy: ParseCommand = (args, limits) => {
  const delta = parseInt64(byteString(args[2]!));
  return delta === null ? notAnInteger : incrBy(args[1]!, delta, limits);
};

export const parseDecrBy: ParseCommand = (args, limits) => {
  const decrement = parseInt64(byteString(args[2]!));
  if (decrement === null) return notAnInteger;
  const delta = negateInt64(decrement);
  return delta === null ? decrementOverflow : incrBy(args[1]!, delta, limits);
};

/** SET key value [NX | XX | IFEQ value | IFNE value] [GET], the options in any order. */
export const parseSet: ParseCommand = (args, limits) => {
  const key = args[1]!;
  const value = args[2]!;
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  if (wrong !== null) return wrong;
  if (args.length === 3) return set(key, value, 'none', EMPTY_BYTES, false);
  const options = parseSetOptions(args);
  if (options === null) return syntaxError;
  if (options.unsupported !== '') return unsupportedOption('SET', options.unsupported);
  const { condition, comparand, get } = options;
  const tooLongToCompare = valueError('value to compare with', comparand, limits);
  return tooLongToCompare ?? set(key, value, condition, comparand, get);
};

interface SetOptions {
  condition: SetCondition;
  comparand: Uint8Array;
  get: boolean;
  /** An option of Redis that DKVS lacks; empty when there is none. */
  unsupported: string;
}

const EXPIRES = ['ex', 'px', 'exat', 'pxat'] as const;

/** Null: a syntax error. What DKVS lacks is read too, so that only what is right in Redis is called
 *  unsupported. At most one condition and one expiry; NX, XX and KEEPTTL may be said again. */
function parseSetOptions(args: readonly Uint8Array[]): SetOptions | null {
  const options: SetOptions = {
    condition: 'none',
    comparand: EMPTY_BYTES,
    get: false,
    unsupported: '',
  };
  let condition = '';
  let expiry = '';
  for (let i = 3; i < args.length; i++) {
    const word = args[i]!;
    const operand = args[i + 1];
    const plain = isWord(word, 'nx') ? 'nx' : isWord(word, 'xx') ? 'xx' : null;
    const compare = isWord(word, 'ifeq') ? 'ifeq' : isWord(word, 'ifne') ? 'ifne' : null;
    const digest = isWord(word, 'ifdeq') ? 'ifdeq' : isWord(word, 'ifdne') ? 'ifdne' : null;
    const expire = EXPIRES.find((name) => isWord(word, name)) ?? null;
    if (isWord(word, 'get')) {
      options.get = true;
    } else if (plain !== null) {
      if (condition !== '' && condition !== plain) return null;
      condition = plain;
      options.condition = plain;
    } else if (isWord(word, 'keepttl')) {
      if (expiry !== '' && expiry !== 'keepttl') return null;
      expiry = 'keepttl';
    } else if (expire !== null) {
      if (expiry !== '' || operand === undefined) return null;
      expiry = expire;
      i++;
    } else {
      const named = compare ?? digest;
      if (named === null || condition !== '' || operand === undefined) return null;
      condition = named;
      if (compare !== null) options.condition = compare;
      options.comparand = operand;
      i++;
    }
  }
  if (condition.startsWith('ifd')) options.unsupported = condition.toUpperCase();
  if (expiry !== '') options.unsupported = expiry.toUpperCase();
  return options;
}

function set(
  key: Uint8Array,
  value: Uint8Array,
  condition: SetCondition,
  comparand: Uint8Array,
  get: boolean,
): SetCommand {
  return { kind: 'set', key, value, condition, comparand, get };
}

function incrBy(key: Uint8Array, delta: Int64, limits: Limits): Command | ErrorReply {
  return keyError(key, limits) ?? { kind: 'incrby', key, delta };
}

function keyError(key: Uint8Array, limits: Limits): ErrorReply | null {
  if (key.length === 0) return emptyKey(limits.keyBytesMax);
  return key.length > limits.keyBytesMax ? tooLong('key', key.length, limits.keyBytesMax) : null;
}

function valueError(what: string, value: Uint8Array, limits: Limits): ErrorReply | null {
  return value.length > limits.valueBytesMax
    ? tooLong(what, value.length, limits.valueBytesMax)
    : null;
}

/** More than the encoding takes, of a key and of what is around the keys (see kv/command.ts). */
const KEY_OVERHEAD = 4;
const KEYS_OVERHEAD = 256;

function keysError(keys: readonly Uint8Array[], limits: Limits): ErrorReply | null {
  let bytes = KEYS_OVERHEAD;
  for (const key of keys) {
    const wrong = keyError(key, limits);
    if (wrong !== null) return wrong;
    bytes += key.length + KEY_OVERHEAD;
  }
  return bytes > limits.entryBytesMax ? tooLong('command', bytes, limits.entryBytesMax) : null;
}
