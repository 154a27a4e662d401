import { byteString, bytesEqual, bytesOf } from '../base/bytes.ts';
import type { Index } from '../base/ids.ts';
import { Prng } from '../base/prng.ts';
import type { LayoutCommandOf } from './command-layouts.ts';
import type { Data } from './data.ts';
import { Glob } from './glob.ts';
import { array, bulk, error, integer, NULL, OK, type Reply, simple } from './reply.ts';

/*
 * What one command may cost. An entry of the log is applied in one go, by every replica, so none
 * may take long; what would is refused, or, where a cursor can go on, cut short.
 */
/** Keys that one KEYS looks at. */
const KEYS_VISITED_MAX = 32_768;
/** Keys that one SCAN looks at, whatever its COUNT. */
const SCAN_VISITED_MAX = 4096;
/** Bytes that patterns are compared with, in one command. */
const STEPS_MAX = 1_000_000;
const KEYS_REPLY_BYTES_MAX = 4 * 1024 * 1024;
const SCAN_REPLY_BYTES_MAX = 1024 * 1024;
/** How many keys are looked at, and how many steps of a match are taken, in one unit of work. */
const VISITS_PER_UNIT = 4;
const STEPS_PER_UNIT = 200;
/** How many keys are passed over, in one unit, on the way to the one of a given rank. */
const KEYS_PASSED_PER_UNIT = 10_000;

const NO_SUCH_KEY = error('ERR no such key');
const SAME_OBJECT = error('ERR source and destination objects are the same');
const TOO_MANY_KEYS = error(
  `ERR KEYS would look at more than ${KEYS_VISITED_MAX} keys: ` +
    'use SCAN, or begin the pattern with more of the key',
);
const REPLY_TOO_LONG = error(
  `ERR KEYS would answer more than ${KEYS_REPLY_BYTES_MAX} bytes: use SCAN`,
);
const PATTERN_TOO_COSTLY = error('ERR the pattern takes too long to match: use fewer stars');

const STRING = simple('string');
const NONE = simple('none');

export function type(data: Data, { key }: LayoutCommandOf<'type'>): Reply {
  return data.keyspace.has(key) ? STRING : NONE;
}

/** Redis: -2 without such a key, -1 if it doesn't expire. None does yet, so this is the truth. */
export function ttl(data: Data, { key }: LayoutCommandOf<'ttl'>): Reply {
  return integer(data.keyspace.has(key) ? -1 : -2);
}

export function rename(data: Data, { key, newKey }: LayoutCommandOf<'rename'>): Reply {
  if (!data.keyspace.has(key)) return NO_SUCH_KEY;
  if (!bytesEqual(key, newKey)) move(data, key, newKey);
  return OK;
}

export function renamenx(data: Data, { key, newKey }: LayoutCommandOf<'renamenx'>): Reply {
  if (!data.keyspace.has(key)) return NO_SUCH_KEY;
  if (data.keyspace.has(newKey)) return integer(0);
  move(data, key, newKey);
  return integer(1);
}

export function copy(data: Data, command: LayoutCommandOf<'copy'>): Reply {
  const { source, destination } = command;
  if (bytesEqual(source, destination)) return SAME_OBJECT;
  const value = data.keyspace.value(source);
  if (value === undefined) return integer(0);
  if (data.keyspace.has(destination) && !command.replace) return integer(0);
  data.spendOnBytes(value.length);
  data.put(destination, bytesOf(value));
  return integer(1);
}

/** In the order of their bytes. Only what starts as the pattern starts is looked at. */
export function keys(data: Data, command: LayoutCommandOf<'keys'>): Reply {
  const glob = new Glob(byteString(command.pattern));
  const found: Reply[] = [];
  let visited = 0;
  let bytes = 0;
  let refusal: Reply | null = null;
  for (const key of data.keyspace.keysFrom(bytesOf(glob.prefix))) {
    if (!key.startsWith(glob.prefix)) break;
    if (++visited > KEYS_VISITED_MAX) refusal = TOO_MANY_KEYS;
    else if (bytes > KEYS_REPLY_BYTES_MAX) refusal = REPLY_TOO_LONG;
    if (refusal !== null) break;
    const matches = glob.matches(key, STEPS_MAX);
    if (matches === 'too costly') {
      refusal = PATTERN_TOO_COSTLY;
      break;
    }
    if (!matches) continue;
    bytes += key.length;
    found.push(bulk(key));
  }
  data.spend(visited / VISITS_PER_UNIT + glob.steps / STEPS_PER_UNIT);
  return refusal ?? array(found);
}

/**
 * Walks from the newest key to the oldest. The cursor is the serial of the last key looked at, so
 * it needs nobody to remember it, and survives a change of leader and a restart. A key that is
 * there all the while is returned exactly once; one that is created meanwhile, not at all, so that
 * a scan always comes to its end.
 */
export function scan(data: Data, command: LayoutCommandOf<'scan'>): Reply {
  const found: Reply[] = [];
  // Every value is a string. Of another type there is nothing to look for.
  if (byteString(command.type).toLowerCase() !== 'string') return page(0, found);
  const glob = new Glob(byteString(command.pattern));
  const visitedMax = Math.min(command.count, SCAN_VISITED_MAX);
  const start = command.cursor === 0 ? Number.POSITIVE_INFINITY : command.cursor;
  /** Of the last key looked at; 0 once there is none behind it. */
  let cursor = 0;
  let visited = 0;
  let bytes = 0;
  let isWhole = true;
  for (const item of data.keyspace.createdBefore(start)) {
    const matches =
      visited < visitedMax && bytes <= SCAN_REPLY_BYTES_MAX
        ? glob.matches(item.key, STEPS_MAX)
        : 'too costly';
    if (matches === 'too costly') {
      isWhole = false;
      break;
    }
    visited++;
    cursor = item.serial;
    if (!matches) continue;
    found.push(bulk(item.key));
    bytes += item.key.length;
  }
  data.spend(visited / VISITS_PER_UNIT + glob.steps / STEPS_PER_UNIT);
  if (isWhole) return page(0, found);
  return visited === 0 ? PATTERN_TOO_COSTLY : page(cursor, found);
}

/** Drawn by the place of the command in the log, and from nothing but the state, so that every
 *  replica would draw the same, whether it has come by the log or by a snapshot. */
export function randomkey(data: Data, index: Index): Reply {
  const { keyspace } = data;
  data.spend(keyspace.size / KEYS_PASSED_PER_UNIT);
  const item = keyspace.itemAt(new Prng(index).below(keyspace.size));
  return item === undefined ? NULL : bulk(item.key);
}

export function dbsize(data: Data): Reply {
  return integer(data.keyspace.size);
}

export function flushall(data: Data): Reply {
  if (data.keyspace.size > 0) {
    data.keyspace.clear();
    data.nextRevision();
  }
  return OK;
}

function page(cursor: number, found: readonly Reply[]): Reply {
  return array([bulk(String(cursor)), array(found)]);
}

/** One change: two keys, one revision. */
function move(data: Data, key: Uint8Array, newKey: Uint8Array): void {
  const { keyspace } = data;
  const value = bytesOf(keyspace.value(key)!);
  data.spendOnBytes(value.length);
  keyspace.delete(key);
  data.set(newKey, value, data.nextRevision());
}
