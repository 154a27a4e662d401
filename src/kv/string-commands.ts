import { unreachable } from '../base/assert.ts';
import { byteString, bytesOf } from '../base/bytes.ts';
import { addDecimals, formatDecimal, parseDecimal } from '../base/decimal.ts';
import { addInt64, type Int64 } from '../base/int64.ts';
import type { Comparison } from './command-fields.ts';
import type { LayoutCommandOf } from './command-layouts.ts';
import type { Data } from './data.ts';
import { array, bulk, error, integer, NULL, OK, type Reply } from './reply.ts';
import { xxh3Hex } from './xxh3.ts';

/** One MGET answers no more bytes than this, but for one value alone. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

/** A key that is written or deleted costs about as many units of work. */
export const PUT_UNITS = 2;

const NOT_A_FLOAT = error('ERR value is not a valid float');
const NOT_FINITE = error('ERR increment would produce NaN or Infinity');
const TOO_LONG = error('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
const REPLY_TOO_LONG = error(
  `ERR the values are longer than ${REPLY_BYTES_MAX} bytes together: ask for fewer keys at once`,
);
const EMPTY = bulk('');

/** A command of one value or of several, in the order of Redis's documentation. */
export function mget(data: Data, { keys }: LayoutCommandOf<'mget'>): Reply {
  const items: Reply[] = [];
  let bytes = 0;
  data.spend(keys.length);
  for (const key of keys) {
    const value = data.keyspace.value(key);
    items.push(valueReply(value));
    bytes += value === undefined ? 0 : value.length;
    if (bytes > REPLY_BYTES_MAX && keys.length > 1) return REPLY_TOO_LONG;
  }
  data.spendOnBytes(bytes);
  return array(items);
}

/** A key that is named twice gets its last value, as in Redis. */
export function mset(data: Data, { pairs }: LayoutCommandOf<'mset'>): Reply {
  const revision = data.nextRevision();
  data.spend(PUT_UNITS * pairs.length);
  for (const { key, value } of pairs) data.set(key, value, revision);
  return OK;
}

/** All or none. */
export function msetnx(data: Data, command: LayoutCommandOf<'msetnx'>): Reply {
  data.spend(command.pairs.length);
  for (const { key } of command.pairs) {
    if (data.keyspace.has(key)) return integer(0);
  }
  mset(data, { ...command, kind: 'mset' });
  return integer(1);
}

export function setnx(data: Data, { key, value }: LayoutCommandOf<'setnx'>): Reply {
  if (data.keyspace.has(key)) return integer(0);
  data.put(key, value);
  return integer(1);
}

export function getdel(data: Data, { key }: LayoutCommandOf<'getdel'>): Reply {
  const before = valueReply(data.keyspace.value(key));
  data.remove(key);
  return before;
}

export function delex(data: Data, command: LayoutCommandOf<'delex'>): Reply {
  const value = data.keyspace.value(command.key);
  data.spendOnBytes(value?.length ?? 0);
  if (value === undefined || !compares(command.comparison, command.comparand, value)) {
    return integer(0);
  }
  data.remove(command.key);
  return integer(1);
}

export function incrbyfloat(data: Data, command: LayoutCommandOf<'incrbyfloat'>): Reply {
  const before = parseDecimal(data.keyspace.value(command.key) ?? '0');
  const increment = parseDecimal(byteString(command.increment));
  if (before === null || increment === null) return NOT_A_FLOAT;
  if (before === 'infinite' || increment === 'infinite') return NOT_FINITE;
  const sum = addDecimals(before, increment);
  if (sum === null) return NOT_FINITE;
  const text = formatDecimal(sum);
  if (text.length > command.valueBytesMax) return TOO_LONG;
  data.put(command.key, bytesOf(text));
  return bulk(text);
}

export function append(data: Data, command: LayoutCommandOf<'append'>): Reply {
  const item = data.keyspace.get(command.key);
  if (item === undefined) {
    data.put(command.key, command.value);
    return integer(command.value.length);
  }
  const start = item.valueLength;
  if (command.value.length === 0) return integer(start);
  if (start + command.value.length > command.valueBytesMax) return TOO_LONG;
  const whole = overwritten(item.value, start, command.value);
  data.spendOnBytes(whole.length);
  data.put(command.key, whole);
  return integer(whole.length);
}

export function setrange(data: Data, command: LayoutCommandOf<'setrange'>): Reply {
  const { offset, value, valueBytesMax } = command;
  const before = data.keyspace.value(command.key) ?? '';
  if (value.length === 0) return integer(before.length);
  // The door lets no negative one in, and a bigint is beyond every bound.
  if (typeof offset !== 'number' || offset < 0 || offset + value.length > valueBytesMax) {
    return TOO_LONG;
  }
  const whole = overwritten(before, offset, value);
  data.spendOnBytes(whole.length);
  data.put(command.key, whole);
  return integer(whole.length);
}

/** Both ends included; negative ones count from the end. */
export function getrange(data: Data, { key, start, end }: LayoutCommandOf<'getrange'>): Reply {
  const value = data.keyspace.value(key);
  if (value === undefined || (start < 0 && end < 0 && start > end)) return EMPTY;
  const from = fromStart(start, value.length);
  const to = fromStart(end, value.length);
  if (from > to) return EMPTY;
  const part = value.slice(from, to + 1);
  data.spendOnBytes(part.length);
  return bulk(flat(part, value));
}

export function strlen(data: Data, { key }: LayoutCommandOf<'strlen'>): Reply {
  return integer(data.keyspace.get(key)?.valueLength ?? 0);
}

export function digest(data: Data, { key }: LayoutCommandOf<'digest'>): Reply {
  const value = data.keyspace.value(key);
  if (value === undefined) return NULL;
  data.spendOnBytes(value.length);
  return bulk(xxh3Hex(bytesOf(value)));
}

export function valueReply(value: string | undefined): Reply {
  return value === undefined ? NULL : bulk(value);
}

/** Whether a value compares as it should. */
export function compares(comparison: Comparison, comparand: Uint8Array, value: string): boolean {
  switch (comparison) {
    case 'ifeq':
      return value === byteString(comparand);
    case 'ifne':
      return value !== byteString(comparand);
    case 'ifdeq':
      return xxh3Hex(bytesOf(value)) === byteString(comparand);
    case 'ifdne':
      return xxh3Hex(bytesOf(value)) !== byteString(comparand);
    default:
      return unreachable(comparison);
  }
}

/** `part` over `value` at `offset`; what is between them, if anything, is zeros. */
function overwritten(value: string, offset: number, part: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.max(value.length, offset + part.length));
  whole.set(bytesOf(value));
  whole.set(part, offset);
  return whole;
}

/** The index from the start that Redis takes this one for: at least 0, at most the last. */
function fromStart(index: Int64, length: number): number {
  const counted = index < 0 ? (addInt64(index, length) ?? 0) : index;
  return Math.max(0, Number(counted));
}

/** A slice of a long string keeps the whole of it alive: a reply that waits for its client must not.
 *  @param whole what `part` was cut from */
function flat(part: string, whole: string): string {
  return part.length === whole.length ? part : byteString(bytesOf(part));
}
