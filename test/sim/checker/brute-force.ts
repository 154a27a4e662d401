import type { Model, Operation } from '../../../src/sim/checker/history.ts';

/** Tries every order, of every subset of what is of unknown outcome. Slow, and plainly right. */
export function isLinearizable<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  state: S = model.initial,
): boolean {
  if (history.every(({ output }) => output === null)) return true;
  const firstReturn = Math.min(...history.map(({ returnedAt }) => returnedAt));
  return history.some((operation) => {
    if (operation.invokedAt > firstReturn) return false;
    const after = model.step(state, operation.input, operation.output);
    const others = history.filter((other) => other !== operation);
    return after !== null && isLinearizable(others, model, after);
  });
}
