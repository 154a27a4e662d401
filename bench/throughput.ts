import { usageError } from '../src/cli/exit.ts';
import { type BenchContext, type Benchmark, count, flag, text } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill, runClean, targetAt } from './load.ts';
import {
  calibrate,
  type Measurement,
  measure,
  missingRedisTools,
  REDIS_FLAGS,
  startRedis,
} from './redis-tools.ts';
import { bytes, ms, perSecond, type Report, spread, table } from './report.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

type Command = 'set' | 'get' | 'mixed';

export interface Case {
  readonly command: Command;
  readonly clients: number;
  readonly pipeline: number;
  readonly valueBytes: number;
}

const CLIENTS = [1, 8, 64, 256, 1024];
const PIPELINES = [16, 64];
const VALUES = [256, 16, 4096, 65_536];
const GETS_OF_MIXED = 90;
/** Of all values together; so 100,000 keys of small values, and fewer of large ones. */
const KEYSPACE_BYTES = 64 * 2 ** 20;
const KEYS_MAX = 100_000;

/** Every shape of load for every size of value. Pipelines are those of 64 clients. */
function fullMatrix(): readonly Case[] {
  const shapes = [
    ...CLIENTS.map((clients) => ({ clients, pipeline: 1 })),
    ...PIPELINES.map((pipeline) => ({ clients: 64, pipeline })),
  ];
  return VALUES.flatMap((valueBytes) =>
    (['set', 'get', 'mixed'] as const).flatMap((command) =>
      shapes.map((shape) => ({ command, valueBytes, ...shape })),
    ),
  );
}

/** All shapes of SET at 256 bytes, the ends of the other scales, and one mixture. */
function isEssential({ command, clients, pipeline, valueBytes }: Case): boolean {
  if (command === 'set' && valueBytes === 256) return true;
  if (valueBytes !== 256) return clients === 64 && pipeline === 1 && command === 'set';
  if (command === 'get') return clients === 1 || (clients === 64 && pipeline !== 64);
  return clients === 64 && pipeline !== 64;
}

export const titleOf = ({ command, clients, pipeline }: Case): string =>
  `${command.toUpperCase()} -c ${clients}${pipeline === 1 ? '' : ` -P ${pipeline}`}`;

/** The cases that were asked for. `only`: words as they follow each other in "SET -c 64 -d 256". */
export function casesOf(isFull: boolean, only: string): readonly Case[] {
  const wanted = ` ${only.toLowerCase()} `.replace(/\s+/g, ' ');
  return fullMatrix()
    .filter((one) => isFull || isEssential(one))
    .filter((one) => ` ${titleOf(one)} -d ${one.valueBytes} `.toLowerCase().includes(wanted));
}

export const throughput: Benchmark = {
  name: 'throughput',
  summary: 'How fast are SET, GET and both together, beside one Redis that syncs?',
  options: [
    count('rounds', 'N', 'how often each measurement is repeated', 5),
    count('seconds', 'S', 'about how long each measurement takes', 3),
    flag('full', 'every size of value with every shape of load: 84 cases instead of 15'),
    text('only', 'TEXT', 'only cases with this in their name, as "set -c 64 -p 16 -d 256"', ''),
  ],
  quick: { rounds: '1', seconds: '1' },
  examples: ['--full', '--only "set -c 64"', '--full --only "mixed" --rounds 3'],
  async run(context) {
    const missing = await missingRedisTools(['redis-server', 'redis-benchmark']);
    if (missing !== null) {
      return { lines: [`skipped: ${missing}`], results: { skipped: missing }, failures: [] };
    }
    const { settings } = context;
    const cases = casesOf(settings.flag('full'), settings.text('only'));
    if (cases.length === 0) throw usageError(`no case has ${settings.text('only')} in its name`);
    return await compare(context, cases);
  },
};

type System = 'dkvs' | 'redis';
const SYSTEMS = ['dkvs', 'redis'] as const;

/** One run of one case; `busy` is how busy our own load was, 0 where redis-benchmark was it. */
interface Run extends Measurement {
  readonly busy: number;
}

interface Compared extends Case {
  /** Round by round. */
  readonly runs: Readonly<Record<System, Run[]>>;
  /** Why there are no runs: a server refused. */
  refused: string;
}

async function compare(context: BenchContext, cases: readonly Case[]): Promise<Report> {
  const compared: Compared[] = [];
  let elections = 0;
  for (const valueBytes of VALUES) {
    const group = cases.filter((one) => one.valueBytes === valueBytes);
    if (group.length === 0) continue;
    // Fresh servers for each size: neither their logs nor their memory hold the sizes before.
    await inScope(context, `values-${valueBytes}`, async (inner) => {
      elections += await compareGroup(inner, group, compared);
    });
  }
  return report(context, compared, elections);
}

/** @returns how many elections there were meanwhile. */
async function compareGroup(
  context: BenchContext,
  group: readonly Case[],
  compared: Compared[],
): Promise<number> {
  const { valueBytes } = group[0]!;
  const keys = keysOf(valueBytes);
  const cluster = await BenchCluster.start(context);
  const { port: redisPort } = await startRedis(context, context.port + 50);
  const before = await cluster.steady();
  for (const target of [cluster, targetAt(redisPort)]) {
    await target.run((port) => fill(context, port, keys, valueBytes));
  }
  context.progress(`${perSecond(keys)} keys of ${valueBytes} bytes are set`);
  for (const one of group) {
    // The case before may have cost the leader its place.
    const { name: leader } = await cluster.steady();
    const ports = { dkvs: cluster.portOf(leader), redis: redisPort };
    const entry: Compared = { ...one, runs: { dkvs: [], redis: [] }, refused: '' };
    compared.push(entry);
    try {
      await measureRounds(context, entry, ports);
    } catch (error) {
      // That a load is refused is a finding, too.
      entry.refused = (error as Error).message.trim().split('\n')[0]!;
      context.progress(`${titleOf(one)}: ${entry.refused}`);
    }
  }
  const after = await cluster.steady();
  return after.term! - before.term!;
}

const keysOf = (valueBytes: number): number =>
  Math.min(KEYS_MAX, Math.floor(KEYSPACE_BYTES / valueBytes));

/** Both warm, and both by turns, so that what the machine does meanwhile hits both. */
async function measureRounds(
  context: BenchContext,
  entry: Compared,
  ports: Readonly<Record<System, number>>,
): Promise<void> {
  const { settings, progress } = context;
  const rounds = settings.count('rounds', 1, 1000);
  const seconds = settings.count('seconds', 1, 600);
  const measurers = {
    dkvs: await measurer(context, entry, ports.dkvs, seconds),
    redis: await measurer(context, entry, ports.redis, seconds),
  };
  for (let round = 0; round < rounds; round++) {
    for (const system of round % 2 === 0 ? SYSTEMS : SYSTEMS.toReversed()) {
      const run = await measurers[system]();
      entry.runs[system].push(run);
      const title = `${titleOf(entry)} -d ${entry.valueBytes}`;
      progress(`${title} ${system} ${perSecond(run.perSecond)} / s`);
    }
  }
}

/** Warms the server up. @returns what measures it once. */
async function measurer(
  context: BenchContext,
  { command, clients, pipeline, valueBytes }: Case,
  port: number,
  seconds: number,
): Promise<() => Promise<Run>> {
  const keys = keysOf(valueBytes);
  if (command !== 'mixed') {
    const workload = { command, clients, pipeline, valueBytes, keys };
    const requests = await calibrate(port, workload, seconds);
    return async () => ({ ...(await measure(port, workload, requests)), busy: 0 });
  }
  const shape = { connections: clients, pipeline, valueBytes, keys, getPercent: GETS_OF_MIXED };
  await runClean(context, { port, ...shape, seconds: 1 });
  return async () => {
    const result = await runClean(context, { port, ...shape, seconds });
    return {
      perSecond: result.perSecond,
      p50Ms: result.latency.percentileMs(50),
      p99Ms: result.latency.percentileMs(99),
      p999Ms: result.latency.percentileMs(99.9),
      maxMs: result.latency.maxMs,
      busy: result.busy,
    };
  };
}

/** Above this the load may have been what was measured. */
const BUSY_MAX = 0.9;

function report(context: BenchContext, all: readonly Compared[], elections: number): Report {
  const rounds = context.settings.count('rounds', 1, 1000);
  const seconds = context.settings.count('seconds', 1, 600);
  const rows = all.map((entry) => row(entry));
  const head = ['', 'bytes', 'DKVS x 3, / s', 'Redis x 1, / s', 'DKVS / Redis'];
  const isBusy = all.some(isLoadBusy);
  return {
    lines: [
      `by turns, ${rounds} rounds of ${seconds} s: median (least-most); ratios are those of a round`,
      'latencies in ms as p50/p99/p99.9, of DKVS and then of Redis, medians of the rounds',
      `SET and GET by redis-benchmark; MIXED, ${GETS_OF_MIXED} GETs in 100, by bench/load.ts`,
      `redis-server ${REDIS_FLAGS.map((one) => (one === '' ? "''" : one)).join(' ')}`,
      '',
      ...table([...head, 'DKVS ms', 'Redis ms'], rows),
      '',
      ...(isBusy ? [`* the load was busy for more than ${BUSY_MAX * 100} % of the time`] : []),
      ...all
        .filter(({ refused }) => refused !== '')
        .map((one) => `${titleOf(one)}: ${one.refused}`),
      `elections meanwhile: ${elections}`,
    ],
    results: { cases: all, elections },
    failures: [],
  };
}

const isLoadBusy = ({ runs }: Compared): boolean =>
  [...runs.dkvs, ...runs.redis].some(({ busy }) => busy > BUSY_MAX);

function row(entry: Compared): readonly string[] {
  const { runs, refused, valueBytes } = entry;
  const title = titleOf(entry) + (isLoadBusy(entry) ? ' *' : '');
  const names = [title, bytes(valueBytes)];
  if (refused !== '' || runs.redis.length === 0) return [...names, 'refused', '', '', '', ''];
  const speeds = (system: System) => runs[system].map((run) => run.perSecond);
  const latency = (system: System) =>
    (['p50Ms', 'p99Ms', 'p999Ms'] as const)
      .map((percentile) => ms(median(runs[system].map((run) => run[percentile]))))
      .join('/');
  const ratios = runs.dkvs.map((run, i) => run.perSecond / runs.redis[i]!.perSecond);
  return [
    ...names,
    spread(speeds('dkvs'), perSecond),
    spread(speeds('redis'), perSecond),
    spread(ratios, (ratio) => ratio.toFixed(2)),
    latency('dkvs'),
    latency('redis'),
  ];
}
