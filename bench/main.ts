import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CliError } from '../src/cli/exit.ts';
import { type OptionSpec, parseArguments, resolveSettings } from '../src/cli/settings.ts';
import { type Benchmark, count } from './benchmark.ts';
import { environmentLines, environmentOf } from './environment.ts';
import { failover } from './failover.ts';
import { hostile } from './hostile.ts';
import { redis } from './redis.ts';
import { type Report, replaceSection } from './report.ts';
import { restart } from './restart.ts';
import { steady } from './steady.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs', 'performance.md');

const benchmarks: readonly Benchmark[] = [failover, redis, steady, restart, hostile];

const commonOptions: readonly OptionSpec[] = [
  count('port', 'PORT', 'the first client port; peers listen 10000 higher', 17_101),
  {
    name: 'data',
    kind: 'text',
    placeholder: 'DIR',
    summary: 'where the data lies during the run: the file system that is measured',
    fallback: join(ROOT, 'build', 'bench-data'),
  },
  { name: 'json', kind: 'flag', placeholder: '', summary: 'print JSON' },
  {
    name: 'document',
    kind: 'text',
    placeholder: 'SECTION',
    summary: 'put the output into this section of docs/performance.md, too',
  },
];

/** Runs `npm run bench -- NAME [OPTIONS]`. @returns the exit code. */
export async function runBenchmark(argv: readonly string[]): Promise<number> {
  const benchmark = benchmarks.find(({ name }) => name === argv[0]);
  const asksForHelp = argv.includes('--help') || argv.includes('-h');
  if (asksForHelp) {
    process.stdout.write(help());
    return 0;
  }
  if (benchmark === undefined) {
    process.stderr.write(help());
    return 2;
  }
  try {
    return await runOne(benchmark, argv.slice(1));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const hint = error.hint === '' ? '' : `; ${error.hint}`;
    process.stderr.write(`bench: ${error.message}${hint}\n`);
    return error.exitCode;
  }
}

async function runOne(benchmark: Benchmark, argv: readonly string[]): Promise<number> {
  const specs = [...benchmark.options, ...commonOptions];
  const settings = resolveSettings(specs, specs, parseArguments(argv, specs).flags, {});
  const directory = join(resolve(settings.text('data')), `${benchmark.name}-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  const environment = environmentOf(directory);
  const undo: (() => Promise<void>)[] = [
    () => Promise.resolve(rmSync(directory, { recursive: true, force: true })),
  ];
  const end = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  const stop = () => void end().then(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let report: Report;
  try {
    report = await benchmark.run({
      settings,
      directory,
      port: settings.count('port', 1, 55_000),
      progress: (text) => process.stderr.write(`${benchmark.name}: ${text}\n`),
      onEnd: (step) => undo.push(step),
    });
  } finally {
    await end();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  const command = `npm run bench -- ${[benchmark.name, ...withoutDocument(argv)].join(' ')}`;
  const { lines, results, failures } = report;
  const text = [`$ ${command}`, ...environmentLines(environment), '', ...lines].join('\n');
  const json = { benchmark: benchmark.name, command, environment, results, failures };
  process.stdout.write(`${settings.flag('json') ? JSON.stringify(json) : text}\n`);
  for (const failure of failures.slice(0, 20)) process.stderr.write(`FAILED: ${failure}\n`);
  if (settings.has('document')) {
    const document = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(DOCUMENT, replaceSection(document, settings.text('document'), text));
  }
  return failures.length === 0 ? 0 : 1;
}

/** What a reader has to type to get the same numbers. */
function withoutDocument(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((arg) => /^--document(=|$)/.test(arg));
  if (at < 0) return argv;
  return argv.toSpliced(at, argv[at]!.includes('=') ? 1 : 2);
}

function help(): string {
  const line = ({ name, placeholder, summary, fallback }: OptionSpec) => {
    const flag = `    --${name} ${placeholder}`.padEnd(24);
    return `${flag} ${summary}${fallback === undefined ? '' : ` (${fallback})`}`;
  };
  return [
    'usage: npm run bench -- NAME [OPTIONS]',
    '',
    ...benchmarks.flatMap(({ name, summary, options }) => [
      `  ${name.padEnd(12)}${summary}`,
      ...options.map(line),
    ]),
    '  all of them',
    ...commonOptions.map(line),
    '',
  ].join('\n');
}
