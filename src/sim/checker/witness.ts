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

/** What a log has at one place. */
export interface LogEntry<I> {
  readonly input: I;
  /** When it was applied there, on the clock of the history: never earlier than the one before it. */
  readonly appliedAt: number;
}

/**
 * The operations in the order in which a log has their inputs. What the log does not have is left
 * out, and so is what nobody asked.
 *
 * A log does not say who asked. Of the operations with the same input that had been asked for when
 * the entry was applied, and whose answer fits there, it is given to the one that was over first: to
 * one of unknown outcome only when there is no other. If there is any way to give the entries to
 * operations that were open then, which explains all answers and leaves over no entry but of reads
 * (clients repeat those), then this is one. For take the first entry where that way has Y, or
 * nobody, and this rule has X. Where that way has X later, let X and Y change places: Y was open
 * there, for it is over no earlier than X, and fits there, for it was answered as X was, or never.
 * Where it does not have X at all, X was never answered; then nor was Y, and X can stand in for it.
 * Either way still explains all answers, and agrees with the rule for one entry more.
 */
export function inOrderOfLog<S, I, O>(
  history: readonly Operation<I, O>[],
  log: readonly LogEntry<I>[],
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
  for (const { input, appliedAt } of log) {
    const same = waiting.get(keyOf(input)) ?? [];
    const at = same.findIndex(({ invokedAt, output }) => {
      return invokedAt <= appliedAt && model.step(state, input, output) !== null;
    });
    const [next] = at < 0 ? [] : same.splice(at, 1);
    if (next === undefined) continue;
    order.push(next);
    state = model.step(state, next.input, next.output)!;
  }
  return order;
}
