import { spawn } from 'node:child_process';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { ended, KEYS, missingRedisTools, VALUE_BYTES } from './redis-tools.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { median } from './statistics.ts';

const SAMPLE_MS = 1000;
const INTERVALS = 10;
/** Requests of one kind before redis-benchmark takes the next kind; it begins anew at the end. */
const TURN_REQUESTS = 20_000;

export const steady: Benchmark = {
  name: 'steady',
  summary: 'Full load for a while: no election, and an even speed.',
  options: [
    count('seconds', 'S', 'how long', 60),
    count('clients', 'N', 'connections of redis-benchmark', 64),
  ],
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
  const delays = new LoopDelays();
  const cluster = await BenchCluster.start(context, {
    program: [process.execPath, '--import', LOOP_DELAY, DKVS],
    onLogLine: (name, line) => delays.take(name, line),
  });
  const before = await cluster.steady();
  const load = ['-t', 'set,get,incr', '-d', String(VALUE_BYTES), '-r', String(KEYS)];
  const turn = ['-c', String(clients), '-n', String(TURN_REQUESTS), '-l'];
  const at = ['-h', '127.0.0.1', '-p', String(cluster.portOf(before.name))];
  const benchmark = spawn('redis-benchmark', [...at, ...load, ...turn, '-q'], { stdio: 'ignore' });
  context.onEnd(() => ended(benchmark));
  const samples: Sample[] = [];
  const terms = new Set<number>();
  const begunAtMs = performance.now();
  delays.reset();
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
  return report(samples, [...terms], delays, isAlive);
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
  delays: LoopDelays,
  isAlive: boolean,
): Report {
  const all = speeds(samples);
  const failures = [
    ...(terms.length === 1 ? [] : [`there was an election: terms ${terms.join(', ')}`]),
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
      `median ${perSecond(median(all))} / s; elections: ${failures.length === 0 ? 'none' : 'SEE BELOW'}, ` +
        `term ${terms.join(', ')}`,
      `the event loop was held up for at most: ${delays.text}`,
      ...failures,
    ],
    results: { perSecond: all, terms, loopDelayMaxMs: Object.fromEntries(delays.maxMs) },
    failures,
  };
}

const LOOP_DELAY = new URL('./loop-delay.js', import.meta.url).href;
const DKVS = fileURLToPath(new URL('../../bin/dkvs.mjs', import.meta.url));

/** The longest time for which each node's event loop was held up, as `loop-delay.ts` says it. */
class LoopDelays {
  readonly maxMs: Map<string, number> = new Map();

  /** The start compiles everything, and is not meant. */
  reset(): void {
    this.maxMs.clear();
  }

  take(name: string, line: string): void {
    if (!line.startsWith('{"loopDelayMaxMs"')) return;
    const { loopDelayMaxMs } = JSON.parse(line);
    this.maxMs.set(name, Math.max(this.maxMs.get(name) ?? 0, loopDelayMaxMs));
  }

  get text(): string {
    const texts = [...this.maxMs].map(([name, delayMs]) => `${name} ${ms(delayMs)} ms`);
    return texts.toSorted().join(', ');
  }
}
