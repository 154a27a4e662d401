import { spawn } from 'node:child_process';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill } from './load.ts';
import type { LoopDelay } from './loop-delay.ts';
import { ended, KEYS, missingRedisTools, VALUE_BYTES } from './redis-tools.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { median } from './statistics.ts';

const SAMPLE_MS = 1000;
/** From the beginning of the load, so that the code is compiled. */
const SETTLE_MS = 3000;
const INTERVALS = 10;
/** Requests of one kind before redis-benchmark takes the next kind; it begins anew at the end. */
const TURN_REQUESTS = 20_000;

export const steady: Benchmark = {
  name: 'steady',
  summary: 'Full load for a while: no election, and an even speed.',
  options: [
    count('seconds', 'S', 'how long', 60),
    count('clients', 'N', 'connections of redis-benchmark', 64),
    count('pipeline', 'N', 'unanswered commands on each of them', 1),
    count('keys', 'N', 'how many keys there are, from the beginning on', KEYS),
  ],
  quick: { seconds: '10', keys: '1000' },
  examples: ['--seconds 600', '--clients 256 --pipeline 16', '--keys 1000000'],
  async run(context) {
    const missing = await missingRedisTools(['redis-benchmark']);
    if (missing === null) return await watchLoad(context);
    return { lines: [`skipped: ${missing}`], results: { skipped: missing }, failures: [] };
  },
};

interface Sample {
  readonly atMs: number;
  /** Every command is an entry, reads too: the entries applied are the commands served. */
  readonly applied: number;
}

async function watchLoad(context: BenchContext): Promise<Report> {
  const seconds = context.settings.count('seconds', 1, 86_400);
  const clients = context.settings.count('clients', 1, 1000);
  const pipeline = context.settings.count('pipeline', 1, 1000);
  const keys = context.settings.count('keys', 1, 1e8);
  const watch = new Watch();
  const cluster = await BenchCluster.start(context, {
    program: [process.execPath, '--import', LOOP_DELAY, DKVS],
    onLogLine: (name, line) => watch.take(name, line),
  });
  await fill(context, cluster.portOf((await cluster.steady()).name), keys, VALUE_BYTES);
  const before = await cluster.steady();
  const load = ['-t', 'set,get,incr', '-d', String(VALUE_BYTES), '-r', String(keys)];
  const turn = ['-c', String(clients), '-P', String(pipeline), '-n', String(TURN_REQUESTS), '-l'];
  const at = ['-h', '127.0.0.1', '-p', String(cluster.portOf(before.name))];
  const benchmark = spawn('redis-benchmark', [...at, ...load, ...turn, '-q'], { stdio: 'ignore' });
  context.onEnd(() => ended(benchmark));
  const samples: Sample[] = [];
  const terms = new Set<number>();
  // The start compiles everything and elects the first leader, and is not meant.
  await sleep(SETTLE_MS);
  const begunAtMs = performance.now();
  watch.reset();
  for (let second = 0; second <= seconds; second++) {
    await sleep(begunAtMs + second * SAMPLE_MS - performance.now());
    const statuses = await Promise.all(cluster.names.map((name) => cluster.status(name)));
    for (const status of statuses) if (status?.term != null) terms.add(status.term);
    const leader = statuses.find((status) => status?.name === before.name);
    if (leader == null) continue;
    samples.push({ atMs: performance.now() - begunAtMs, applied: leader.lastApplied! });
    context.progress(`${second}/${seconds} s: ${perSecond(speeds(samples).at(-1) ?? 0)} / s`);
  }
  const isAlive = benchmark.exitCode === null && benchmark.signalCode === null;
  const after = await cluster.steady();
  terms.add(after.term!);
  return report(samples, [...terms], watch, isAlive);
}

/** Commands a second between two samples. */
function speeds(samples: readonly Sample[]): readonly number[] {
  return samples.slice(1).map((sample, i) => {
    const earlier = samples[i]!;
    return ((sample.applied - earlier.applied) * 1000) / (sample.atMs - earlier.atMs);
  });
}

function report(
  samples: readonly Sample[],
  terms: readonly number[],
  watch: Watch,
  isAlive: boolean,
): Report {
  const all = speeds(samples);
  const failures = [
    ...watch.roles.map((change) => `a role changed: ${change}`),
    ...(isAlive ? [] : ['redis-benchmark ended early: it was answered with an error']),
  ];
  const size = Math.max(1, Math.ceil(all.length / INTERVALS));
  const rows: string[][] = [];
  for (let from = 0; from < all.length; from += size) {
    const part = all.slice(from, from + size);
    const span = `${from}-${from + part.length} s`;
    rows.push([span, perSecond(median(part)), perSecond(Math.min(...part))]);
  }
  return {
    lines: [
      ...table(['', 'commands / s', 'worst second'], rows),
      '',
      `median ${perSecond(median(all))} / s; elections: ${terms.length === 1 ? 'none' : 'SEE BELOW'}, ` +
        `term ${terms.join(', ')}; snapshots: ${watch.snapshots}`,
      '',
      ...watch.table,
      ...failures,
    ],
    results: { perSecond: all, terms, delays: Object.fromEntries(watch.delays) },
    failures,
  };
}

const LOOP_DELAY = new URL('./loop-delay.js', import.meta.url).href;
const DKVS = fileURLToPath(new URL('../../bin/dkvs.mjs', import.meta.url));

/** What the nodes say on standard error: how long their loops were held up, and who leads. */
class Watch {
  /** The worst of each node. */
  readonly delays: Map<string, LoopDelay> = new Map();
  /** Every change of a role, in the node's own words. */
  readonly roles: string[] = [];

  snapshots = 0;

  reset(): void {
    this.delays.clear();
    this.roles.length = 0;
    this.snapshots = 0;
  }

  take(name: string, line: string): void {
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line);
    if (said.event === 'role') this.roles.push(`${said.time} ${name} ${said.message}`);
    if (said.event === 'snapshot') this.snapshots++;
    if (said.loopDelayMaxMs !== undefined) this.takeDelay(name, said);
  }

  private takeDelay(name: string, said: LoopDelay): void {
    const known = this.delays.get(name) ?? said;
    this.delays.set(name, {
      loopDelayMaxMs: Math.max(said.loopDelayMaxMs, known.loopDelayMaxMs),
      loopRanMaxMs: Math.max(said.loopRanMaxMs, known.loopRanMaxMs),
      gcMaxMs: Math.max(said.gcMaxMs, known.gcMaxMs),
    });
  }

  get table(): readonly string[] {
    const head = ['longest in ms', 'loop held up', 'by its own work', 'garbage collection'];
    const rows = [...this.delays].map(([name, { loopDelayMaxMs, loopRanMaxMs, gcMaxMs }]) => [
      name,
      ...[loopDelayMaxMs, loopRanMaxMs, gcMaxMs].map(ms),
    ]);
    return table(head, rows.toSorted());
  }
}
