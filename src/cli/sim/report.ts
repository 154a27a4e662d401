import { MUST_HAPPEN } from '../../sim/coverage.ts';
import { FAULT_KINDS } from '../../sim/faults/kinds.ts';
import { defaultSettings, type RunSettings } from '../../sim/plan.ts';
import type { RunResult } from '../../sim/run.ts';

/** So many runs must have been through everything there is, or their set proves little. */
export const COVERAGE_SEEDS_MIN = 200;

/** What came of many runs. */
export class Report {
  readonly failures: RunResult[] = [];
  runs = 0;
  private readonly startedMs = performance.now();
  private readonly startedCpu = process.cpuUsage();
  private simulatedMs = 0;
  private events = 0;
  private operations = 0;
  private faults = 0;
  private readonly coverage = new Map<string, number>();

  add(result: RunResult): void {
    this.runs++;
    this.simulatedMs += result.simulatedMs;
    this.events += result.events;
    this.operations += result.operations;
    this.faults += result.faults;
    for (const [what, times] of result.coverage) {
      this.coverage.set(what, (this.coverage.get(what) ?? 0) + times);
    }
    if (result.failure !== null) this.failures.push(result);
  }

  /** What never happened, although it must have. */
  get missing(): readonly string[] {
    return MUST_HAPPEN.filter((what) => !this.coverage.has(what));
  }

  get progress(): string {
    const perMinute = Math.round(this.runs / this.elapsedMinutes);
    const failed = this.failures.length === 0 ? 'none failed' : `${this.failures.length} failed`;
    return `${this.runs} seeds, ${failed}, ${perMinute} a minute`;
  }

  get summary(): readonly string[] {
    const { runs, simulatedMs, events, operations, faults } = this;
    const simulatedSeconds = simulatedMs / 1000;
    const realSeconds = this.elapsedMinutes * 60;
    const whole = (value: number) => Math.round(value).toLocaleString('en-US');
    const { user, system } = process.cpuUsage(this.startedCpu);
    const cpuSeconds = Math.max(1, user + system) / 1e6;
    const counts = [...this.coverage].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      `${whole(runs)} seeds, ${whole(simulatedSeconds)} simulated seconds in ` +
        `${realSeconds.toFixed(1)} s: ${whole(simulatedSeconds / realSeconds)} times as fast, ` +
        `${whole(runs / this.elapsedMinutes)} seeds a minute`,
      `${whole(events)} events (${whole(events / realSeconds)} a second), ` +
        `${whole(operations)} operations, ${whole(faults)} faults of ${FAULT_KINDS.length} kinds`,
      // Of all threads: on a machine that does other things too, the only speed that means anything.
      `${cpuSeconds.toFixed(1)} s of processor time: ` +
        `${whole(simulatedSeconds / cpuSeconds)} simulated seconds and ` +
        `${whole(events / cpuSeconds)} events in each`,
      ...counts.map(([what, times]) => `  ${whole(times).padStart(10)}  ${what}`),
    ];
  }

  private get elapsedMinutes(): number {
    return Math.max(1, performance.now() - this.startedMs) / 60_000;
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

/** How a run went wrong, for whoever has to find out why. */
export function describeFailure(result: RunResult): readonly string[] {
  const { invariant, text, last, stack, kind, atMs } = result.failure!;
  const words = { correctness: 'broke', liveness: 'did not reach', crash: 'crashed with' }[kind];
  const at = `${(atMs / 1000).toFixed(3)} s`;
  return [
    `seed ${result.settings.seed} ${words} ${invariant} at ${at}: ${text}`,
    ...(kind === 'crash' ? [stack] : []),
    'the last events before:',
    ...last.map((line) => `  ${line}`),
  ];
}
