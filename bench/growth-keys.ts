import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill, runClean, type Target, targetAt } from './load.ts';
import { residentBytes } from './processes.ts';
import { missingRedisTools, redisUsedBytes, startRedis } from './redis-tools.ts';
import { perSecond, type Report, spread, table } from './report.ts';
import { sizesOf } from './sizes.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

/** Keys have 16 bytes. */
const VALUE_BYTES = 64;
const CLIENTS = 64;
/** For a process that has just begun. */
const REST_MS = 3000;
const MIB = 2 ** 20;
/** What was asked of the project, at a million keys. */
const TARGET = 1.5;
const TARGET_KEYS = 1_000_000;

interface System extends Target {
  readonly title: string;
  /** The leader first. */
  readonly pids: readonly number[];
  /** What it says itself that it has allocated; null: it does not tell. */
  readonly usedBytes: () => Promise<number | null>;
  readonly emptyBytes: readonly number[];
}

interface Size {
  readonly keys: number;
  readonly systems: readonly {
    readonly title: string;
    /** Resident beyond what it was while empty, for each key, of each process: as soon as the keys
     *  were there, and settled. */
    readonly filledPerKey: readonly number[];
    readonly bytesPerKey: readonly number[];
    /** All of each process that is resident, settled. */
    readonly residentBytes: readonly number[];
    readonly usedPerKey: number | null;
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
      const filled = systems.map(({ pids }) => pids.map(residentBytes));
      context.progress(`${perSecond(keys)} keys: waiting until memory has settled`);
      await sleep(1000 * context.settings.count('settle', 1, 3600));
      sizes.push(await measure(inner, systems, keys, filled));
      context.progress(`${perSecond(keys)} keys: measured`);
    }
    return report(context, sizes);
  });
}

async function startAll(context: BenchContext): Promise<readonly System[]> {
  const cluster = await BenchCluster.start(context);
  const { name: leader } = await cluster.steady();
  const names = [leader, ...cluster.names.filter((name) => name !== leader)];
  const pids = names.map((name) => cluster.pidOf(name));
  const usedBytes = (): Promise<number | null> => Promise.resolve(null);
  const started = [{ title: 'DKVS', run: cluster.run, pids, usedBytes }];
  if ((await missingRedisTools(['redis-server'])) === null) {
    const { port, pid } = await startRedis(context, context.port + 50);
    const used = () => redisUsedBytes(port);
    started.push({ title: 'Redis', ...targetAt(port), pids: [pid], usedBytes: used });
  }
  await sleep(REST_MS);
  return started.map((one) => ({ ...one, emptyBytes: one.pids.map(residentBytes) }));
}

async function measure(
  context: BenchContext,
  systems: readonly System[],
  keys: number,
  filled: readonly (readonly number[])[],
): Promise<Size> {
  const rounds = context.settings.count('rounds', 1, 1000);
  const seconds = context.settings.count('seconds', 1, 600);
  // Memory first: what the load overwrites is garbage that only it has made.
  const memories = systems.map(async ({ title, pids, emptyBytes, usedBytes }, system) => {
    const resident = pids.map(residentBytes);
    const used = await usedBytes();
    const perKey = (bytes: readonly number[]) =>
      bytes.map((each, i) => (each - emptyBytes[i]!) / keys);
    return {
      title,
      filledPerKey: perKey(filled[system]!),
      bytesPerKey: perKey(resident),
      residentBytes: resident,
      usedPerKey: used === null ? null : used / keys,
      set: [] as number[],
      get: [] as number[],
    };
  });
  const found = await Promise.all(memories);
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
  const settle = settings.count('settle', 1, 3600);
  return {
    lines: [
      `keys of 16 bytes, values of ${VALUE_BYTES}. Memory, a key: resident beyond an empty process's,`,
      `of DKVS the median of the three nodes (least-most), as soon as the keys were there and ${settle} s`,
      'later; "in all" is all that is resident, the empty process with it, as Redis\'s used_memory is.',
      'A thousand keys are less than caches and buffers.',
      '',
      ...memoryTable(sizes),
      '',
      `SET and GET -c ${CLIENTS} of any of them, by turns with Redis, ${rounds} rounds of ${seconds} s`,
      '',
      ...speedTable(sizes),
      ...target(sizes),
    ],
    results: { sizes },
    failures: [],
  };
}

function memoryTable(sizes: readonly Size[]): readonly string[] {
  const bytes = (values: readonly number[]) => spread(values, (n) => n.toFixed(0));
  const mib = (values: readonly number[]) => (median(values) / MIB).toFixed(0);
  const titles = ['keys', 'DKVS filled', 'settled', 'Redis', 'used_memory', 'DKVS / Redis'];
  const rows = sizes.map(({ keys, systems: [dkvs, redis] }) => [
    perSecond(keys),
    bytes(dkvs!.filledPerKey),
    bytes(dkvs!.bytesPerKey),
    ...(redis === undefined
      ? ['', '', '', mib(dkvs!.residentBytes)]
      : [
          bytes(redis.bytesPerKey),
          redis.usedPerKey!.toFixed(0),
          (median(dkvs!.bytesPerKey) / redis.bytesPerKey[0]!).toFixed(2),
          `${mib(dkvs!.residentBytes)} / ${mib(redis.residentBytes)}`,
        ]),
  ]);
  return table([...titles, 'in all, MiB'], rows);
}

function speedTable(sizes: readonly Size[]): readonly string[] {
  const rows = sizes.map(({ keys, systems: [dkvs, redis] }) => [
    perSecond(keys),
    spread(dkvs!.set, perSecond),
    spread(dkvs!.get, perSecond),
    redis === undefined ? '' : (median(dkvs!.set) / median(redis.set)).toFixed(2),
  ]);
  return table(['keys', 'SET / s', 'GET / s', 'SET: of Redis'], rows);
}

function target(sizes: readonly Size[]): readonly string[] {
  const million = sizes.find(({ keys }) => keys === TARGET_KEYS)?.systems;
  const [dkvs, redis] = million ?? [];
  if (dkvs === undefined || redis === undefined) return [];
  const ratio = median(dkvs.bytesPerKey) / redis.bytesPerKey[0]!;
  const verdict = ratio <= TARGET ? 'met' : 'MISSED';
  return ['', `target: at most ${TARGET} times Redis's at a million keys: ${verdict}`];
}
