import { usageError } from '../src/cli/exit.ts';
import type { BenchContext } from './benchmark.ts';
import type { Report } from './report.ts';

/** A question that has several answers, each of which can be asked for alone. */
export type Parts = Readonly<Record<string, (context: BenchContext) => Promise<Report>>>;

export const namesOf = (parts: Parts): string => Object.keys(parts).join(',');

/** Runs those that `--part` names, in its order, and makes one report of theirs. @throws CliError */
export async function runParts(parts: Parts, context: BenchContext): Promise<Report> {
  const names = context.settings.text('part').split(',');
  const wrong = names.find((name) => !Object.hasOwn(parts, name));
  if (wrong !== undefined) {
    throw usageError(`--part ${wrong}`, `there are ${Object.keys(parts).join(', ')}`);
  }
  const reports: Report[] = [];
  for (const name of names) reports.push(await parts[name]!(context));
  return {
    lines: reports.flatMap(({ lines }, i) => (i === 0 ? lines : ['', ...lines])),
    results: Object.fromEntries(names.map((name, i) => [name, reports[i]!.results])),
    failures: reports.flatMap(({ failures }) => failures),
  };
}
