/** Where values are: all of it that a command can see. Keys and values are byte strings. */
export interface Store {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
}

/** A reply as a person would note it: `+OK`, `$bytes`, `:7`, `(nil)`, `-ERR …`. */
export type ReplyText = string;

const READS: ReadonlySet<string> = new Set(['GET', 'EXISTS', 'MGET', 'STRLEN']);
const WRITES = ['SET', 'DEL', 'INCR', 'DECR', 'INCRBY', 'DECRBY', 'MSET', 'GETDEL', 'APPEND'];
const OPTIONS = ['NX', 'XX', 'IFEQ', 'IFNE'];
const CAPITALS: ReadonlySet<string> = new Set([...READS, ...WRITES, ...OPTIONS]);
const OK = '+OK';
const NIL = '(nil)';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const OVERFLOW = '-ERR increment or decrement would overflow';
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/**
 * What each command does, said once more: from the documentation of Redis and from `dkvs help`, not
 * from `src/kv/`, and with nothing in mind but to be plainly right. The words are those that a
 * client sends. A command that the door refuses (unknown, wrong arity, bad option) never gets here.
 */
export function execute(store: Store, words: readonly string[]): ReplyText {
  const name = words[0] ?? '';
  const key = words[1] ?? '';
  const operand = words[2] ?? '';
  switch (inCapitals(name)) {
    case 'GET':
      return bulk(store.get(key));
    case 'SET':
      return set(store, key, operand, words.slice(3));
    case 'DEL':
      return del(store, words.slice(1));
    case 'EXISTS':
      return `:${words.slice(1).filter((each) => store.get(each) !== undefined).length}`;
    case 'INCR':
      return add(store, key, 1n);
    case 'DECR':
      return add(store, key, -1n);
    case 'INCRBY':
      return add(store, key, BigInt(operand));
    case 'DECRBY':
      return add(store, key, -BigInt(operand));
    case 'MGET':
      return `[${words
        .slice(1)
        .map((each) => bulk(store.get(each)))
        .join(' ')}]`;
    case 'MSET':
      for (let at = 1; at < words.length; at += 2) store.set(words[at]!, words[at + 1]!);
      return OK;
    case 'GETDEL': {
      const before = store.get(key);
      if (before !== undefined) store.delete(key);
      return bulk(before);
    }
    case 'APPEND':
      return append(store, key, operand);
    case 'STRLEN':
      return `:${(store.get(key) ?? '').length}`;
    default:
      throw new Error(`the reference machine does not know ${name}: teach it`);
  }
}

/** The name of a command or an option, however it is written: most often so already. */
export function inCapitals(name: string): string {
  return CAPITALS.has(name) ? name : name.toUpperCase();
}

/** Whether the command can't change anything, whatever the state. */
export function isRead(words: readonly string[]): boolean {
  return READS.has(inCapitals(words[0]!));
}

/** Whether the command, with this reply, may have changed anything. */
export function hasChanged(words: readonly string[], reply: ReplyText): boolean {
  if (reply.startsWith('-') || isRead(words)) return false;
  switch (inCapitals(words[0]!)) {
    case 'GETDEL':
      return reply !== NIL;
    case 'DEL':
      return reply !== ':0';
    case 'SET':
      // With GET, the reply is the value before, whether it was replaced or not.
      return reply !== NIL || words.slice(3).some((word) => inCapitals(word) === 'GET');
    default:
      return true;
  }
}

/** The keys that the command names. */
export function keysOf(words: readonly string[]): readonly string[] {
  switch (inCapitals(words[0]!)) {
    case 'DEL':
    case 'EXISTS':
    case 'MGET':
      return words.slice(1);
    case 'MSET':
      return words.filter((_, at) => at % 2 === 1);
    default:
      return words.slice(1, 2);
  }
}

/** SET key value [NX | XX | IFEQ value | IFNE value] [GET] */
function set(store: Store, key: string, value: string, options: readonly string[]): ReplyText {
  const before = store.get(key);
  let allowed = true;
  let get = false;
  for (let at = 0; at < options.length; at++) {
    switch (inCapitals(options[at]!)) {
      case 'GET':
        get = true;
        break;
      case 'NX':
        allowed = before === undefined;
        break;
      case 'XX':
        allowed = before !== undefined;
        break;
      case 'IFEQ':
        at++;
        allowed = before !== undefined && before === options[at];
        break;
      case 'IFNE':
        at++;
        allowed = before === undefined || before !== options[at];
        break;
      default:
        throw new Error(`the reference machine does not know SET … ${options[at]}: teach it`);
    }
  }
  if (allowed) store.set(key, value);
  if (get) return bulk(before);
  return allowed ? OK : NIL;
}

function del(store: Store, keys: readonly string[]): ReplyText {
  let deleted = 0;
  for (const key of keys) {
    if (store.get(key) === undefined) continue;
    store.delete(key);
    deleted++;
  }
  return `:${deleted}`;
}

/** Nothing appended to a value is no change; nothing appended to no value is an empty one. */
function append(store: Store, key: string, more: string): ReplyText {
  const before = store.get(key);
  if (before === undefined || more !== '') store.set(key, (before ?? '') + more);
  return `:${(before ?? '').length + more.length}`;
}

function add(store: Store, key: string, delta: bigint): ReplyText {
  const text = store.get(key) ?? '0';
  // One way to write each number, and no other: no "+1", no "01", no "-0", no space.
  if (!/^(0|-?[1-9][0-9]*)$/.test(text)) return NOT_AN_INTEGER;
  const before = BigInt(text);
  if (before < MIN || before > MAX) return NOT_AN_INTEGER;
  const after = before + delta;
  if (after < MIN || after > MAX) return OVERFLOW;
  store.set(key, String(after));
  return `:${after}`;
}

function bulk(value: string | undefined): ReplyText {
  return value === undefined ? NIL : `$${value}`;
}
