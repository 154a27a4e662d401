import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { type LoadResult, runClean, type Target, targetAt } from './load.ts';
import { costOf, cpuMs } from './processes.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { ms, perSecond, type Report, spread, table } from './report.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

const SIZES = [1, 3, 5, 7];
const CLIENTS = 64;
const KEYS = 100_000;

interface Server {
  readonly title: string;
  readonly start: (context: BenchContext) => Promise<Target & { readonly pids: readonly number[] }>;
}

interface Run {
  readonly result: LoadResult;
  /** Of all processes, for each command. */
  readonly cpuUs: number;
}

/** SETs on clusters of 1 to 7 nodes that share this machine, and on one Redis. */
export async function growthOfNodes(context: BenchContext): Promise<Report> {
  const rounds = context.settings.count('rounds', 1, 1000);
  const seconds = context.settings.count('seconds', 1, 600);
  const servers = SIZES.map(clusterOf);
  if ((await missingRedisTools(['redis-server'])) === null) {
    servers.push({
      title: 'Redis',
      start: async (inner) => {
        const { port, pid } = await startRedis(inner, inner.port + 50);
        return { ...targetAt(port), pids: [pid] };
      },
    });
  }
  const runs = new Map(servers.map((server) => [server, [] as Run[]]));
  for (let round = 0; round < rounds; round++) {
    // By turns, and none while another runs: seven idle nodes have heartbeats.
    for (const server of servers) {
      const run = await inScope(context, 'nodes', (inner) => measure(inner, server, seconds));
      runs.get(server)!.push(run);
      context.progress(`${server.title}: ${perSecond(run.result.perSecond)} / s`);
    }
  }
  return report(runs, rounds, seconds);
}

const clusterOf = (nodes: number): Server => ({
  title: nodes === 1 ? '1 node' : `${nodes} nodes`,
  start: async (context) => {
    const cluster = await BenchCluster.start(context, { nodes });
    await cluster.steady();
    return { run: cluster.run, pids: cluster.pids };
  },
});

async function measure(context: BenchContext, { start }: Server, seconds: number): Promise<Run> {
  const { run, pids } = await start(context);
  const order = { connections: CLIENTS, keys: KEYS };
  const warmUp = { ...order, seconds: Math.min(2, seconds) };
  await run((port) => runClean(context, { port, ...warmUp }));
  const { result, costs } = await run((port) =>
    costOf(pids, () => runClean(context, { port, ...order, seconds })),
  );
  const cpu = costs.reduce((sum, one) => sum + cpuMs(one), 0);
  return { result, cpuUs: (cpu * 1000) / result.requests };
}

function report(
  runs: ReadonlyMap<Server, readonly Run[]>,
  rounds: number,
  seconds: number,
): Report {
  const first = [...runs.values()][0]!;
  const summaries = [...runs].map(([{ title }, all]) => ({
    title,
    perSecond: all.map(({ result }) => result.perSecond),
    ofOne: all.map(({ result }, i) => result.perSecond / first[i]!.result.perSecond),
    p50Ms: median(all.map(({ result }) => result.latency.percentileMs(50))),
    p99Ms: median(all.map(({ result }) => result.latency.percentileMs(99))),
    cpuUs: median(all.map(({ cpuUs }) => cpuUs)),
  }));
  const rows = summaries.map((one) => [
    one.title,
    spread(one.perSecond, perSecond),
    spread(one.ofOne, (ratio) => ratio.toFixed(2)),
    ms(one.p50Ms),
    ms(one.p99Ms),
    one.cpuUs.toFixed(1),
  ]);
  const head = [`SET -c ${CLIENTS} -d 256`, 'commands / s', 'of 1 node', 'p50 ms', 'p99'];
  return {
    lines: [
      `all nodes on this machine; by turns, ${rounds} rounds of ${seconds} s: median (least-most)`,
      '',
      ...table([...head, 'CPU µs, all nodes'], rows),
    ],
    results: { sizes: summaries },
    failures: [],
  };
}
