import { MUST_HAPPEN } from '../../sim/coverage.ts';
import { FAULT_KINDS } from '../../sim/faults/kinds.ts';
import { defaultSettings, type RunSettings } from '../../sim/plan.ts';
import type { RunResult } from '../../sim/run.ts';
import { Tally, whole } from './tally.ts';

/** What came of many runs of whole clusters. */
export class Report extends Tally<RunResult> {
  private events = 0;
  private operations = 0;
  private faults = 0;

  constructor() {
    super(MUST_HAPPEN);
  }

  override add(result: RunResult): void {
    super.add(result);
    this.events += result.events;
    this.operations += result.operations;
    this.faults += result.faults;
  }

  override get summary(): readonly string[] {
    const { runs, simulatedSeconds, events, operations, faults, cpuSeconds } = this;
    const realSeconds = this.elapsedMinutes * 60;
    return [
      `${whole(runs)} seeds, ${whole(simulatedSeconds)} simulated seconds in ` +
        `${realSeconds.toFixed(1)} s: ${whole(simulatedSeconds / realSeconds)} times as fast, ` +
        `${whole(runs / this.elapsedMinutes)} seeds a minute`,
      `${whole(events)} events (${whole(events / realSeconds)} a second), ` +
        `${whole(operations)} operations, ${whole(faults)} faults of ${FAULT_KINDS.length} kinds`,
      `${cpuSeconds.toFixed(1)} s of processor time: ` +
        `${whole(simulatedSeconds / cpuSeconds)} simulated seconds and ` +
        `${whole(events / cpuSeconds)} events in each`,
      ...this.counts,
    ];
  }
}

/** The command line that runs exactly this. */
export function commandOf(settings: RunSettings): string {
  const { seed, seconds, nodes, operationsPerSecond, onlyFaults, judges } = settings;
  const parts = [`dkvs sim --seed ${seed}`];
  if (seconds !== defaultSettings.seconds) parts.push(`--seconds ${seconds}`);
  if (nodes !== 0) parts.push(`--nodes ${nodes}`);
  if (operationsPerSecond !== defaultSettings.operationsPerSecond) {
    parts.push(`--operations ${operationsPerSecond}`);
  }
  if (onlyFaults !== null) parts.push(`--faults ${onlyFaults.join(',') || 'none'}`);
  if (judges !== defaultSettings.judges) parts.push(`--judges ${judges}`);
  return parts.join(' ');
}
