import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { type LoadResult, runClean } from './load.ts';
import { ms, perSecond, type Report, spread, table } from './report.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

const CLIENTS = 64;
const KEYS = 100_000;
const PERIOD_MS = 50;
/** How much of the time one follower runs; 100: as the others, 0: not at all. */
const DUTIES = [100, 50, 20, 0];

interface Run {
  readonly result: LoadResult;
  /** After the load, until the slow one had applied all. */
  readonly catchUpMs: number;
  /** Meanwhile, those included that broke off an attempt. */
  readonly elections: number;
}

/** One follower of three is slowed down by SIGSTOP: does anybody else have to wait for it? */
export async function slowFollower(context: BenchContext): Promise<Report> {
  return await inScope(context, 'slow', async (inner) => {
    const rounds = context.settings.count('rounds', 1, 1000);
    const seconds = context.settings.count('seconds', 1, 600);
    const cluster = await BenchCluster.start(inner);
    const warm = { connections: CLIENTS, keys: KEYS, seconds: Math.min(2, seconds) };
    await cluster.run((port) => runClean(inner, { port, ...warm }));
    const runs = new Map(DUTIES.map((duty) => [duty, [] as Run[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [duty, all] of runs) {
        const before = await cluster.steady();
        const run = await cluster.run(() => measure(inner, cluster, duty, seconds));
        const after = await cluster.steady();
        all.push({ ...run, elections: after.term! - before.term! });
        context.progress(`a follower at ${duty} %: ${perSecond(run.result.perSecond)} / s`);
      }
    }
    return report(runs, { rounds, seconds });
  });
}

async function measure(
  context: BenchContext,
  cluster: BenchCluster,
  duty: number,
  seconds: number,
): Promise<Omit<Run, 'elections'>> {
  const { name: leader } = await cluster.steady();
  const follower = cluster.names.find((name) => name !== leader)!;
  const brake = new Brake(cluster, follower, duty);
  const port = cluster.portOf(leader);
  let result: LoadResult;
  try {
    result = await runClean(context, { port, connections: CLIENTS, keys: KEYS, seconds });
  } finally {
    await brake.release();
  }
  const releasedAtMs = performance.now();
  const status = await cluster.status(leader);
  await cluster.caughtUpWith(follower, status?.commitIndex ?? 0);
  return { result, catchUpMs: performance.now() - releasedAtMs };
}

/** Stops a node and lets it run on, again and again, as a machine does that has too much to do. */
class Brake {
  private readonly cluster: BenchCluster;
  private readonly name: string;
  private isReleased = false;
  private readonly done: Promise<void>;

  constructor(cluster: BenchCluster, name: string, duty: number) {
    this.cluster = cluster;
    this.name = name;
    this.done = duty === 100 ? Promise.resolve() : this.brake(duty);
  }

  async release(): Promise<void> {
    this.isReleased = true;
    await this.done;
    this.cluster.supervisor.thaw(this.name);
  }

  private async brake(duty: number): Promise<void> {
    const { supervisor } = this.cluster;
    while (!this.isReleased) {
      supervisor.freeze(this.name);
      await sleep((PERIOD_MS * (100 - duty)) / 100);
      if (duty === 0) continue;
      supervisor.thaw(this.name);
      await sleep((PERIOD_MS * duty) / 100);
    }
  }
}

function report(
  runs: ReadonlyMap<number, readonly Run[]>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Report {
  const free = runs.get(100)!;
  const summaries = [...runs].map(([duty, all]) => ({
    duty,
    perSecond: all.map(({ result }) => result.perSecond),
    ratios: all.map(({ result }, i) => result.perSecond / free[i]!.result.perSecond),
    latencyMs: [50, 99, 99.9].map((percent) =>
      median(all.map(({ result }) => result.latency.percentileMs(percent))),
    ),
    catchUpMs: all.map(({ catchUpMs }) => catchUpMs),
    elections: all.reduce((sum, { elections }) => sum + elections, 0),
  }));
  const rows = summaries.map((one) => [
    one.duty === 100 ? 'as the others' : one.duty === 0 ? 'stands still' : `${one.duty} %`,
    spread(one.perSecond, perSecond),
    spread(one.ratios, (ratio) => ratio.toFixed(2)),
    ...one.latencyMs.map(ms),
    spread(one.catchUpMs, ms),
    String(one.elections),
  ]);
  const head = ['one follower runs', 'SET / s', 'of the first', 'p50 ms', 'p99', 'p99.9'];
  return {
    lines: [
      `SET -c ${CLIENTS}, three nodes, one follower stopped and continued every ${PERIOD_MS} ms; by turns, ` +
        `${rounds} rounds of ${seconds} s`,
      '',
      ...table([...head, 'caught up after, ms', 'elections'], rows),
    ],
    results: { duties: summaries },
    failures: [],
  };
}
