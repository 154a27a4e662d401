import { CORE_MUST_HAPPEN } from '../../sim/messages/core-coverage.ts';
import { type CoreRunResult, runCores } from '../../sim/messages/run.ts';
import { usageError } from '../exit.ts';
import type { Settings } from '../settings.ts';
import { clusterOptions } from './clusters.ts';
import type { SimMode } from './mode.ts';
import { Tally, whole } from './tally.ts';

/** `dkvs sim --core`: the consensus core alone, over single messages. */
export const coreMode: SimMode<CoreRunResult> = {
  worker: new URL('./core-worker.js', import.meta.url),
  settingsOf: (seed) => ({ seed }),
  run: runCores,
  tally: () => new CoreReport(),
  commandOf: ({ seed }) => `dkvs sim --core --seed ${seed}`,
  // A run is two thousand steps: there is little to make smaller.
  smaller: () => [],
};

/** @throws CliError when something is asked for that only whole clusters have. */
export function checkCoreSettings(settings: Settings): void {
  for (const { name, fallback } of clusterOptions) {
    if (!settings.has(name) || settings.text(name) === fallback) continue;
    throw usageError(`--core takes no --${name}: it is of whole clusters`);
  }
}

/** What came of many runs of cores. */
export class CoreReport extends Tally<CoreRunResult> {
  private steps = 0;
  private proposals = 0;

  constructor() {
    // Runs are short, and much must come together for some of it.
    super(CORE_MUST_HAPPEN, 1000);
  }

  override add(result: CoreRunResult): void {
    super.add(result);
    this.steps += result.steps;
    this.proposals += result.proposals;
  }

  override get summary(): readonly string[] {
    const { runs, steps, simulatedSeconds, proposals, cpuSeconds } = this;
    const realSeconds = this.elapsedMinutes * 60;
    return [
      `${whole(runs)} seeds, ${whole(steps)} steps under faults, ` +
        `${whole(simulatedSeconds)} simulated seconds in ${realSeconds.toFixed(1)} s: ` +
        `${whole(runs / this.elapsedMinutes)} seeds a minute`,
      `${whole(this.times('message delivered'))} messages delivered, ` +
        `${whole(proposals)} entries proposed`,
      `${cpuSeconds.toFixed(1)} s of processor time: ${whole(steps / cpuSeconds)} steps in each`,
      ...this.counts,
    ];
  }
}
