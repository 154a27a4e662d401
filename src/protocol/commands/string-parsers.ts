import { byteString, bytesOf, EMPTY_BYTES } from '../../base/bytes.ts';
import { parseDecimal } from '../../base/decimal.ts';
import { type Int64, negateInt64, parseInt64 } from '../../base/int64.ts';
import type { Limits } from '../../base/limits.ts';
import type { Command, SetCommand, SetCondition } from '../../kv/command.ts';
import type { Comparison } from '../../kv/command-fields.ts';
import {
  decrementOverflow,
  delexCondition,
  digestForm,
  type ErrorReply,
  notAFloat,
  notAnInteger,
  offsetOutOfRange,
  syntaxError,
  unsupportedOption,
  wrongArity,
} from '../errors.ts';
import { isWord } from '../words.ts';
import { keyError, keysError, valueError } from './checks.ts';
import type { ParseCommand } from './info.ts';

export const parseGet: ParseCommand = (args, limits) => {
  const key = args[1]!;
  return keyError(key, limits) ?? { kind: 'get', key };
};

/** Of a command that is its name and a key. */
export function keyParser(kind: 'getdel' | 'strlen' | 'digest' | 'type' | 'ttl'): ParseCommand {
  return (args, limits) => {
    const key = args[1]!;
    return keyError(key, limits) ?? { kind, key };
  };
}

/** Of a command that is its name and any number of keys. */
export function keysParser(kind: 'del' | 'exists' | 'mget'): ParseCommand {
  return (args, limits) => {
    const keys = args.slice(1);
    return keysError(keys, 1, limits) ?? { kind, keys };
  };
}

/** MSET and MSETNX. */
export function pairsParser(kind: 'mset' | 'msetnx'): ParseCommand {
  return (args, limits) => {
    if (args.length % 2 === 0) return wrongArity(kind);
    const wrong = keysError(args.slice(1), 2, limits);
    if (wrong !== null) return wrong;
    const pairs = [];
    for (let i = 1; i < args.length; i += 2) pairs.push({ key: args[i]!, value: args[i + 1]! });
    return { kind, pairs };
  };
}

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

export const parseIncrByFloat: ParseCommand = (args, limits) => {
  const [, key, increment] = args as [Uint8Array, Uint8Array, Uint8Array];
  if (parseDecimal(byteString(increment)) === null) return notAFloat;
  const { valueBytesMax } = limits;
  return keyError(key, limits) ?? { kind: 'incrbyfloat', valueBytesMax, key, increment };
};

export const parseSetNx: ParseCommand = (args, limits) => {
  const [, key, value] = args as [Uint8Array, Uint8Array, Uint8Array];
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  return wrong ?? { kind: 'setnx', key, value };
};

export const parseGetSet: ParseCommand = (args, limits) => {
  const [, key, value] = args as [Uint8Array, Uint8Array, Uint8Array];
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  return wrong ?? set(key, value, 'none', EMPTY_BYTES, true);
};

export const parseAppend: ParseCommand = (args, limits) => {
  const [, key, value] = args as [Uint8Array, Uint8Array, Uint8Array];
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  return wrong ?? { kind: 'append', valueBytesMax: limits.valueBytesMax, key, value };
};

export const parseSetRange: ParseCommand = (args, limits) => {
  const [, key, offsetText, value] = args as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const offset = parseInt64(byteString(offsetText));
  if (offset === null) return notAnInteger;
  if (offset < 0) return offsetOutOfRange;
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  return wrong ?? { kind: 'setrange', valueBytesMax: limits.valueBytesMax, offset, key, value };
};

export const parseGetRange: ParseCommand = (args, limits) => {
  const key = args[1]!;
  const start = parseInt64(byteString(args[2]!));
  const end = parseInt64(byteString(args[3]!));
  if (start === null || end === null) return notAnInteger;
  return keyError(key, limits) ?? { kind: 'getrange', start, end, key };
};

const COMPARISONS: readonly Comparison[] = ['ifeq', 'ifne', 'ifdeq', 'ifdne'];

/** DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] */
export const parseDelex: ParseCommand = (args, limits) => {
  const key = args[1]!;
  const wrong = keyError(key, limits);
  if (wrong !== null) return wrong;
  if (args.length === 2) return { kind: 'del', keys: [key] };
  if (args.length !== 4) return wrongArity('delex');
  const comparison = COMPARISONS.find((name) => isWord(args[2]!, name));
  if (comparison === undefined) return delexCondition;
  return delex(key, comparison, args[3]!, limits);
};

/** DELIFEQ key value, of Valkey */
export const parseDelIfEq: ParseCommand = (args, limits) =>
  keyError(args[1]!, limits) ?? delex(args[1]!, 'ifeq', args[2]!, limits);

function delex(
  key: Uint8Array,
  comparison: Comparison,
  operand: Uint8Array,
  limits: Limits,
): Command | ErrorReply {
  const comparand = comparandOf(comparison, operand, limits);
  return 'kind' in comparand ? comparand : { kind: 'delex', comparison, key, comparand };
}

/** A value as it is; a digest in lower case, as digests are compared. */
function comparandOf(
  condition: SetCondition,
  operand: Uint8Array,
  limits: Limits,
): Uint8Array | ErrorReply {
  if (condition === 'ifdeq' || condition === 'ifdne') {
    return operand.length === 16 ? bytesOf(byteString(operand).toLowerCase()) : digestForm;
  }
  return valueError('value to compare with', operand, limits) ?? operand;
}

/** SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET], the
 *  options in any order. */
export const parseSet: ParseCommand = (args, limits) => {
  const key = args[1]!;
  const value = args[2]!;
  const wrong = keyError(key, limits) ?? valueError('value', value, limits);
  if (wrong !== null) return wrong;
  if (args.length === 3) return set(key, value, 'none', EMPTY_BYTES, false);
  const options = parseSetOptions(args);
  if (options === null) return syntaxError;
  if (options.unsupported !== '') return unsupportedOption('SET', options.unsupported);
  const { condition, operand, get } = options;
  const comparand = comparandOf(condition, operand, limits);
  return 'kind' in comparand ? comparand : set(key, value, condition, comparand, get);
};

interface SetOptions {
  condition: SetCondition;
  /** What stands behind the condition. */
  operand: Uint8Array;
  get: boolean;
  /** An option of Redis that DKVS lacks; empty when there is none. */
  unsupported: string;
}

const EXPIRES = ['ex', 'px', 'exat', 'pxat'] as const;

/** Null: a syntax error. What DKVS lacks is read too, so that only what is right in Redis is called
 *  unsupported. At most one condition and one expiry; but NX, XX and an expiry may be said again. */
function parseSetOptions(args: readonly Uint8Array[]): SetOptions | null {
  const options: SetOptions = {
    condition: 'none',
    operand: EMPTY_BYTES,
    get: false,
    unsupported: '',
  };
  let expiry = '';
  for (let i = 3; i < args.length; i++) {
    const word = args[i]!;
    const operand = args[i + 1];
    const plain = isWord(word, 'nx') ? 'nx' : isWord(word, 'xx') ? 'xx' : null;
    const expire = EXPIRES.find((name) => isWord(word, name)) ?? null;
    if (isWord(word, 'get')) {
      options.get = true;
    } else if (plain !== null) {
      if (options.condition !== 'none' && options.condition !== plain) return null;
      options.condition = plain;
    } else if (isWord(word, 'keepttl')) {
      if (expiry !== '' && expiry !== 'keepttl') return null;
      expiry = 'keepttl';
    } else if (expire !== null) {
      if ((expiry !== '' && expiry !== expire) || operand === undefined) return null;
      expiry = expire;
      i++;
    } else {
      const comparison = COMPARISONS.find((name) => isWord(word, name));
      if (comparison === undefined || options.condition !== 'none') return null;
      if (operand === undefined) return null;
      options.condition = comparison;
      options.operand = operand;
      i++;
    }
  }
  options.unsupported = expiry.toUpperCase();
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
