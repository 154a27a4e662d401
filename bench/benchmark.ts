import type { OptionSpec, Settings } from '../src/cli/settings.ts';
import type { Report } from './report.ts';

export interface BenchContext {
  readonly settings: Settings;
  /** An empty directory for the data, on the file system that is to be measured. */
  readonly directory: string;
  /** The first of a hundred free client ports; peers listen 10000 higher. */
  readonly port: number;
  /** Tells the person who waits how far it is: one line, on standard error. */
  readonly progress: (text: string) => void;
  /** Asks to undo something however the run ends, latest first. */
  readonly onEnd: (undo: () => Promise<void>) => void;
}

export interface Benchmark {
  readonly name: string;
  /** The question it answers, in a sentence. */
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** What `--quick` makes of the defaults of its options: a first look, nothing to quote. */
  readonly quick: Readonly<Record<string, string>>;
  /** Options worth to know together, as they are typed. */
  readonly examples: readonly string[];
  run(context: BenchContext): Promise<Report>;
}

/** A number option. */
export const count = (
  name: string,
  placeholder: string,
  summary: string,
  fallback: number,
): OptionSpec => ({ name, kind: 'count', placeholder, summary, fallback: String(fallback) });

/** A text option. */
export const text = (
  name: string,
  placeholder: string,
  summary: string,
  fallback?: string,
): OptionSpec => ({
  name,
  kind: 'text',
  placeholder,
  summary,
  ...(fallback === undefined ? {} : { fallback }),
});

/** A yes-or-no option, absent by default. */
export const flag = (name: string, summary: string): OptionSpec => ({
  name,
  kind: 'flag',
  placeholder: '',
  summary,
});
