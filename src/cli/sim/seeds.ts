import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { RunFailure } from '../../sim/run-failure.ts';
import { ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import type { Settings } from '../settings.ts';
import type { SimMode } from './mode.ts';
import { runAll } from './pool.ts';
import { Progress } from './progress.ts';
import { describeFailure, type SeedResult, type Tally } from './tally.ts';

const SEED_MAX = Number.MAX_SAFE_INTEGER;
const DRAWN_SEED_MAX = 1_000_000_000;
const FAILURES_MAX = 20;

/** Beside those of every command. */
export const SimExitCode = { Correctness: 10, Liveness: 11, Crash: 12, Coverage: 13 } as const;

/** Runs the seed, or the seeds, that the settings ask for. @returns the exit code. */
export async function runSeeds<Result extends SeedResult>(
  mode: SimMode<Result>,
  settings: Settings,
  io: Io,
): Promise<number> {
  const ways = ['seed', 'seeds', 'minutes'].filter((name) => settings.has(name));
  if (ways.length > 1) throw usageError(`--${ways[0]} and --${ways[1]} exclude each other`);
  if (ways.length === 0 || ways[0] === 'seed') return runOne(mode, settings, io);
  return await runMany(mode, settings, io);
}

function runOne<Result extends SeedResult>(
  mode: SimMode<Result>,
  settings: Settings,
  io: Io,
): number {
  const seed = settings.has('seed')
    ? settings.count('seed', 0, SEED_MAX)
    : randomInt(DRAWN_SEED_MAX);
  const run = mode.settingsOf(seed);
  const say = (line: string) => io.stdout.write(`${line}\n`);
  say(`seed ${seed}`);
  const tally = mode.tally();
  const result = mode.run(run, settings.flag('trace') ? say : null);
  tally.add(result);
  for (const line of tally.summary) say(line);
  say(`hash ${result.hash}`);
  if (result.failure === null) return ExitCode.Ok;
  tellFailure(mode, result, io);
  return exitCodeOf(result.failure);
}

/** Seeds A to B, or new ones until the time is over. */
function source(settings: Settings): () => number | null {
  const endMs = settings.has('minutes')
    ? performance.now() + settings.count('minutes', 1, 100_000) * 60_000
    : Number.POSITIVE_INFINITY;
  const range = settings.has('seeds') ? rangeOf(settings.text('seeds')) : null;
  let next = range?.from ?? randomInt(DRAWN_SEED_MAX);
  const to = range?.to ?? Number.POSITIVE_INFINITY;
  return () => (next > to || performance.now() > endMs ? null : next++);
}

function rangeOf(text: string): { readonly from: number; readonly to: number } {
  const match = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text);
  const [from, to] = [Number(match?.[1] ?? 1), Number(match?.[2] ?? 0)];
  if (match === null || from > to) throw usageError('--seeds is like 1..1000');
  return { from, to };
}

/** Stops early after many failures. */
async function runMany<Result extends SeedResult>(
  mode: SimMode<Result>,
  settings: Settings,
  io: Io,
): Promise<number> {
  const threads = settings.has('threads')
    ? settings.count('threads', 1, 256)
    : availableParallelism();
  const tally = mode.tally();
  let stopped = false;
  const release = io.onStop(() => {
    stopped = true;
  });
  const seeds = source(settings);
  let first = true;
  const next = (): Result['settings'] | null => {
    const seed = stopped || tally.failures.length >= FAILURES_MAX ? null : seeds();
    if (seed === null) return null;
    const run = mode.settingsOf(seed);
    if (first) io.stdout.write(`seeds from ${seed}\n`);
    first = false;
    return run;
  };
  // What is wrong with the settings is said before the first thread starts.
  mode.settingsOf(0);
  const progress = new Progress(io);
  const done = (result: Result) => {
    tally.add(result);
    const { failure } = result;
    if (failure !== null) {
      progress.clear();
      const what = `${failure.invariant}: ${failure.text.split('\n')[0]}`;
      io.stdout.write(`seed ${result.settings.seed}: ${what}\n`);
    }
    progress.show(tally.progress);
  };
  await runAll(threads, next, done, mode.worker);
  progress.clear();
  release();
  for (const line of tally.summary) io.stdout.write(`${line}\n`);
  return conclude(mode, tally, io);
}

function conclude<Result extends SeedResult>(
  mode: SimMode<Result>,
  tally: Tally<Result>,
  io: Io,
): number {
  const [first] = tally.failures;
  if (first !== undefined) {
    tellFailure(mode, first, io);
    return exitCodeOf(first.failure!);
  }
  if (tally.runs < tally.seedsMin || tally.missing.length === 0) return ExitCode.Ok;
  const missing = tally.missing.join(', ');
  io.stdout.write(`${paint(io, io.stdout, 'red', 'never happened')}: ${missing}\n`);
  return SimExitCode.Coverage;
}

function tellFailure<Result extends SeedResult>(
  mode: SimMode<Result>,
  result: Result,
  io: Io,
): void {
  const say = (line: string) => io.stdout.write(`${line}\n`);
  const [what = '', ...rest] = describeFailure(result);
  say(paint(io, io.stdout, 'red', what));
  for (const line of rest) say(line);
  say(`again: ${mode.commandOf(result.settings)} --trace`);
  for (const line of mode.smaller(result)) say(line);
}

function exitCodeOf({ kind }: RunFailure): number {
  const { Correctness, Liveness, Crash } = SimExitCode;
  return { correctness: Correctness, liveness: Liveness, crash: Crash }[kind];
}
