import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill, targetAt } from './load.ts';
import { ended, missingRedisTools, spawnRedis } from './redis-tools.ts';
import { perSecond, type Report, spread, table } from './report.ts';
import { restartOne } from './restart.ts';
import { sizesOf } from './sizes.ts';
import { inScope } from './undo.ts';

const VALUE_BYTES = 64;
/** What was asked of the project, with a million writes in the log. */
const TARGET_S = 2;
const TARGET_WRITES = 1_000_000;
const REDIS_START_MS = 120_000;

interface Size {
  readonly writes: number;
  readonly readyS: number[];
  readonly caughtUpS: number[];
  readonly redisS: number[];
}

/** A longer and longer log: how long a follower that was killed takes to be there again. */
export async function growthOfLog(context: BenchContext): Promise<Report> {
  return await inScope(context, 'log', async (inner) => {
    const rounds = context.settings.count('rounds', 1, 1000);
    const cluster = await BenchCluster.start(inner);
    const hasRedis = (await missingRedisTools(['redis-server'])) === null;
    const redisPort = inner.port + 50;
    const redis = hasRedis ? await spawnRedis(inner, redisPort) : null;
    const sizes: Size[] = [];
    let before = 0;
    for (const writes of sizesOf(context.settings, 'log')) {
      const from = before;
      for (const target of redis === null ? [cluster] : [cluster, targetAt(redisPort)]) {
        await target.run((port) => fill(inner, port, writes, VALUE_BYTES, from));
      }
      before = writes;
      const size: Size = { writes, readyS: [], caughtUpS: [], redisS: [] };
      for (let round = 0; round < rounds; round++) {
        const { readyS, caughtUpS } = await restartOne(cluster);
        size.readyS.push(readyS);
        size.caughtUpS.push(caughtUpS);
        if (redis !== null) size.redisS.push(await restartRedis(redis, redisPort));
        context.progress(`${perSecond(writes)} writes: caught up after ${caughtUpS.toFixed(2)} s`);
      }
      sizes.push(size);
    }
    return report(sizes, rounds);
  });
}

/** @returns seconds from the start of its process until it answers, its log loaded. */
async function restartRedis(
  redis: Awaited<ReturnType<typeof spawnRedis>>,
  port: number,
): Promise<number> {
  await ended(redis.child);
  const begunAtMs = performance.now();
  redis.restart();
  while (performance.now() - begunAtMs < REDIS_START_MS) {
    if (await isLoaded(port)) return (performance.now() - begunAtMs) / 1000;
    await sleep(5);
  }
  throw new Error('redis-server does not come back');
}

/** While it loads, it answers -LOADING. */
function isLoaded(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => {
      resolve(chunk[0] === 0x2b);
      socket.destroy();
    });
    socket.on('error', () => resolve(false)).on('close', () => resolve(false));
  });
}

function report(sizes: readonly Size[], rounds: number): Report {
  const seconds = (values: readonly number[]) =>
    values.length === 0 ? '' : spread(values, (value) => value.toFixed(2));
  const rows = sizes.map(({ writes, readyS, caughtUpS, redisS }) => [
    perSecond(writes),
    seconds(readyS),
    seconds(caughtUpS),
    seconds(redisS),
    redisS.length === 0
      ? ''
      : spread(
          caughtUpS.map((value, i) => value / redisS[i]!),
          (ratio) => ratio.toFixed(2),
        ),
  ]);
  const million = sizes.find(({ writes }) => writes === TARGET_WRITES);
  const isMet = million !== undefined && Math.max(...million.caughtUpS) < TARGET_S;
  return {
    lines: [
      `a follower is killed and started, as many keys as writes, ${VALUE_BYTES} bytes each; s from exec, ` +
        `${rounds} times: median (least-most)`,
      '',
      ...table(['writes', 'ready', 'caught up', 'Redis answers', 'DKVS / Redis'], rows),
      ...(million === undefined
        ? []
        : ['', `target: caught up in under ${TARGET_S} s: ${isMet ? 'met' : 'MISSED'}`]),
    ],
    results: { sizes },
    failures: [],
  };
}
