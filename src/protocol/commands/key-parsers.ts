import { byteString, bytesOf } from '../../base/bytes.ts';
import { parseInt64 } from '../../base/int64.ts';
import {
  databaseOutOfRange,
  flushNotAllowed,
  intOutOfRange,
  invalidCursor,
  notAnInteger,
  syntaxError,
} from '../errors.ts';
import { isWord } from '../words.ts';
import { keyError, patternError } from './checks.ts';
import type { ParseCommand } from './info.ts';

/** RENAME and RENAMENX. */
export function renameParser(kind: 'rename' | 'renamenx'): ParseCommand {
  return (args, limits) => {
    const [, key, newKey] = args as [Uint8Array, Uint8Array, Uint8Array];
    return keyError(key, limits) ?? keyError(newKey, limits) ?? { kind, key, newKey };
  };
}

const INT_MAX = 2 ** 31 - 1;

/** COPY source destination [DB 0] [REPLACE]: there is one database. */
export const parseCopy: ParseCommand = (args, limits) => {
  const [, source, destination] = args as [Uint8Array, Uint8Array, Uint8Array];
  let replace = false;
  for (let i = 3; i < args.length; i++) {
    const operand = args[i + 1];
    if (isWord(args[i]!, 'replace')) replace = true;
    else if (isWord(args[i]!, 'db') && operand !== undefined) {
      const database = parseInt64(byteString(operand));
      if (database === null) return notAnInteger;
      if (database > INT_MAX || database < -INT_MAX - 1) return intOutOfRange;
      if (database !== 0) return databaseOutOfRange;
      i++;
    } else return syntaxError;
  }
  const wrong = keyError(source, limits) ?? keyError(destination, limits);
  return wrong ?? { kind: 'copy', replace, source, destination };
};

export const parseKeys: ParseCommand = (args, limits) =>
  patternError(args[1]!, limits) ?? { kind: 'keys', pattern: args[1]! };

const CURSOR_FORM = /^\+?\d{0,20}$/;
const CURSOR_MAX = 2n ** 64n - 1n;
const COUNT_DEFAULT = 10;
const COUNT_MAX = 2 ** 32 - 1;
const EVERYTHING = bytesOf('*');
const STRING = bytesOf('string');

/** SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
export const parseScan: ParseCommand = (args, limits) => {
  const cursorText = byteString(args[1]!);
  const wide = CURSOR_FORM.test(cursorText) ? BigInt(cursorText.replace('+', '')) : -1n;
  if (wide < 0n || wide > CURSOR_MAX) return invalidCursor;
  // No serial is beyond this, so that both mean: from the newest key on.
  const cursor = Math.min(Number(wide), Number.MAX_SAFE_INTEGER);
  let count = COUNT_DEFAULT;
  let pattern = EVERYTHING;
  let type = STRING;
  for (let i = 2; i < args.length; i += 2) {
    const operand = args[i + 1];
    if (operand === undefined) return syntaxError;
    if (isWord(args[i]!, 'count')) {
      const value = parseInt64(byteString(operand));
      if (value === null) return notAnInteger;
      if (value < 1) return syntaxError;
      count = Math.min(Number(value), COUNT_MAX);
    } else if (isWord(args[i]!, 'match')) pattern = operand;
    else if (isWord(args[i]!, 'type')) type = operand;
    else return syntaxError;
  }
  return patternError(pattern, limits) ?? { kind: 'scan', cursor, count, pattern, type };
};

export const parseRandomKey: ParseCommand = () => ({ kind: 'randomkey' });
export const parseDbSize: ParseCommand = () => ({ kind: 'dbsize' });

/** FLUSHALL and FLUSHDB [ASYNC | SYNC]: there is one database, and both ways take no time. */
export const parseFlush: ParseCommand = (args, limits) => {
  if (!limits.allowFlushall) return flushNotAllowed;
  const word = args[1];
  const isKnown = word === undefined || isWord(word, 'async') || isWord(word, 'sync');
  return isKnown && args.length <= 2 ? { kind: 'flushall' } : syntaxError;
};
