import type { Fact, Model } from './history.ts';

/** One register with compare-and-set. Null is its value before anything was written. */
export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: number }
  | { readonly kind: 'cas'; readonly expected: number; readonly value: number };

/** What a read saw, or whether a compare-and-set set; a write has nothing to say. */
export type RegisterOutput =
  | { readonly kind: 'read'; readonly value: number | null }
  | { readonly kind: 'write' }
  | { readonly kind: 'cas'; readonly set: boolean };

export interface RegisterState {
  readonly value: number | null;
}

const KEY = 'register';

function factOf(value: number | null): Fact {
  return { key: KEY, value: value === null ? null : String(value) };
}

export const register: Model<RegisterState, RegisterInput, RegisterOutput> = {
  initial: { value: null },

  step(state, input, output) {
    switch (input.kind) {
      case 'read':
        if (output?.kind !== 'read') return state;
        return output.value === state.value ? state : null;
      case 'write':
        return { value: input.value };
      case 'cas': {
        const sets = state.value === input.expected;
        if (output?.kind === 'cas' && output.set !== sets) return null;
        return sets ? { value: input.value } : state;
      }
    }
  },

  changesNothing: (_input, output) => {
    return output.kind === 'read' || (output.kind === 'cas' && !output.set);
  },

  needs(input, output) {
    if (output.kind === 'read') return [factOf(output.value)];
    if (input.kind === 'cas' && output.kind === 'cas' && output.set) {
      return [factOf(input.expected)];
    }
    return [];
  },

  holds: ({ value }, fact) => factOf(value).value === fact.value,

  mayBring(input, output, fact) {
    if (input.kind === 'read' || (output?.kind === 'cas' && !output.set)) return false;
    return factOf(input.value).value === fact.value;
  },

  fingerprint: ({ value }) => String(value),

  keysOf: () => [KEY],

  describe(input, output) {
    switch (input.kind) {
      case 'read':
        return `read -> ${output?.kind === 'read' ? String(output.value) : '?'}`;
      case 'write':
        return `write ${input.value}${output === null ? ' -> ?' : ''}`;
      case 'cas': {
        const said = output?.kind === 'cas' ? (output.set ? 'set' : 'not equal') : '?';
        return `cas ${input.expected} ${input.value} -> ${said}`;
      }
    }
  },
};
