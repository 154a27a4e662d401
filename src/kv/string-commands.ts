import { unreachable } from '../base/assert.ts';
import { byteString, bytesOf } from '../base/bytes.ts';
import { addDecimals, formatDecimal, parseDecimal } from '../base/decimal.ts';
import { addInt64, type Int64 } from '../base/int64.ts';
import type { Comparison } from './command-fields.ts';
import type { LayoutCommandOf } from './command-layouts.ts';
import type { Data } from './data.ts';
import type { Item } from './keyspace.ts';
import { array, bulk, error, integer, NULL, OK, type Reply } from './reply.ts';
import { xxh3Hex } from './xxh3.ts';

/** One MGET answers no more bytes than this, but for one value alone. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

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
  for (const key of keys) {
    const item = data.keyspace.get(byteString(key));
    items.push(valueReply(item));
    bytes += item === undefined ? 0 : item.value.length;
    if (bytes > REPLY_BYTES_MAX && keys.length > 1) return REPLY_TOO_LONG;
  }
  return array(items);
}

/** A key that is named twice gets its last value, as in Redis. */
export function mset(data: Data, { pairs }: LayoutCommandOf<'mset'>): Reply {
  const revision = data.nextRevision();
  for (const { key, value } of pairs) data.keyspace.set(byteString(key), key, value, revision);
  return OK;
}

/** All or none. */
export function msetnx(data: Data, command: LayoutCommandOf<'msetnx'>): Reply {
  for (const { key } of command.pairs) {
    if (data.keyspace.get(byteString(key)) !== undefined) return integer(0);
  }
  mset(data, { ...command, kind: 'mset' });
  return integer(1);
}

export function setnx(data: Data, { key, value }: LayoutCommandOf<'setnx'>): Reply {
  const name = byteString(key);
  if (data.keyspace.get(name) !== undefined) return integer(0);
  data.put(name, key, value);
  return integer(1);
}

export function getdel(data: Data, { key }: LayoutCommandOf<'getdel'>): Reply {
  const name = byteString(key);
  const before = valueReply(data.keyspace.get(name));
  data.remove(name);
  return before;
}

export function delex(data: Data, command: LayoutCommandOf<'delex'>): Reply {
  const name = byteString(command.key);
  const item = data.keyspace.get(name);
  if (item === undefined || !compares(command.comparison, command.comparand, item)) {
    return integer(0);
  }
  data.remove(name);
  return integer(1);
}

export function incrbyfloat(data: Data, command: LayoutCommandOf<'incrbyfloat'>): Reply {
  const key = byteString(command.key);
  const before = parseDecimal(data.keyspace.get(key)?.value ?? '0');
  const increment = parseDecimal(byteString(command.increment));
  if (before === null || increment === null) return NOT_A_FLOAT;
  if (before === 'infinite' || increment === 'infinite') return NOT_FINITE;
  const sum = addDecimals(before, increment);
  if (sum === null) return NOT_FINITE;
  const text = formatDecimal(sum);
  if (text.length > command.valueBytesMax) return TOO_LONG;
  data.put(key, command.key, bytesOf(text));
  return bulk(text);
}

export function append(data: Data, command: LayoutCommandOf<'append'>): Reply {
  const key = byteString(command.key);
  const item = data.keyspace.get(key);
  if (item === undefined) {
    data.put(key, command.key, command.value);
    return integer(command.value.length);
  }
  const start = item.value.length;
  if (command.value.length === 0) return integer(start);
  if (start + command.value.length > command.valueBytesMax) return TOO_LONG;
  const whole = overwritten(item.value, start, command.value);
  data.put(key, command.key, whole);
  return integer(whole.length);
}

export function setrange(data: Data, command: LayoutCommandOf<'setrange'>): Reply {
  const { offset, value, valueBytesMax } = command;
  const key = byteString(command.key);
  const before = data.keyspace.get(key)?.value ?? '';
  if (value.length === 0) return integer(before.length);
  // The door lets no negative one in, and a bigint is beyond every bound.
  if (typeof offset !== 'number' || offset < 0 || offset + value.length > valueBytesMax) {
    return TOO_LONG;
  }
  const whole = overwritten(before, offset, value);
  data.put(key, command.key, whole);
  return integer(whole.length);
}

/** Both ends included; negative ones count from the end. */
export function getrange(data: Data, { key, start, end }: LayoutCommandOf<'getrange'>): Reply {
  const value = data.keyspace.get(byteString(key))?.value;
  if (value === undefined || (start < 0 && end < 0 && start > end)) return EMPTY;
  const from = fromStart(start, value.length);
  const to = fromStart(end, value.length);
  return from > to ? EMPTY : bulk(flat(value.slice(from, to + 1), value));
}

export function strlen(data: Data, { key }: LayoutCommandOf<'strlen'>): Reply {
  return integer(data.keyspace.get(byteString(key))?.value.length ?? 0);
}

export function digest(data: Data, { key }: LayoutCommandOf<'digest'>): Reply {
  const item = data.keyspace.get(byteString(key));
  return item === undefined ? NULL : bulk(xxh3Hex(bytesOf(item.value)));
}

export function valueReply(item: Readonly<Item> | undefined): Reply {
  return item === undefined ? NULL : bulk(item.value);
}

/** Whether the value of an item compares as it should. */
export function compares(
  comparison: Comparison,
  comparand: Uint8Array,
  { value }: Readonly<Item>,
): boolean {
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
