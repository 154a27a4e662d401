import { hasChanged, inCapitals, isRead, type ReplyText } from '../reference/commands.ts';
import type { Fact } from './history.ts';

/** What the reply says about single keys right before the command. Less than it could, never more:
 *  nothing about what is counted, or about the length of what was appended to. */
export function factsSeen(words: readonly string[], reply: ReplyText): Fact[] {
  const [name = '', key = '', , condition = '', comparand = ''] = words;
  switch (inCapitals(name)) {
    case 'GET':
    case 'GETDEL':
      return [fact(key, reply)];
    case 'MGET': {
      // Where a value has a space in it, there are more items than keys.
      const items = reply.slice(1, -1).split(' ');
      const keys = words.slice(1);
      return items.length === keys.length ? keys.map((each, i) => fact(each, items[i]!)) : [];
    }
    case 'DEL':
    case 'EXISTS':
      return reply === ':0' ? words.slice(1).map((each) => ({ key: each, value: null })) : [];
    case 'SET':
      if (words.slice(3).some((word) => inCapitals(word) === 'GET')) return [];
      if (reply !== '+OK') return [];
      if (words.length === 4 && inCapitals(condition) === 'NX') return [{ key, value: null }];
      if (words.length === 5 && inCapitals(condition) === 'IFEQ') {
        return [{ key, value: comparand }];
      }
      return [];
    default:
      return [];
  }
}

/** Whether the command, with this reply or with any, may make the fact true. More than it could,
 *  never less. */
export function mayBring(words: readonly string[], reply: ReplyText | null, fact: Fact): boolean {
  if (isRead(words) || (reply !== null && !hasChanged(words, reply))) return false;
  const [name = '', , operand = ''] = words;
  switch (inCapitals(name)) {
    case 'SET':
      return fact.value === operand;
    case 'MSET':
      return words.some((word, at) => at % 2 === 0 && at > 0 && word === fact.value);
    case 'DEL':
    case 'GETDEL':
      return fact.value === null;
    case 'INCR':
    case 'DECR':
    case 'INCRBY':
    case 'DECRBY':
      return fact.value !== null && (reply === null || reply === `:${fact.value}`);
    case 'APPEND': {
      const { value } = fact;
      if (value === null || !value.endsWith(operand)) return false;
      return reply === null || reply === `:${value.length}`;
    }
    default:
      return true;
  }
}

function fact(key: string, item: ReplyText): Fact {
  return { key, value: item === '(nil)' ? null : item.slice(1) };
}
