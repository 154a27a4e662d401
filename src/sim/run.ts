import { allJudges, clientJudges } from './judges/judges.ts';
import type { Observer } from './observer.ts';
import { drawPlan, type Plan, type RunSettings } from './plan.ts';
import { failureOf, type RunFailure } from './run-failure.ts';
import { TraceLog } from './trace-log.ts';
import { World } from './world.ts';

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

/** Runs one seed, with every judge, unless the settings say otherwise. */
export function runSeed(
  settings: RunSettings,
  print: ((line: string) => void) | null = null,
): RunResult {
  const plan = drawPlan(settings);
  const log = new TraceLog(print);
  const onlyClients = settings.judges === 'LIN';
  const judges = onlyClients ? clientJudges() : allJudges();
  const world = new World(plan, [log, ...judges]);
  let failure: RunFailure | null = null;
  try {
    world.run();
  } catch (thrown) {
    failure = failureOf(thrown, log.last, world.nowMs);
    if (onlyClients && failure.invariant !== 'LIN') failure = judgeSoFar(judges, log, world);
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

/** Something other than the clients' history has ended the run: what they have seen until then. */
function judgeSoFar(judges: readonly Observer[], log: TraceLog, world: World): RunFailure | null {
  try {
    for (const judge of judges) judge.ended();
    return null;
  } catch (thrown) {
    return failureOf(thrown, log.last, world.nowMs);
  }
}

function faultsUntil(plan: Plan, atMs: number): number {
  return plan.faults.filter((fault) => fault.atMs <= atMs).length;
}
