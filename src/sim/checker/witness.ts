import type { Model, Operation } from './history.ts';

/**
 * Whether the operations are linearizable in this very order, as far as somebody who says so can be
 * checked: every output is what the model gives at that place, nothing stands before what was over
 * when it began, and everything that has an output is there. The order may come from anywhere, for
 * it is believed in nothing; that another order would do, it does not rule out.
 */
export function isLinearization<S, I, O>(
  history: readonly Operation<I, O>[],
  order: readonly Operation<I, O>[],
  model: Model<S, I, O>,
): boolean {
  const missing = new Set(history);
  let state = model.initial;
  let latestInvocation = Number.NEGATIVE_INFINITY;
  for (const operation of order) {
    // Each once, and only of this history.
    if (!missing.delete(operation) || operation.returnedAt < latestInvocation) return false;
    latestInvocation = Math.max(latestInvocation, operation.invokedAt);
    const after = model.step(state, operation.input, operation.output);
    if (after === null) return false;
    state = after;
  }
  for (const { output } of missing) if (output !== null) return false;
  return true;
}

/**
 * The operations in the order in which a log has their inputs. Of those with the same input, the one
 * comes first that fits there and had to be over first. What the log does not have is left out, and
 * so is what nobody asked.
 */
export function inOrderOfLog<S, I, O>(
  history: readonly Operation<I, O>[],
  log: readonly I[],
  keyOf: (input: I) => string,
  model: Model<S, I, O>,
): Operation<I, O>[] {
  const waiting = new Map<string, Operation<I, O>[]>();
  for (const operation of [...history].sort((a, b) => a.returnedAt - b.returnedAt)) {
    const key = keyOf(operation.input);
    const same = waiting.get(key);
    if (same === undefined) waiting.set(key, [operation]);
    else same.push(operation);
  }
  const order: Operation<I, O>[] = [];
  let state = model.initial;
  for (const input of log) {
    const same = waiting.get(keyOf(input)) ?? [];
    const at = same.findIndex((one) => model.step(state, one.input, one.output) !== null);
    const [next] = at < 0 ? [] : same.splice(at, 1);
    if (next === undefined) continue;
    order.push(next);
    state = model.step(state, next.input, next.output)!;
  }
  return order;
}
