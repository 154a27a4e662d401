import type { RunFailure } from '../../sim/run-failure.ts';

/** So many runs must have been through everything there is, or their set proves little. */
const COVERAGE_SEEDS_MIN = 200;

/** What the results of all modes have in common. */
export interface SeedResult {
  readonly settings: { readonly seed: number };
  readonly failure: RunFailure | null;
  readonly hash: string;
  readonly simulatedMs: number;
  readonly coverage: readonly (readonly [what: string, times: number])[];
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** What came of many runs, in whatever mode. */
export abstract class Tally<Result extends SeedResult> {
  readonly failures: Result[] = [];
  runs = 0;
  protected simulatedSeconds = 0;
  private readonly startedMs = performance.now();
  private readonly startedCpu = process.cpuUsage();
  private readonly coverage = new Map<string, number>();
  private readonly mustHappen: readonly string[];
  /** So many runs must have been through all of that. */
  readonly seedsMin: number;

  constructor(mustHappen: readonly string[], seedsMin = COVERAGE_SEEDS_MIN) {
    this.mustHappen = mustHappen;
    this.seedsMin = seedsMin;
  }

  add(result: Result): void {
    this.runs++;
    this.simulatedSeconds += result.simulatedMs / 1000;
    for (const [what, times] of result.coverage) {
      this.coverage.set(what, this.times(what) + times);
    }
    if (result.failure !== null) this.failures.push(result);
  }

  times(what: string): number {
    return this.coverage.get(what) ?? 0;
  }

  /** What never happened, although it must have. */
  get missing(): readonly string[] {
    return this.mustHappen.filter((what) => this.times(what) === 0);
  }

  get progress(): string {
    const perMinute = Math.round(this.runs / this.elapsedMinutes);
    const failed = this.failures.length === 0 ? 'none failed' : `${this.failures.length} failed`;
    return `${this.runs} seeds, ${failed}, ${perMinute} a minute`;
  }

  abstract get summary(): readonly string[];

  protected get counts(): readonly string[] {
    return [...this.coverage]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${whole(times).padStart(10)}  ${what}`);
  }

  /** Of all threads: on a machine that does other things too, the only speed that means anything. */
  protected get cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.startedCpu);
    return Math.max(1, user + system) / 1e6;
  }

  protected get elapsedMinutes(): number {
    return Math.max(1, performance.now() - this.startedMs) / 60_000;
  }
}

/** How a run went wrong, for whoever has to find out why. */
export function describeFailure({ settings, failure }: SeedResult): readonly string[] {
  const { invariant, text, last, stack, kind, atMs } = failure!;
  const words = { correctness: 'broke', liveness: 'did not reach', crash: 'crashed with' }[kind];
  const at = `${(atMs / 1000).toFixed(3)} s`;
  return [
    `seed ${settings.seed} ${words} ${invariant} at ${at}: ${text}`,
    ...(kind === 'crash' ? [stack] : []),
    'the last events before:',
    ...last.map((line) => `  ${line}`),
  ];
}
