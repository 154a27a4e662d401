import { EventLog } from '../event-log.ts';
import { failureOf, type RunFailure } from '../run-failure.ts';
import { Torture } from './torture.ts';

/** Everything else comes from the seed. */
export interface CoreRunSettings {
  readonly seed: number;
}

export interface CoreRunResult {
  readonly settings: CoreRunSettings;
  readonly nodes: number;
  readonly failure: RunFailure | null;
  /** The same for the same seed and code, on every host. */
  readonly hash: string;
  readonly simulatedMs: number;
  /** How many of them were taken under faults. */
  readonly steps: number;
  readonly proposals: number;
  readonly coverage: readonly (readonly [what: string, times: number])[];
}

/** Long enough for some elections, and short enough that what failed can be read. */
const STEPS = 2000;

/** Runs one seed of cores alone, over single messages, with every judge. */
export function runCores(
  settings: CoreRunSettings,
  print: ((line: string) => void) | null = null,
): CoreRunResult {
  const log = new EventLog(print);
  const torture = new Torture(settings.seed, log);
  const { cluster, coverage } = torture;
  let failure: RunFailure | null = null;
  let steps = 0;
  try {
    for (; steps < STEPS; steps++) torture.step();
    torture.converge();
  } catch (thrown) {
    failure = failureOf(thrown, log.last, cluster.nowMs);
  }
  return {
    settings,
    nodes: cluster.nodes.length,
    failure,
    hash: log.hash,
    simulatedMs: cluster.nowMs,
    steps,
    proposals: torture.proposals,
    coverage: [...coverage.counts],
  };
}
