import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { installNodeNative } from '../../node/native.ts';
import { defaultSettings, type RunSettings } from '../../sim/plan.ts';
import { type RunFailure, type RunResult, runSeed } from '../../sim/run.ts';
import { shrink } from '../../sim/shrink.ts';
import type { CliCommand } from '../command.ts';
import { ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import type { Settings } from '../settings.ts';
import { runAll } from '../sim/pool.ts';
import { COVERAGE_SEEDS_MIN, commandOf, describeFailure, Report } from '../sim/report.ts';

const SEED_MAX = Number.MAX_SAFE_INTEGER;
const DRAWN_SEED_MAX = 1_000_000_000;
const FAILURES_MAX = 20;
const PROGRESS_MS = 1000;
const PROGRESS_PLAIN_MS = 15_000;

/** Beside those of every command. */
export const SimExitCode = { Correctness: 10, Liveness: 11, Crash: 12, Coverage: 13 } as const;

export const simCommand: CliCommand = {
  name: 'sim',
  group: 'tools',
  summary: 'Runs whole clusters in a simulated world under faults, with every check.',
  usage: '[--seed N | --seeds A..B | --minutes M] [--seconds S] [--nodes N] [--trace]',
  description: [
    'Real replicas, connections, codecs and clients run in one process, on a simulated disk, network',
    'and clock, while everything goes wrong that the seed draws: crashes, power cuts, partitions,',
    'clogged links, bad clocks, bad disks. Judges watch every step; in the end the faults stop, and',
    'the cluster has to serve again. The same seed is the same run, with the same hash, everywhere.',
    'Exits with 0 when all is well; 10: something forbidden happened; 11: something that must happen',
    'did not; 12: the code crashed; 13: a set of seeds has not been through all that it must.',
    'A failure is told with the last events before it, and made smaller.',
  ],
  examples: ['dkvs sim --seed 7', 'dkvs sim --seed 7 --trace', 'dkvs sim --seeds 1..1000'],
  options: [
    { name: 'seed', kind: 'count', placeholder: 'N', summary: 'one run; the default is drawn' },
    { name: 'seeds', kind: 'text', placeholder: 'A..B', summary: 'all of these, on all cores' },
    { name: 'minutes', kind: 'count', placeholder: 'M', summary: 'new seeds for so long' },
    {
      name: 'seconds',
      kind: 'count',
      placeholder: 'S',
      summary: 'simulated time under faults',
      fallback: `${defaultSettings.seconds}`,
    },
    { name: 'nodes', kind: 'count', placeholder: 'N', summary: '1 to 7; else the seed decides' },
    {
      name: 'operations',
      kind: 'count',
      placeholder: 'N',
      summary: 'what clients ask for in a simulated second',
      fallback: `${defaultSettings.operationsPerSecond}`,
    },
    {
      name: 'faults',
      kind: 'text',
      placeholder: 'N,N',
      summary: 'only these of the planned faults, by number; or none',
    },
    {
      name: 'judges',
      kind: 'text',
      placeholder: 'all|LIN',
      summary: 'LIN: nothing but what the clients saw',
      fallback: defaultSettings.judges,
    },
    { name: 'trace', kind: 'flag', placeholder: '', summary: 'print every event of the run' },
    { name: 'threads', kind: 'count', placeholder: 'N', summary: 'the default is one a core' },
  ],
  async run({ settings }, io) {
    installNodeNative();
    const ways = ['seed', 'seeds', 'minutes'].filter((name) => settings.has(name));
    if (ways.length > 1) throw usageError(`--${ways[0]} and --${ways[1]} exclude each other`);
    if (ways.length === 0 || ways[0] === 'seed') return runOne(settings, io);
    return await runMany(settings, io);
  },
};

function settingsOf(settings: Settings, seed: number): RunSettings {
  return {
    seed,
    seconds: settings.count('seconds', 1, 100_000),
    nodes: settings.has('nodes') ? settings.count('nodes', 1, 7) : 0,
    operationsPerSecond: settings.count('operations', 1, 10_000),
    onlyFaults: settings.has('faults') ? numbersOf(settings.text('faults')) : null,
    judges: judgesOf(settings.text('judges')),
  };
}

function judgesOf(text: string): RunSettings['judges'] {
  if (text === 'all' || text === 'LIN') return text;
  throw usageError('--judges is all, or LIN');
}

function numbersOf(text: string): readonly number[] {
  if (text === 'none') return [];
  if (!/^\d{1,6}(,\d{1,6})*$/.test(text)) throw usageError('--faults is like 3,8,15, or none');
  return text.split(',').map(Number);
}

function runOne(settings: Settings, io: Io): number {
  const seed = settings.has('seed')
    ? settings.count('seed', 0, SEED_MAX)
    : randomInt(DRAWN_SEED_MAX);
  const run = settingsOf(settings, seed);
  const say = (line: string) => io.stdout.write(`${line}\n`);
  say(`seed ${seed}`);
  const report = new Report();
  const result = runSeed(run, settings.flag('trace') ? say : null);
  report.add(result);
  for (const line of report.summary) say(line);
  say(`hash ${result.hash}`);
  if (result.failure === null) return ExitCode.Ok;
  tellFailure(result, io);
  return exitCodeOf(result.failure);
}

/** Seeds A to B, or new ones until the time is over; stops early after many failures. */
function source(settings: Settings, isOver: () => boolean): () => RunSettings | null {
  const endMs = settings.has('minutes')
    ? performance.now() + settings.count('minutes', 1, 100_000) * 60_000
    : Number.POSITIVE_INFINITY;
  const range = settings.has('seeds') ? rangeOf(settings.text('seeds')) : null;
  let next = range?.from ?? randomInt(DRAWN_SEED_MAX);
  const to = range?.to ?? Number.POSITIVE_INFINITY;
  settingsOf(settings, 0);
  return () => {
    if (isOver() || next > to || performance.now() > endMs) return null;
    return settingsOf(settings, next++);
  };
}

function rangeOf(text: string): { readonly from: number; readonly to: number } {
  const match = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text);
  const [from, to] = [Number(match?.[1] ?? 1), Number(match?.[2] ?? 0)];
  if (match === null || from > to) throw usageError('--seeds is like 1..1000');
  return { from, to };
}

async function runMany(settings: Settings, io: Io): Promise<number> {
  const threads = settings.has('threads')
    ? settings.count('threads', 1, 256)
    : availableParallelism();
  const report = new Report();
  let stopped = false;
  const release = io.onStop(() => {
    stopped = true;
  });
  const next = source(settings, () => stopped || report.failures.length >= FAILURES_MAX);
  const first = next();
  if (first !== null) io.stdout.write(`seeds from ${first.seed}\n`);
  let given = false;
  const progress = new Progress(io);
  await runAll(
    threads,
    () => {
      if (given) return next();
      given = true;
      return first;
    },
    (result) => {
      report.add(result);
      const { failure } = result;
      if (failure !== null) {
        progress.clear();
        const what = `${failure.invariant}: ${failure.text.split('\n')[0]}`;
        io.stdout.write(`seed ${result.settings.seed}: ${what}\n`);
      }
      progress.show(report.progress);
    },
  );
  progress.clear();
  release();
  for (const line of report.summary) io.stdout.write(`${line}\n`);
  return conclude(report, io);
}

function conclude(report: Report, io: Io): number {
  const [first] = report.failures;
  if (first !== undefined) {
    tellFailure(first, io);
    return exitCodeOf(first.failure!);
  }
  if (report.runs < COVERAGE_SEEDS_MIN || report.missing.length === 0) return ExitCode.Ok;
  const missing = report.missing.join(', ');
  io.stdout.write(`${paint(io, io.stdout, 'red', 'never happened')}: ${missing}\n`);
  return SimExitCode.Coverage;
}

function tellFailure(result: RunResult, io: Io): void {
  const say = (line: string) => io.stdout.write(`${line}\n`);
  const title = (text: string) => paint(io, io.stdout, 'red', text);
  const [what = '', ...rest] = describeFailure(result);
  say(title(what));
  for (const line of rest) say(line);
  say(`again: ${commandOf(result.settings)} --trace`);
  const { result: small, runs } = shrink(result);
  const { failure, settings } = small;
  const atSeconds = (failure!.atMs / 1000).toFixed(1);
  const size = `${small.nodes} nodes, ${small.faults} faults, ${small.operations} operations`;
  say(`smaller (found in ${runs} runs): ${size}, ${failure!.invariant} at ${atSeconds} s`);
  say(`  ${commandOf(settings)} --trace`);
}

function exitCodeOf({ kind }: RunFailure): number {
  const { Correctness, Liveness, Crash } = SimExitCode;
  return { correctness: Correctness, liveness: Liveness, crash: Crash }[kind];
}

/** One line that says how far it is: rewritten on a terminal, now and then elsewhere. */
class Progress {
  private readonly io: Io;
  private shownMs = performance.now();
  private shown = false;

  constructor(io: Io) {
    this.io = io;
  }

  show(text: string): void {
    const { isTty } = this.io.stderr;
    const now = performance.now();
    if (now - this.shownMs < (isTty ? PROGRESS_MS : PROGRESS_PLAIN_MS)) return;
    this.shownMs = now;
    this.shown = isTty;
    this.io.stderr.write(isTty ? `\r\x1b[K${text}` : `${text}\n`);
  }

  clear(): void {
    if (this.shown) this.io.stderr.write('\r\x1b[K');
    this.shown = false;
  }
}
