import { execute, hasChanged, keysOf, type ReplyText, type Store } from '../reference/commands.ts';
import type { Model } from './history.ts';
import { factsSeen, mayBring } from './keyspace-facts.ts';

/** The keys that were written, with their values. */
type State = ReadonlyMap<string, string>;

/** DKVS as its clients know it: the words of a request, and the reply as a person would note it. */
export const keyspace: Model<State, readonly string[], ReplyText> = {
  initial: new Map(),

  step(state, words, output) {
    const store = new Overlay(state);
    const reply = execute(store, words);
    return output !== null && reply !== output ? null : store.state;
  },

  changesNothing: (words, output) => !hasChanged(words, output),

  needs: factsSeen,
  holds: (state, { key, value }) => (state.get(key) ?? null) === value,
  mayBring,

  fingerprint(state) {
    const keys = [...state.keys()].sort();
    return keys.map((key) => `${key.length}:${key}=${state.get(key)}`).join('|');
  },

  keysOf,

  describe(words, output) {
    const text = words.map(readable).join(' ');
    return `${text} -> ${output === null ? '?' : readable(output)}`;
  },
};

/** Changes a copy, and makes one only when there is a change. */
class Overlay implements Store {
  state: State;
  private copy: Map<string, string> | null = null;

  constructor(state: State) {
    this.state = state;
  }

  get(key: string): string | undefined {
    return this.state.get(key);
  }

  set(key: string, value: string): void {
    if (this.state.get(key) !== value) this.changing().set(key, value);
  }

  delete(key: string): void {
    this.changing().delete(key);
  }

  private changing(): Map<string, string> {
    if (this.copy === null) {
      this.copy = new Map(this.state);
      this.state = this.copy;
    }
    return this.copy;
  }
}

const SHOWN_MAX = 40;

/** A word on one line: what doesn't print is escaped, what is long is cut. */
function readable(word: string): string {
  const printable = word.replace(/[^\x20-\x7e]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  if (printable.length <= SHOWN_MAX) return printable;
  return `${printable.slice(0, SHOWN_MAX)}… (${word.length} bytes)`;
}
