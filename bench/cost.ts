import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { fill, type LoadOrder, LoadRefused, runClean } from './load.ts';
import type { ProbeFigures } from './probe.ts';
import { costOf, medianFigures, type ProcessFigures } from './processes.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { median } from './statistics.ts';
import { countSyscalls, type SyscallCounts } from './syscalls.ts';
import { inScope } from './undo.ts';
import { startWatched } from './watched-nodes.ts';

const KEYS = 100_000;
const PROBE = new URL('./probe.js', import.meta.url);
const TRIES_MAX = 3;

export const cost: Benchmark = {
  name: 'cost',
  summary: 'What does a command cost: processor, system calls, syncs, bytes, collections?',
  options: [
    count('rounds', 'N', 'how often each measurement is repeated', 5),
    count('seconds', 'S', 'how long each measurement takes', 4),
    count('clients', 'N', 'connections', 64),
    count('pipeline', 'N', 'commands that each sends at once', 1),
    count('bytes', 'N', 'length of the values', 256),
    count('gets', 'PERCENT', 'how many commands in a hundred are GETs', 0),
  ],
  quick: { rounds: '1', seconds: '1' },
  examples: ['--gets 100', '--clients 64 --pipeline 16', '--clients 1'],
  run: measureAll,
};

type Load = Omit<LoadOrder, 'port' | 'keyOrder' | 'firstKey' | 'ratePerSecond' | 'windowMs'>;

/** A process whose costs are asked for. */
interface Subject {
  readonly title: string;
  readonly pid: number;
  /** Which load reaches it: the leader's costs are those of a follower's commands, too. */
  readonly system: 'dkvs' | 'redis';
}

async function measureAll(context: BenchContext): Promise<Report> {
  const { settings } = context;
  const rounds = settings.count('rounds', 1, 1000);
  const load: Load = {
    connections: settings.count('clients', 1, 5000),
    pipeline: settings.count('pipeline', 1, 1000),
    valueBytes: settings.count('bytes', 1, 2 ** 20),
    getPercent: settings.count('gets', 0, 100),
    seconds: settings.count('seconds', 1, 600),
    keys: KEYS,
  };
  const plain = await undisturbed(context, 'plain', (inner) => measurePlain(inner, load, rounds));
  const probed = await undisturbed(context, 'probed', (inner) => {
    return measureProbed(inner, load, rounds);
  });
  const { connections, pipeline, valueBytes, getPercent } = load;
  return {
    lines: [
      `${connections} clients, ${pipeline} commands at once, ${valueBytes} bytes, ${getPercent} % GETs; ` +
        `${rounds} rounds of ${load.seconds} s, by turns with Redis; medians`,
      '',
      ...plainTable(plain),
      '',
      'seen from inside, in runs of their own (the bytes include zeros for segments to come):',
      ...probedTable(probed),
      '',
      'system calls, under strace, in a run of their own; most frequent first:',
      ...syscallTable(plain.syscalls),
    ],
    results: { plain, probed },
    failures: [],
  };
}

/** Who leads is settled at the start: an election makes all of it void, and it begins anew. */
async function undisturbed<T>(
  context: BenchContext,
  name: string,
  body: (inner: BenchContext) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await inScope(context, name, body);
    } catch (error) {
      if (!(error instanceof LoadRefused) || tries === TRIES_MAX) throw error;
      context.progress(`anew: ${error.message}`);
    }
  }
}

interface Plain {
  /** For each command. */
  readonly costs: readonly (ProcessFigures & { readonly title: string; readonly rate: number })[];
  readonly syscalls: Syscalls | null;
}

interface Syscalls {
  readonly titles: readonly string[];
  readonly counts: readonly SyscallCounts[];
  /** Commands meanwhile, for each of them. */
  readonly requests: readonly number[];
}

async function measurePlain(context: BenchContext, load: Load, rounds: number): Promise<Plain> {
  const cluster = await BenchCluster.start(context);
  const { name: leader } = await cluster.steady();
  const ports: { dkvs: number; redis?: number } = { dkvs: cluster.portOf(leader) };
  const followers = cluster.names.filter((name) => name !== leader);
  const subjects: Subject[] = [
    { title: 'leader', pid: cluster.pidOf(leader), system: 'dkvs' },
    ...followers.map((name): Subject => {
      return { title: `follower ${name}`, pid: cluster.pidOf(name), system: 'dkvs' };
    }),
  ];
  if ((await missingRedisTools(['redis-server'])) === null) {
    const redis = await startRedis(context, context.port + 50);
    ports.redis = redis.port;
    subjects.push({ title: 'Redis', pid: redis.pid, system: 'redis' });
  } else context.progress('redis-server is not installed: no yardstick');
  const systems = Object.entries(ports) as ['dkvs' | 'redis', number][];
  for (const [, port] of systems) await warmUp(context, port, load);
  const costs = new Map(subjects.map((subject) => [subject, [] as ProcessFigures[]]));
  const rates = { dkvs: [] as number[], redis: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const [system, port] of round % 2 === 0 ? systems : systems.toReversed()) {
      const mine = subjects.filter((subject) => subject.system === system);
      const task = () => runClean(context, { port, ...load });
      const measured = await costOf(
        mine.map(({ pid }) => pid),
        task,
      );
      rates[system].push(measured.result.perSecond);
      for (const [i, subject] of mine.entries()) {
        costs.get(subject)!.push(each(measured.costs[i]!, measured.result.requests));
      }
      context.progress(`${system} ${perSecond(measured.result.perSecond)} / s`);
    }
  }
  return {
    costs: [...costs].map(([{ title, system }, all]) => {
      return { title, rate: median(rates[system]), ...medianFigures(all) };
    }),
    syscalls: await traceAll(context, subjects, systems, load).catch((error: Error) => {
      if (!(error instanceof LoadRefused)) throw error;
      context.progress(`under strace ${error.message}`);
      return null;
    }),
  };
}

async function warmUp(context: BenchContext, port: number, load: Load): Promise<void> {
  await fill(context, port, KEYS, load.valueBytes);
  await runClean(context, { port, ...load, seconds: Math.min(2, load.seconds) });
}

/** Of one command. */
function each(figures: ProcessFigures, commands: number): ProcessFigures {
  const all = Object.entries(figures).map(([field, value]) => [field, value / commands]);
  return Object.fromEntries(all);
}

async function traceAll(
  context: BenchContext,
  subjects: readonly Subject[],
  systems: readonly ['dkvs' | 'redis', number][],
  load: Load,
): Promise<Syscalls | null> {
  const found: Required<{ titles: string[]; counts: SyscallCounts[]; requests: number[] }> = {
    titles: [],
    counts: [],
    requests: [],
  };
  for (const [system, port] of systems) {
    context.progress(`${system} under strace`);
    for (const subject of subjects.filter((one) => one.system === system)) {
      // One process at a time: three tracers would leave the traced no core.
      const task = () => runClean(context, { port, ...load });
      const { result, counts } = await countSyscalls(context, [subject.pid], task);
      if (counts === null) return null;
      found.titles.push(subject.title);
      found.counts.push(counts[0]!);
      found.requests.push(result.requests);
    }
  }
  return found;
}

interface Probed {
  readonly title: string;
  /** The last round's. */
  readonly figures: ProbeFigures;
  readonly requests: number;
}

/** The same load on nodes that watch themselves. */
async function measureProbed(
  context: BenchContext,
  load: Load,
  rounds: number,
): Promise<readonly (readonly Probed[])[]> {
  const { cluster, ask } = await startWatched<ProbeFigures>(context, PROBE, 'probe');
  const { name: leader } = await cluster.steady();
  const port = cluster.portOf(leader);
  await warmUp(context, port, load);
  const all: Probed[][] = [];
  for (let round = 0; round < rounds; round++) {
    await ask();
    const { requests } = await runClean(context, { port, ...load });
    const figures = await ask();
    context.progress(`round ${round + 1} with the probe: ${requests} commands`);
    const titled = cluster.names.map((name, i) => ({
      title: name === leader ? 'leader' : `follower ${name}`,
      figures: figures[i]!,
      requests,
    }));
    all.push(titled.toSorted((a, b) => (b.title === 'leader' ? 1 : a.title === 'leader' ? -1 : 0)));
  }
  return all;
}

function plainTable({ costs }: Plain): readonly string[] {
  const redis = costs.find(({ title }) => title === 'Redis');
  const cpu = (one: ProcessFigures) => one.userMs + one.systemMs;
  const nodes = costs.filter((one) => one !== redis);
  const sum = nodes.reduce((total, one) => total + cpu(one), 0);
  const ratio = (value: number) => (redis === undefined ? '' : (value / cpu(redis)).toFixed(2));
  const rows = costs.map((one) => [
    one.title,
    perSecond(one.rate),
    (one.userMs * 1000).toFixed(1),
    (one.systemMs * 1000).toFixed(1),
    (cpu(one) * 1000).toFixed(1),
    ratio(cpu(one)),
    one.reads.toFixed(2),
    one.writes.toFixed(2),
    one.writtenBytes.toFixed(0),
  ]);
  const all = ['all nodes', '', '', '', (sum * 1000).toFixed(1), ratio(sum), '', '', ''];
  const head = ['for each command', 'commands / s', 'user µs', 'system µs', 'CPU µs', 'of Redis'];
  return table(
    [...head, 'read calls', 'write calls', 'bytes written'],
    redis === undefined ? [...rows, all] : [...rows.slice(0, -1), all, rows.at(-1)!],
  );
}

function probedTable(rounds: readonly (readonly Probed[])[]): readonly string[] {
  const rows = rounds[0]!.map(({ title }, i) => {
    const of = (value: (figures: ProbeFigures, requests: number) => number) =>
      median(rounds.map((round) => value(round[i]!.figures, round[i]!.requests)));
    const worst = (value: (figures: ProbeFigures) => number) =>
      Math.max(...rounds.map((round) => value(round[i]!.figures)));
    return [
      title,
      of((figures, requests) => (figures.syncs * 1000) / requests).toFixed(1),
      of((figures, requests) => figures.writtenBytes / requests).toFixed(0),
      ms(of((figures) => figures.syncP50Ms)),
      ms(of((figures) => figures.syncP99Ms)),
      of((figures) => (figures.collectionsMs / figures.spanMs) * 100).toFixed(2),
      ms(worst((figures) => figures.collectionMaxMs)),
      ms(of((figures) => figures.loopDelayP50Ms)),
      ms(of((figures) => figures.loopDelayP99Ms)),
      ms(worst((figures) => figures.loopDelayMaxMs)),
    ];
  });
  const syncs = ['', 'syncs / 1000', 'bytes to files', 'sync p50 ms', 'p99'];
  return table([...syncs, 'collecting %', 'longest ms', 'loop late p50 ms', 'p99', 'most'], rows);
}

const SHOWN = 6;

function syscallTable(syscalls: Syscalls | null): readonly string[] {
  if (syscalls === null)
    return [
      'not counted: there is no strace, it may not trace, or a traced node was too slow to serve',
    ];
  const rows = syscalls.titles.map((title, i) => {
    const each = (calls: number) => (calls / syscalls.requests[i]!).toFixed(3);
    const counts = syscalls.counts[i]!;
    const all = counts.reduce((sum, [, calls]) => sum + calls, 0);
    const shown = counts.slice(0, SHOWN).map(([name, calls]) => `${name} ${each(calls)}`);
    return [title, each(all), shown.join(', ')];
  });
  return table(['for each command', 'all', 'among them'], rows);
}
