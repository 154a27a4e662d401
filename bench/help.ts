import type { OptionSpec } from '../src/cli/settings.ts';
import type { Benchmark } from './benchmark.ts';

/** The questions, one line each. */
export function listText(benchmarks: readonly Benchmark[], common: readonly OptionSpec[]): string {
  return [
    'usage: npm run bench -- NAME [OPTIONS]',
    '       npm run bench -- NAME --help    its options, with examples',
    '',
    ...benchmarks.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`),
    '',
    'options of all of them:',
    ...common.map(optionLine),
    '',
  ].join('\n');
}

/** One question: what can be asked of it, and how. */
export function benchmarkText(benchmark: Benchmark, common: readonly OptionSpec[]): string {
  const { name, summary, options, quick, examples } = benchmark;
  const quickly = Object.entries(quick).map(([option, value]) => `--${option} ${value}`.trimEnd());
  return [
    `usage: npm run bench -- ${name} [OPTIONS]`,
    '',
    summary,
    '',
    ...options.map(optionLine),
    '',
    'and those of all benchmarks:',
    ...common.map(optionLine),
    '',
    ...(quickly.length === 0 ? [] : [`--quick stands for: ${quickly.join(' ')}`, '']),
    'examples:',
    `  npm run bench -- ${name} --quick`,
    ...examples.map((example) => `  npm run bench -- ${name} ${example}`),
    '',
  ].join('\n');
}

function optionLine({ name, placeholder, summary, fallback }: OptionSpec): string {
  const shown = fallback === undefined || fallback === '' ? '' : ` (${fallback})`;
  return `${`  --${name} ${placeholder}`.padEnd(24)} ${summary}${shown}`;
}
