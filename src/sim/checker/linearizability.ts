import { components, type Model, type Operation } from './history.ts';
import { type Answer, Search } from './search.ts';
import { smallestWindow } from './window.ts';

/** An unknown answer is no good one: whoever asks has to treat it as a failure. */
export type Verdict<I, O> =
  | { readonly kind: 'linearizable'; readonly steps: number }
  | {
      readonly kind: 'not linearizable';
      readonly steps: number;
      /** Operations that contradict each other, whatever all others did. As few as were found. */
      readonly window: readonly Operation<I, O>[];
    }
  | {
      readonly kind: 'unknown';
      readonly steps: number;
      /** What the limit was not enough for: at least one. */
      readonly parts: readonly (readonly Operation<I, O>[])[];
    };

export interface CheckLimits {
  /** How often the model may be asked, for each part of the history. */
  readonly stepsMax: number;
  /** As much again, in all, to find the window. */
  readonly windowStepsMax: number;
}

export const defaultCheckLimits: CheckLimits = { stepsMax: 2_000_000, windowStepsMax: 2_000_000 };

/**
 * Whether there is an order of the operations, one after the other, that the model allows and in
 * which nothing comes before what was over when it began (Herlihy and Wing, 1990). Judged by what
 * the clients saw alone.
 */
export function checkLinearizability<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  limits: CheckLimits = defaultCheckLimits,
): Verdict<I, O> {
  let steps = 0;
  const undecided: (readonly Operation<I, O>[])[] = [];
  for (const part of components(history, (input) => model.keysOf(input))) {
    const search = new Search(part, model);
    const answer: Answer = search.run(limits.stepsMax);
    steps += search.steps;
    if (answer === 'not linearizable') {
      const window = smallestWindow(part, model, limits.windowStepsMax);
      return { kind: 'not linearizable', steps, window };
    }
    if (answer === 'unknown') undecided.push(part);
  }
  if (undecided.length > 0) return { kind: 'unknown', steps, parts: undecided };
  return { kind: 'linearizable', steps };
}
