import { byteString } from '../../base/bytes.ts';
import type { Command, SetCommand } from '../../kv/command.ts';
import type { Reply } from '../../kv/reply.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import { inCapitals, type ReplyText } from './commands.ts';

/** A command of the log in the words of a client. What several commands are short for (INCR, DECR,
 *  …) has one form in the log, and so it has here. */
export function wordsOf(command: Command): string[] {
  switch (command.kind) {
    case 'set':
      return ['SET', byteString(command.key), byteString(command.value), ...options(command)];
    case 'get':
      return ['GET', byteString(command.key)];
    case 'del':
      return ['DEL', ...command.keys.map((key) => byteString(key))];
    case 'exists':
      return ['EXISTS', ...command.keys.map((key) => byteString(key))];
    case 'incrby':
      return ['INCRBY', byteString(command.key), String(command.delta)];
    case 'mget':
      return ['MGET', ...command.keys.map((key) => byteString(key))];
    case 'mset': {
      const words = command.pairs.flatMap(({ key, value }) => [byteString(key), byteString(value)]);
      return ['MSET', ...words];
    }
    case 'getdel':
      return ['GETDEL', byteString(command.key)];
    case 'append':
      return ['APPEND', byteString(command.key), byteString(command.value)];
    case 'strlen':
      return ['STRLEN', byteString(command.key)];
    default:
      throw new Error(`no workload has a ${command.kind}: teach the reference machine`);
  }
}

function options({ condition, comparand, get }: SetCommand): string[] {
  const last = get ? ['GET'] : [];
  if (condition === 'none') return last;
  const compares = condition === 'ifeq' || condition === 'ifne';
  return [condition.toUpperCase(), ...(compares ? [byteString(comparand)] : []), ...last];
}

/** A client's words in the form that `wordsOf` gives them. */
export function normalized(words: readonly string[]): string[] {
  const [name = '', ...others] = words;
  const upper = inCapitals(name);
  switch (upper) {
    case 'INCR':
      return ['INCRBY', others[0]!, '1'];
    case 'DECR':
      return ['INCRBY', others[0]!, '-1'];
    case 'DECRBY':
      return ['INCRBY', others[0]!, String(-BigInt(others[1]!))];
    case 'SET':
      if (others.length === 2) return ['SET', ...others];
      return ['SET', others[0]!, others[1]!, ...normalizedOptions(others.slice(2))];
    default:
      return [upper, ...others];
  }
}

function normalizedOptions(options: readonly string[]): string[] {
  const condition: string[] = [];
  let get = false;
  for (let at = 0; at < options.length; at++) {
    const word = inCapitals(options[at]!);
    if (word === 'GET') get = true;
    else condition.splice(0, condition.length, word);
    if (word === 'IFEQ' || word === 'IFNE') condition.push(options[++at]!);
  }
  return get ? [...condition, 'GET'] : condition;
}

/** One text for the words: two lists of words never have the same. */
export function keyOfWords(words: readonly string[]): string {
  let key = '';
  for (const word of words) key += `${word.length}:${word}`;
  return key;
}

/** What the state machine answered. */
export function replyText(reply: Reply): ReplyText {
  switch (reply.kind) {
    case 'simple':
      return `+${reply.text}`;
    case 'error':
      return `-${reply.text}`;
    case 'integer':
      return `:${reply.value}`;
    case 'bulk':
      return `$${reply.bytes}`;
    case 'null':
      return '(nil)';
    case 'array':
      return `[${reply.items.map(replyText).join(' ')}]`;
    default:
      throw new Error(`no command of the reference machine is answered with a ${reply.kind}`);
  }
}

/** What a client read off the wire. */
export function respText(value: RespValue): ReplyText {
  switch (value.kind) {
    case 'bulk':
      return `$${byteString(value.bytes)}`;
    case 'array':
      return `[${value.items.map(respText).join(' ')}]`;
    case 'simple':
    case 'error':
    case 'integer':
    case 'null':
      return replyText(value);
    default:
      throw new Error(`no command of the reference machine is answered with a ${value.kind}`);
  }
}
