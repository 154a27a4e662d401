import { drawPlan, type RunSettings } from './plan.ts';
import { type RunResult, runSeed } from './run.ts';
import type { RunFailure } from './run-failure.ts';

/** A smaller run that fails in the same way. */
export interface Shrunk {
  readonly result: RunResult;
  /** How many runs it took to find it. */
  readonly runs: number;
}

const RUNS_MAX = 120;

/**
 * Makes a failing run smaller while it goes on to break the same invariant: less time, fewer faults,
 * fewer operations, fewer nodes. What is left out shifts the chances of the rest, so that not every
 * smaller run fails though it could; what is found is no minimum, but it is short.
 */
export function shrink(
  failed: RunResult,
  run: (settings: RunSettings) => RunResult = runSeed,
): Shrunk {
  const shrinker = new Shrinker(failed, run);
  shrinker.shorten();
  shrinker.dropFaults();
  shrinker.thinOut();
  shrinker.dropNodes();
  shrinker.shorten();
  shrinker.dropFaults();
  return { result: shrinker.best, runs: shrinker.runs };
}

class Shrinker {
  best: RunResult;
  runs = 0;
  private readonly run: (settings: RunSettings) => RunResult;

  constructor(failed: RunResult, run: (settings: RunSettings) => RunResult) {
    this.best = failed;
    this.run = run;
  }

  shorten(): void {
    const { failure } = this;
    const endsAt = Math.ceil(failure.atMs / 1000) + 1;
    if (endsAt < this.best.settings.seconds) this.try({ seconds: endsAt });
    while (this.best.settings.seconds > 2) {
      if (!this.try({ seconds: Math.floor(this.best.settings.seconds / 2) })) return;
    }
  }

  /** Leaves out halves of the faults, then quarters, down to single ones. */
  dropFaults(): void {
    let kept = drawPlan(this.best.settings).faults.map(({ number }) => number);
    if (this.try({ onlyFaults: [] })) return;
    for (
      let size = Math.ceil(kept.length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let from = 0; from < kept.length; ) {
        const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
        if (this.try({ onlyFaults: rest })) kept = rest;
        else from += size;
      }
    }
  }

  thinOut(): void {
    while (this.best.settings.operationsPerSecond > 1) {
      const half = Math.max(1, Math.floor(this.best.settings.operationsPerSecond / 2));
      if (!this.try({ operationsPerSecond: half })) return;
    }
  }

  dropNodes(): void {
    for (let nodes = 1; nodes < this.best.nodes; nodes++) if (this.try({ nodes })) return;
  }

  private get failure(): RunFailure {
    return this.best.failure!;
  }

  /** @returns whether it fails in the same way; then it is the best so far. */
  private try(change: Partial<RunSettings>): boolean {
    if (this.runs >= RUNS_MAX) return false;
    this.runs++;
    // From now on a size of the cluster is said, or the command line would not say all.
    const { nodes } = this.best;
    const result = this.run({ ...this.best.settings, nodes, ...change });
    const { failure } = result;
    if (failure === null || failure.invariant !== this.failure.invariant) return false;
    this.best = result;
    return true;
  }
}
