import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CliError } from '../src/cli/exit.ts';
import {
  type OptionSpec,
  parseArguments,
  resolveSettings,
  type Settings,
} from '../src/cli/settings.ts';
import { type Benchmark, count, flag, text } from './benchmark.ts';
import { cost } from './cost.ts';
import { environmentLines, environmentOf } from './environment.ts';
import { failover } from './failover.ts';
import { floor } from './floor.ts';
import { growth } from './growth.ts';
import { guard } from './guard.ts';
import { benchmarkText, listText } from './help.ts';
import { hostile } from './hostile.ts';
import { journey } from './journey.ts';
import { open } from './open.ts';
import { redis } from './redis.ts';
import { type Report, replaceSection } from './report.ts';
import { restart } from './restart.ts';
import { snapshots } from './snapshots.ts';
import { steady } from './steady.ts';
import { throughput } from './throughput.ts';
import { Undo } from './undo.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs', 'performance.md');

export const benchmarks: readonly Benchmark[] = [
  throughput,
  floor,
  open,
  journey,
  cost,
  growth,
  guard,
  failover,
  redis,
  steady,
  restart,
  snapshots,
  hostile,
];

const commonOptions: readonly OptionSpec[] = [
  count('port', 'PORT', 'the first client port; peers listen 10000 higher', 17_101),
  text(
    'data',
    'DIR',
    'where the data lies during the run: the file system that is measured',
    join(ROOT, 'build', 'bench-data'),
  ),
  flag('quick', 'a first look: short, few rounds, nothing to quote'),
  flag('json', 'print JSON'),
  text('document', 'SECTION', 'put the output into this section of docs/performance.md, too'),
];

/** Runs `npm run bench -- NAME [OPTIONS]`. @returns the exit code. */
export async function runBenchmark(argv: readonly string[]): Promise<number> {
  const benchmark = benchmarks.find(({ name }) => name === argv[0]);
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(
      benchmark === undefined
        ? listText(benchmarks, commonOptions)
        : benchmarkText(benchmark, commonOptions),
    );
    return 0;
  }
  if (benchmark === undefined) {
    const isAsked = argv.length > 0;
    if (isAsked) process.stderr.write(`bench: there is no benchmark ${argv[0]}\n`);
    process.stderr.write(listText(benchmarks, commonOptions));
    return isAsked ? 2 : 0;
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
  const settings = settingsOf(benchmark, argv);
  const directory = join(resolve(settings.text('data')), `${benchmark.name}-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  const environment = environmentOf(directory);
  const report = await runToTheEnd(benchmark, settings, directory);
  const words = [benchmark.name, ...withoutDocument(argv)].map(quoted);
  const command = `npm run bench -- ${words.join(' ')}`;
  const { lines, results, failures } = report;
  const output = [`$ ${command}`, ...environmentLines(environment), '', ...lines].join('\n');
  const json = { benchmark: benchmark.name, command, environment, results, failures };
  process.stdout.write(`${settings.flag('json') ? JSON.stringify(json) : output}\n`);
  for (const failure of failures.slice(0, 20)) process.stderr.write(`FAILED: ${failure}\n`);
  if (settings.has('document')) {
    const document = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(DOCUMENT, replaceSection(document, settings.text('document'), output));
  }
  return failures.length === 0 ? 0 : 1;
}

function settingsOf(benchmark: Benchmark, argv: readonly string[]): Settings {
  const known = [...benchmark.options, ...commonOptions];
  const { flags } = parseArguments(argv, known);
  const isQuick = flags.has('quick');
  const specs = known.map((spec) =>
    isQuick && spec.name in benchmark.quick
      ? { ...spec, fallback: benchmark.quick[spec.name]! }
      : spec,
  );
  return resolveSettings(specs, specs, flags, {});
}

/** However it ends, what it began is undone: the nodes are gone, and so is their data. */
async function runToTheEnd(
  benchmark: Benchmark,
  settings: Settings,
  directory: string,
): Promise<Report> {
  const undo = new Undo();
  undo.add(() => Promise.resolve(rmSync(directory, { recursive: true, force: true })));
  let isInterrupted = false;
  const stop = () => {
    if (isInterrupted) return;
    isInterrupted = true;
    // Twice: while it undid one thing, the run may have begun another.
    void undo
      .run()
      .then(() => undo.run())
      .finally(() => process.exit(130));
  };
  // Not once: a terminal's Ctrl-C comes to the whole group, and then again from npm.
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await benchmark.run({
      settings,
      directory,
      port: settings.count('port', 1, 55_000),
      progress: (line) => process.stderr.write(`${benchmark.name}: ${line}\n`),
      onEnd: (step) => undo.add(step),
    });
  } catch (error) {
    // Its nodes were ended under it: what it says of that is no news, and the exit is on its way.
    if (isInterrupted) await new Promise(() => {});
    throw error;
  } finally {
    await undo.run();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

const quoted = (word: string): string => (/^[\w./:=~^-]+$/.test(word) ? word : `'${word}'`);

/** What a reader has to type to get the same numbers. */
function withoutDocument(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((arg) => /^--document(=|$)/.test(arg));
  if (at < 0) return argv;
  return argv.toSpliced(at, argv[at]!.includes('=') ? 1 : 2);
}
