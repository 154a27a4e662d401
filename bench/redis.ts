import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import {
  calibrate,
  KEYS,
  type Measurement,
  measure,
  missingRedisTools,
  REDIS_FLAGS,
  startRedis,
  VALUE_BYTES,
  type Workload,
} from './redis-tools.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { median } from './statistics.ts';

interface Case extends Workload {
  readonly title: string;
  /** The least ratio of DKVS to Redis that is promised; null: none is. */
  readonly target: number | null;
}

const cases: readonly Case[] = [
  { title: 'SET -c 1', command: 'set', clients: 1, pipeline: 1, target: null },
  { title: 'SET -c 64', command: 'set', clients: 64, pipeline: 1, target: 0.4 },
  { title: 'SET -c 256', command: 'set', clients: 256, pipeline: 1, target: 0.4 },
  { title: 'SET -c 64 -P 16', command: 'set', clients: 64, pipeline: 16, target: 0.3 },
  { title: 'GET -c 64', command: 'get', clients: 64, pipeline: 1, target: null },
  { title: 'INCR -c 64', command: 'incr', clients: 64, pipeline: 1, target: null },
];

export const redis: Benchmark = {
  name: 'redis',
  summary: 'redis-benchmark on the leader of three, and on one unreplicated Redis that syncs.',
  options: [
    count('rounds', 'N', 'how often each measurement is repeated', 5),
    count('seconds', 'S', 'about how long each measurement takes', 3),
  ],
  quick: { rounds: '1', seconds: '1' },
  examples: ['--rounds 9 --seconds 5', '--data /var/lib/dkvs-bench'],
  async run(context) {
    const missing = await missingRedisTools(['redis-server', 'redis-benchmark']);
    if (missing !== null) {
      return { lines: [`skipped: ${missing}`], results: { skipped: missing }, failures: [] };
    }
    return await compare(context);
  },
};

type System = 'dkvs' | 'redis';

/** What was measured of one case, round by round. */
type Rounds = Readonly<Record<System, Measurement[]>>;

async function compare(context: BenchContext): Promise<Report> {
  const rounds = context.settings.count('rounds', 1, 1000);
  const seconds = context.settings.count('seconds', 1, 600);
  const cluster = await BenchCluster.start(context);
  const redisPort = context.port + 50;
  await startRedis(context, redisPort);
  const before = await cluster.steady();
  const ports: Readonly<Record<System, number>> = {
    dkvs: cluster.portOf(before.name),
    redis: redisPort,
  };
  const measured = new Map<Case, Rounds>();
  for (const workload of cases) {
    // Both warm, and both measured by turns: what the machine does meanwhile hits both.
    const requests: Record<System, number> = { dkvs: 0, redis: 0 };
    for (const system of ['dkvs', 'redis'] as const) {
      requests[system] = await calibrate(ports[system], workload, seconds);
    }
    const results: Rounds = { dkvs: [], redis: [] };
    for (let round = 0; round < rounds; round++) {
      for (const system of ['dkvs', 'redis'] as const) {
        const result = await measure(ports[system], workload, requests[system]);
        results[system].push(result);
        context.progress(`${workload.title} ${system} ${perSecond(result.perSecond)} / s`);
      }
    }
    measured.set(workload, results);
  }
  const after = await cluster.steady();
  return report(measured, after.term! - before.term!, { rounds, seconds });
}

function report(
  measured: ReadonlyMap<Case, Rounds>,
  termsPassed: number,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Report {
  const compared = [...measured].map(([workload, results]) => compareCase(workload, results));
  const speed = (values: readonly number[]) =>
    `${perSecond(median(values))} (${perSecond(Math.min(...values))}-${perSecond(Math.max(...values))})`;
  const rows = compared.map(({ title, dkvs, redis: other, ratio, target, isMet }) => [
    title,
    speed(dkvs.perSecond),
    speed(other.perSecond),
    ratio.toFixed(2) + (target === null ? '' : isMet ? ` >= ${target}` : ` MISSES ${target}`),
    ms(dkvs.p50Ms),
    ms(other.p50Ms),
  ]);
  const head = ['', 'DKVS x 3, / s', 'Redis x 1, / s', 'DKVS / Redis', 'p50 ms', 'p50 ms'];
  return {
    lines: [
      `redis-benchmark -d ${VALUE_BYTES} -r ${KEYS}; by turns, ${rounds} rounds of ${seconds} s:`,
      'median (least-most); p50 latency of DKVS and of Redis',
      `redis-server ${REDIS_FLAGS.map((flag) => (flag === '' ? "''" : flag)).join(' ')}`,
      '',
      ...table(head, rows),
      '',
      `elections meanwhile: ${termsPassed}`,
    ],
    results: { cases: compared, termsPassed },
    failures: [],
  };
}

function compareCase({ title, target }: Case, rounds: Rounds) {
  const of = (system: System) => ({
    perSecond: rounds[system].map((result) => result.perSecond),
    p50Ms: median(rounds[system].map((result) => result.p50Ms)),
    p99Ms: median(rounds[system].map((result) => result.p99Ms)),
  });
  const [dkvs, other] = [of('dkvs'), of('redis')];
  const ratio = median(dkvs.perSecond) / median(other.perSecond);
  return { title, dkvs, redis: other, ratio, target, isMet: target === null || ratio >= target };
}
