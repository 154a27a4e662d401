import { allJudges } from './judges/judges.ts';
import { Violation } from './observer.ts';
import { drawPlan, type Plan, type RunSettings } from './plan.ts';
import { TraceLog } from './trace-log.ts';
import { World } from './world.ts';

/** How a run went wrong. A crash is an error that nothing foresaw: an assertion, a bug. */
export interface RunFailure {
  readonly kind: 'correctness' | 'liveness' | 'crash';
  /** "S1", "L4", …; of a crash, the error's name. */
  readonly invariant: string;
  readonly text: string;
  readonly stack: string;
  /** What happened last, oldest first. */
  readonly last: readonly string[];
  readonly atMs: number;
}

export interface RunResult {
  readonly settings: RunSettings;
  readonly nodes: number;
  readonly failure: RunFailure | null;
  /** The same for the same settings and code, on every host. */
  readonly hash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  /** How many of the planned faults there were. */
  readonly faults: number;
  readonly coverage: readonly (readonly [what: string, times: number])[];
}

/** Runs one seed, with every judge. */
export function runSeed(
  settings: RunSettings,
  print: ((line: string) => void) | null = null,
): RunResult {
  const plan = drawPlan(settings);
  const log = new TraceLog(print);
  const world = new World(plan, [log, ...allJudges()]);
  let failure: RunFailure | null = null;
  try {
    world.run();
  } catch (thrown) {
    failure = failureOf(thrown, log, world);
  }
  return {
    settings,
    nodes: plan.nodes,
    failure,
    hash: log.hash,
    simulatedMs: world.nowMs,
    events: world.scheduler.events,
    operations: world.workload.asked,
    faults: faultsUntil(plan, world.nowMs),
    coverage: [...world.coverage.counts],
  };
}

function faultsUntil(plan: Plan, atMs: number): number {
  return plan.faults.filter((fault) => fault.atMs <= atMs).length;
}

function failureOf(thrown: unknown, log: TraceLog, world: World): RunFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const isViolation = error instanceof Violation;
  const isLiveness = isViolation && /^L\d/.test(error.invariant);
  const cause = error.cause instanceof Error ? `\n${error.cause.stack}` : '';
  return {
    kind: isViolation ? (isLiveness ? 'liveness' : 'correctness') : 'crash',
    invariant: isViolation ? error.invariant : error.name,
    text: isViolation ? error.text : error.message,
    stack: `${error.stack ?? ''}${cause}`,
    last: log.last,
    atMs: world.nowMs,
  };
}
