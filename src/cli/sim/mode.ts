import type { SeedResult, Tally } from './tally.ts';

/** What `dkvs sim` runs seeds of: whole clusters, or cores alone. */
export interface SimMode<Result extends SeedResult> {
  /** What each thread runs. */
  readonly worker: URL;
  settingsOf(seed: number): Result['settings'];
  /** @param print takes every event of the run, as a line; null: nobody does. */
  run(settings: Result['settings'], print: ((line: string) => void) | null): Result;
  tally(): Tally<Result>;
  /** The command line that runs exactly this. */
  commandOf(settings: Result['settings']): string;
  /** How the same failure may be had with less, as lines; may take its time. */
  smaller(result: Result): readonly string[];
}
