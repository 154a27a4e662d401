import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CliError, ExitCode } from '../src/cli/exit.ts';
import type { BenchContext } from './benchmark.ts';
import { Histogram, type HistogramData } from './histogram.ts';

/** What a load does, and until when. Keys are `key:` and 12 digits, as redis-benchmark's are. */
export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  /** Commands that a connection sends at once; it sends the next when all of them are answered. */
  readonly pipeline: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** How many commands in a hundred are GETs; the others are SETs. */
  readonly getPercent: number;
  /** `random`: any of the keys. `once`: each once, in order, from `firstKey` on; then it ends. */
  readonly keyOrder: 'random' | 'once';
  readonly firstKey: number;
  /** Commands a second, at even distances, whatever became of those before (an open loop); null:
   *  whoever is answered sends again (a closed loop). */
  readonly ratePerSecond: number | null;
  readonly seconds: number;
  /** Latencies are counted apart for each so long a time, too; null: not. */
  readonly windowMs: number | null;
}

/** The latencies of what was answered in a time, which begins so long after the load. */
export interface LoadWindow<T> {
  readonly fromMs: number;
  readonly latency: T;
}

/** What passes from the thread of the load. */
export interface LoadOutcome {
  readonly requests: number;
  readonly errors: number;
  readonly firstError: string;
  /** From the first command to the last answer. */
  readonly seconds: number;
  readonly latency: HistogramData;
  readonly windows: readonly LoadWindow<HistogramData>[];
  /** How late commands were sent: of an open loop only. It is in the latencies, too. */
  readonly lateness: HistogramData;
  /** Commands that were never answered, or not even sent, because the server had fallen too far
   *  behind. Those that were sent are in the latencies, with the time that they had waited. */
  readonly abandoned: number;
  /** The part of the time in which the load itself was busy: near 1, it measured itself. */
  readonly busy: number;
}

export interface LoadResult extends Omit<LoadOutcome, 'latency' | 'lateness'> {
  readonly perSecond: number;
  readonly latency: Histogram;
  readonly lateness: Histogram;
}

/** The server did not do what a load wants of it: its figures would mean nothing. */
export class LoadRefused extends CliError {
  constructor(reason: string) {
    const hint = 'a machine that is too busy elects leaders under load; see the load in the head';
    super(ExitCode.Other, `the load was refused: ${reason}`, hint);
  }
}

/** 256-byte values of 100,000 keys, SET after SET, one connection, for a second. */
export const baseOrder: Omit<LoadOrder, 'port'> = {
  connections: 1,
  pipeline: 1,
  valueBytes: 256,
  keys: 100_000,
  getPercent: 0,
  keyOrder: 'random',
  firstKey: 0,
  ratePerSecond: null,
  seconds: 1,
  windowMs: null,
};

/**
 * Runs a load to its end, in a thread of its own.
 * @throws LoadRefused when a connection breaks, or the server answers nothing but errors.
 */
export async function runLoad(
  { onEnd }: Pick<BenchContext, 'onEnd'>,
  order: Partial<LoadOrder> & Pick<LoadOrder, 'port'>,
): Promise<LoadResult> {
  const worker = new Worker(new URL('./load-worker.js', import.meta.url), {
    workerData: { ...baseOrder, ...order } satisfies LoadOrder,
  });
  onEnd(async () => void (await worker.terminate()));
  const [outcome] = (await once(worker, 'message').catch((error: Error) => {
    throw new LoadRefused(error.message);
  })) as [LoadOutcome];
  await worker.terminate();
  if (outcome.requests > 0 && outcome.errors === outcome.requests) {
    throw new LoadRefused(`every command was answered with an error: ${outcome.firstError}`);
  }
  return {
    ...outcome,
    perSecond: outcome.requests / outcome.seconds,
    latency: Histogram.from(outcome.latency),
    lateness: Histogram.from(outcome.lateness),
  };
}

/** As `runLoad`, and @throws LoadRefused for a single error, too. */
export async function runClean(
  context: Pick<BenchContext, 'onEnd'>,
  order: Partial<LoadOrder> & Pick<LoadOrder, 'port'>,
): Promise<LoadResult> {
  const result = await runLoad(context, order);
  const { errors, firstError } = result;
  if (errors > 0) throw new LoadRefused(`${errors} commands failed: ${firstError}`);
  return result;
}

/** A server that loads are run on. */
export interface Target {
  /** Runs a task on the port that takes commands: of a cluster, that of its leader. */
  readonly run: <T>(task: (port: number) => Promise<T>) => Promise<T>;
}

/** What has one port for ever. */
export const targetAt = (port: number): Target => ({ run: (task) => task(port) });

const FILL_PIPELINE = 500;

/** Sets the keys from `firstKey` to before `keys`, each once. @throws LoadRefused as `runClean`. */
export async function fill(
  context: Pick<BenchContext, 'onEnd'>,
  port: number,
  keys: number,
  valueBytes: number,
  firstKey = 0,
): Promise<LoadResult> {
  return await runClean(context, {
    port,
    keys,
    firstKey,
    valueBytes,
    // A pipeline of small commands; of large ones not more than a MiB is on its way.
    pipeline: Math.max(1, Math.min(FILL_PIPELINE, Math.floor(2 ** 20 / (valueBytes + 64)))),
    connections: 2,
    keyOrder: 'once',
    seconds: Number.POSITIVE_INFINITY,
  });
}
