import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import {
  type DiskFloor,
  measureDisk,
  recordBytesOf,
  startAnswering,
  startLogging,
} from './floors.ts';
import { runClean, type Target, targetAt } from './load.ts';
import { costOf, cpuMs } from './processes.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { ms, perSecond, type Report, spread, table } from './report.ts';
import { median } from './statistics.ts';

/** How many clients wait for a write at a time: the latency of one, and the way of many. */
const CLIENTS = [1, 64];
/** Batches of the disk alone, in commands. */
const BATCHES = [1, 32, 64];

export const floor: Benchmark = {
  name: 'floor',
  summary: "How far is a SET from what the disk, and Node's sockets, cost by themselves?",
  options: [
    count('rounds', 'N', 'how often each measurement is repeated', 5),
    count('seconds', 'S', 'how long each measurement takes', 3),
    count('bytes', 'N', 'length of the values', 256),
  ],
  quick: { rounds: '1', seconds: '1' },
  examples: ['--bytes 4096', '--rounds 9'],
  run: measureAll,
};

/** Something that answers SETs, by what it does before it answers. */
interface Server extends Target {
  readonly title: string;
  readonly pids: readonly number[];
}

interface Run {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Processor time of all its processes, for each command. */
  readonly cpuUs: number;
  /** How busy the load was. */
  readonly busy: number;
}

async function measureAll(context: BenchContext): Promise<Report> {
  const { settings, progress } = context;
  const rounds = settings.count('rounds', 1, 1000);
  const seconds = settings.count('seconds', 1, 600);
  const valueBytes = settings.count('bytes', 1, 2 ** 20);
  const servers = await startAll(context, valueBytes);
  const noRuns = () => new Map(servers.map((server) => [server, [] as Run[]]));
  const runs = new Map(CLIENTS.map((clients) => [clients, noRuns()]));
  const disk = new Map(BATCHES.map((commands) => [commands, [] as DiskFloor[]]));
  for (let round = 0; round <= rounds; round++) {
    // The round before the first is for compilers and caches.
    const isWarm = round > 0;
    for (const commands of BATCHES) {
      const measured = await measureDisk(context, commands, valueBytes, isWarm ? seconds : 1);
      if (isWarm) disk.get(commands)!.push(measured);
    }
    for (const [clients, byServer] of runs) {
      for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
        const run = await measureServer(context, server, {
          clients,
          valueBytes,
          seconds: isWarm ? seconds : 1,
        });
        if (isWarm) byServer.get(server)!.push(run);
        const label = isWarm ? `round ${round}` : 'warming up';
        progress(`${label}: ${server.title} -c ${clients}: ${perSecond(run.perSecond)} / s`);
      }
    }
  }
  return report({ rounds, seconds, valueBytes, servers, runs, disk });
}

async function startAll(context: BenchContext, valueBytes: number): Promise<readonly Server[]> {
  const net = await startAnswering(context, context.port + 60, 'answer-net');
  const answer = await startAnswering(context, context.port + 61, 'answer');
  const log = await startLogging(context, context.port + 62, valueBytes);
  const one = await BenchCluster.start(
    { ...context, directory: `${context.directory}/one`, port: context.port + 10 },
    { nodes: 1 },
  );
  const three = await BenchCluster.start(context);
  const servers: Server[] = [
    { title: 'answers +OK, on node:net', ...targetAt(net.port), pids: [net.pid] },
    { title: 'answers +OK, on our sockets', ...targetAt(answer.port), pids: [answer.pid] },
    { title: 'and writes one log, and syncs it', ...targetAt(log.port), pids: [log.pid] },
  ];
  for (const [title, cluster] of [
    ['DKVS, one node', one],
    ['DKVS, three nodes', three],
  ] as const) {
    await cluster.steady();
    servers.push({ title, run: cluster.run, pids: cluster.pids });
  }
  if ((await missingRedisTools(['redis-server'])) === null) {
    const redis = await startRedis(context, context.port + 50);
    servers.push({ title: 'Redis, its log synced', ...targetAt(redis.port), pids: [redis.pid] });
  }
  return servers;
}

async function measureServer(
  context: BenchContext,
  { run, pids }: Server,
  load: { readonly clients: number; readonly valueBytes: number; readonly seconds: number },
): Promise<Run> {
  const { clients: connections, valueBytes, seconds } = load;
  const { result, costs } = await run((port) =>
    costOf(pids, () => runClean(context, { port, connections, valueBytes, seconds })),
  );
  const cpu = costs.reduce((sum, cost) => sum + cpuMs(cost), 0);
  return {
    perSecond: result.perSecond,
    p50Ms: result.latency.percentileMs(50),
    p99Ms: result.latency.percentileMs(99),
    p999Ms: result.latency.percentileMs(99.9),
    cpuUs: (cpu * 1000) / result.requests,
    busy: result.busy,
  };
}

interface Findings {
  readonly rounds: number;
  readonly seconds: number;
  readonly valueBytes: number;
  readonly servers: readonly Server[];
  readonly runs: ReadonlyMap<number, ReadonlyMap<Server, readonly Run[]>>;
  readonly disk: ReadonlyMap<number, readonly DiskFloor[]>;
}

function report(findings: Findings): Report {
  const { rounds, seconds, valueBytes, runs, disk } = findings;
  return {
    lines: [
      `SETs of ${valueBytes} bytes; by turns, ${rounds} rounds of ${seconds} s: median (least-most)`,
      '',
      ...diskTable(disk, valueBytes),
      ...[...runs].flatMap(([clients, byServer]) => ['', ...serverTable(clients, byServer)]),
      '',
      'the whole is DKVS with three nodes; the processor time is that of all processes of a server',
      ...shares(findings),
    ],
    results: {
      disk: Object.fromEntries(disk),
      servers: Object.fromEntries(
        [...runs].map(([clients, byServer]) => [
          `c=${clients}`,
          Object.fromEntries([...byServer].map(([{ title }, all]) => [title, all])),
        ]),
      ),
    },
    failures: [],
  };
}

function diskTable(disk: Findings['disk'], valueBytes: number): readonly string[] {
  const rows = [...disk].map(([commands, all]) => [
    `${commands} commands, ${commands * recordBytesOf(valueBytes)} bytes`,
    spread(
      all.map((one) => one.perSecond * commands),
      perSecond,
    ),
    spread(
      all.map((one) => one.p50Ms),
      ms,
    ),
    ms(median(all.map((one) => one.p99Ms))),
    ms(median(all.map((one) => one.p999Ms))),
  ]);
  return table(
    ['the disk alone, a batch and its sync', 'commands / s', 'p50 ms', 'p99', 'p99.9'],
    rows,
  );
}

const of = (runs: readonly Run[], field: keyof Run): readonly number[] =>
  runs.map((run) => run[field]);

function serverTable(
  clients: number,
  byServer: ReadonlyMap<Server, readonly Run[]>,
): readonly string[] {
  const whole = [...byServer].find(([{ title }]) => title === 'DKVS, three nodes')![1];
  const part = (runs: readonly Run[], field: 'p50Ms' | 'cpuUs') => {
    const ratios = runs.map((run, i) => run[field] / whole[i]![field]);
    return median(ratios).toFixed(2);
  };
  const rows = [...byServer].map(([{ title }, runs]) => [
    title,
    spread(of(runs, 'perSecond'), perSecond),
    spread(of(runs, 'p50Ms'), ms),
    part(runs, 'p50Ms'),
    ms(median(of(runs, 'p99Ms'))),
    ms(median(of(runs, 'p999Ms'))),
    median(of(runs, 'cpuUs')).toFixed(1),
    part(runs, 'cpuUs'),
    `${(median(of(runs, 'busy')) * 100).toFixed(0)} %`,
  ]);
  const head = [`-c ${clients}`, 'commands / s', 'p50 ms', 'of the whole', 'p99', 'p99.9'];
  return table([...head, 'CPU µs', 'of the whole', 'load busy'], rows);
}

/** A write in parts, where one client waits for it alone: what each thing below it takes. */
function shares({ runs, disk }: Findings): readonly string[] {
  const p50 = (title: string) => {
    const found = [...runs.get(1)!].find(([server]) => server.title === title)![1];
    return median(of(found, 'p50Ms'));
  };
  const whole = p50('DKVS, three nodes');
  const sockets = p50('answers +OK, on our sockets');
  const sync = median(disk.get(1)!.map((one) => one.p50Ms));
  const percent = (partMs: number) => `${ms(partMs)} ms, ${((partMs / whole) * 100).toFixed(0)} %`;
  const rest = whole - sockets - sync;
  return [
    `-c 1, p50 ${ms(whole)} ms: a client's sockets ${percent(sockets)}; one sync ${percent(sync)}; ` +
      `all the rest, the way to a follower and its sync among it, ${percent(rest)}`,
  ];
}
