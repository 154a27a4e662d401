import { type Model, type Operation, weakened } from './history.ts';
import { Search } from './search.ts';

/**
 * The smallest part of a history without a linearization that still has none, whatever the other
 * operations did: those are not left out, which could make a contradiction where there is none (a
 * read of what nobody has written), but taken as operations of unknown outcome.
 */
export function smallestWindow<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  stepsMax: number,
): readonly Operation<I, O>[] {
  const shrinking = new Shrinking(model, stepsMax);
  return shrinking.weaken(shrinking.prefix(history)).filter(({ output }) => output !== null);
}

/** Each step towards a smaller window may cost this share of all. */
const SHARE = 1 / 20;

class Shrinking<S, I, O> {
  private readonly model: Model<S, I, O>;
  private readonly stepsMax: number;
  private stepsLeft: number;

  constructor(model: Model<S, I, O>, stepsMax: number) {
    this.model = model;
    this.stepsMax = stepsMax;
    this.stepsLeft = stepsMax;
  }

  /** What was known when the first return came that nothing explains: a prefix of a linearizable
   *  history is linearizable, so it can be searched for by halves. */
  prefix(history: readonly Operation<I, O>[]): readonly Operation<I, O>[] {
    const returns = history.map(({ returnedAt }) => returnedAt).filter(Number.isFinite);
    returns.sort((a, b) => a - b);
    let low = 0;
    let high = returns.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isContradictory(knownAt(history, returns[middle]!))) high = middle;
      else low = middle + 1;
    }
    const shortest = knownAt(history, returns[high]!);
    return this.isContradictory(shortest) ? shortest : history;
  }

  /** Takes as many operations as possible for unknown: half of them at once, then ever fewer. */
  weaken(history: readonly Operation<I, O>[]): readonly Operation<I, O>[] {
    let current = history;
    for (let size = history.length >>> 1; size >= 1; size >>>= 1) {
      for (let from = 0; from < history.length; from += size) {
        const weaker = current.map((operation, at) =>
          at >= from && at < from + size ? weakened(operation) : operation,
        );
        if (this.stepsLeft > 0 && this.isContradictory(weaker)) current = weaker;
      }
    }
    return current;
  }

  private isContradictory(history: readonly Operation<I, O>[]): boolean {
    const search = new Search(history, this.model);
    const answer = search.run(Math.min(this.stepsLeft, this.stepsMax * SHARE));
    this.stepsLeft -= search.steps;
    return answer === 'not linearizable';
  }
}

function knownAt<I, O>(history: readonly Operation<I, O>[], time: number): Operation<I, O>[] {
  return history
    .filter(({ invokedAt }) => invokedAt <= time)
    .map((operation) => (operation.returnedAt <= time ? operation : weakened(operation)));
}
