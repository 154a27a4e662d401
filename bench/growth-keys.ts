import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill, runClean, type Target, targetAt } from './load.ts';
import { residentBytes } from './processes.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { perSecond, type Report, spread, table } from './report.ts';
import { sizesOf } from './sizes.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

/** Keys have 16 bytes. */
const VALUE_BYTES = 64;
const CLIENTS = 64;
/** For the collector, and for what is written behind, before memory is looked at. */
const REST_MS = 3000;
/** What was asked of the project, at a million keys. */
const TARGET = 1.5;
const TARGET_KEYS = 1_000_000;

interface System extends Target {
  readonly title: string;
  /** The leader first. */
  readonly pids: readonly number[];
  readonly emptyBytes: readonly number[];
}

interface Size {
  readonly keys: number;
  readonly systems: readonly {
    readonly title: string;
    /** Resident beyond what it was while empty, for each key; of each process. */
    readonly bytesPerKey: readonly number[];
    readonly set: number[];
    readonly get: number[];
  }[];
}

/** More and more keys: what each takes in memory, and whether commands stay as fast. */
export async function growthOfKeys(context: BenchContext): Promise<Report> {
  return await inScope(context, 'keys', async (inner) => {
    const systems = await startAll(inner);
    const sizes: Size[] = [];
    let before = 0;
    for (const keys of sizesOf(context.settings, 'keys')) {
      const from = before;
      for (const { run } of systems) {
        await run((port) => fill(inner, port, keys, VALUE_BYTES, from));
      }
      before = keys;
      context.progress(`${perSecond(keys)} keys`);
      await sleep(REST_MS);
      sizes.push(await measure(inner, systems, keys));
    }
    return report(context, sizes);
  });
}

async function startAll(context: BenchContext): Promise<readonly System[]> {
  const cluster = await BenchCluster.start(context);
  const { name: leader } = await cluster.steady();
  const names = [leader, ...cluster.names.filter((name) => name !== leader)];
  const started = [
    { title: 'DKVS', run: cluster.run, pids: names.map((name) => cluster.pidOf(name)) },
  ];
  if ((await missingRedisTools(['redis-server'])) === null) {
    const { port, pid } = await startRedis(context, context.port + 50);
    started.push({ title: 'Redis', ...targetAt(port), pids: [pid] });
  }
  await sleep(REST_MS);
  return started.map((one) => ({ ...one, emptyBytes: one.pids.map(residentBytes) }));
}

async function measure(
  context: BenchContext,
  systems: readonly System[],
  keys: number,
): Promise<Size> {
  const rounds = context.settings.count('rounds', 1, 1000);
  const seconds = context.settings.count('seconds', 1, 600);
  // Memory first: what the load overwrites is garbage that only it has made.
  const found = systems.map(({ title, pids, emptyBytes }) => ({
    title,
    bytesPerKey: pids.map((pid, i) => (residentBytes(pid) - emptyBytes[i]!) / keys),
    set: [] as number[],
    get: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of systems.entries()) {
      const order = { connections: CLIENTS, keys, valueBytes: VALUE_BYTES, seconds };
      for (const [command, getPercent] of [
        ['set', 0],
        ['get', 100],
      ] as const) {
        const measured = run((port) => runClean(context, { port, ...order, getPercent }));
        found[i]![command].push((await measured).perSecond);
      }
    }
  }
  return { keys, systems: found };
}

function report({ settings }: BenchContext, sizes: readonly Size[]): Report {
  const rounds = settings.count('rounds', 1, 1000);
  const seconds = settings.count('seconds', 1, 600);
  const bytesOf = (one: Size['systems'][number]) => spread(one.bytesPerKey, (n) => n.toFixed(0));
  const rows = sizes.map(({ keys, systems: [dkvs, redis] }) => [
    perSecond(keys),
    bytesOf(dkvs!),
    ...(redis === undefined
      ? ['', '']
      : [bytesOf(redis), (median(dkvs!.bytesPerKey) / redis.bytesPerKey[0]!).toFixed(2)]),
    spread(dkvs!.set, perSecond),
    spread(dkvs!.get, perSecond),
    redis === undefined ? '' : (median(dkvs!.set) / median(redis.set)).toFixed(2),
  ]);
  return {
    lines: [
      `keys of 16 bytes, values of ${VALUE_BYTES}; resident memory beyond an empty process's, a key:`,
      'the median of the three nodes (least-most); a thousand keys are less than caches and buffers',
      `SET and GET -c ${CLIENTS} of any of them, by turns with Redis, ${rounds} rounds of ${seconds} s`,
      '',
      ...table(
        [
          'keys',
          'DKVS bytes',
          'Redis bytes',
          'DKVS / Redis',
          'SET / s',
          'GET / s',
          'SET: of Redis',
        ],
        rows,
      ),
      ...target(sizes),
    ],
    results: { sizes },
    failures: [],
  };
}

function target(sizes: readonly Size[]): readonly string[] {
  const million = sizes.find(({ keys }) => keys === TARGET_KEYS)?.systems;
  const [dkvs, redis] = million ?? [];
  if (dkvs === undefined || redis === undefined) return [];
  const ratio = median(dkvs.bytesPerKey) / redis.bytesPerKey[0]!;
  const verdict = ratio <= TARGET ? 'met' : 'MISSED';
  return ['', `target: at most ${TARGET} times Redis's at a million keys: ${verdict}`];
}
