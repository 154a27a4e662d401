import { assert } from '../base/assert.ts';
import { NOBODY } from '../base/ids.ts';
import type { HardState } from '../base/persist.ts';
import type { DurableState } from './hard-state.ts';

/** What `saveIdentity` may change. */
export type IdentityChange = Partial<
  Pick<DurableState, 'clusterId' | 'admitted' | 'established' | 'disowned' | 'bindings'>
>;

/** The state with this hard state in it (null: as it is), and these changes of the identity. */
export function stateAfter(
  before: DurableState,
  hardState: HardState | null,
  changes: readonly IdentityChange[],
): DurableState {
  let state = before;
  if (hardState !== null) {
    const { currentTerm, votedFor, suspect } = hardState;
    // Figure 2: terms only grow, and there is one vote in a term.
    assert(currentTerm >= state.currentTerm, () => `term ${currentTerm} goes back`);
    const sameVote = state.votedFor === NOBODY || votedFor === state.votedFor;
    assert(currentTerm > state.currentTerm || sameVote, () => `two votes in ${currentTerm}`);
    assert(state.suspect || !suspect, () => 'only a start finds rot');
    state = { ...state, currentTerm, votedFor, suspect };
  }
  for (const change of changes) state = { ...state, ...change };
  return state;
}
