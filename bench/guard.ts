import process from 'node:process';
import { type BenchContext, type Benchmark, count, text } from './benchmark.ts';
import { type Checkout, checkOut, here } from './checkout.ts';
import { BenchCluster } from './cluster.ts';
import { changeOf, type Interval, medianInterval } from './confidence.ts';
import { canCountInstructions, countInstructions } from './instructions.ts';
import { fill, type LoadOrder, runClean } from './load.ts';
import { costOf, cpuMs } from './processes.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

const KEYS = 100_000;
const CONFIDENCE = 0.95;
const WARM_UP_SECONDS = 1;
/** The other cluster's ports, from the first one's. */
const AGAINST_PORTS = 20;

interface Case extends Pick<LoadOrder, 'connections' | 'pipeline' | 'getPercent'> {
  readonly title: string;
}

const cases: readonly Case[] = [
  { title: 'SET -c 1', connections: 1, pipeline: 1, getPercent: 0 },
  { title: 'SET -c 64', connections: 64, pipeline: 1, getPercent: 0 },
  { title: 'SET -c 64 -P 16', connections: 64, pipeline: 16, getPercent: 0 },
  { title: 'GET -c 64', connections: 64, pipeline: 1, getPercent: 100 },
];

export const guard: Benchmark = {
  name: 'guard',
  summary: 'What has this tree changed since an earlier commit, and how sure is that?',
  options: [
    text('against', 'COMMIT', 'what this tree is compared with, as git names it', 'HEAD~1'),
    count('rounds', 'N', 'pairs of fresh clusters; 6 or more for a confidence of 95 %', 8),
    count('seconds', 'S', 'how long each measurement takes', 2),
  ],
  quick: { rounds: '2', seconds: '1' },
  examples: ['--against HEAD~5', '--against main --rounds 12 --seconds 4'],
  run: compare,
};

/** One load on one cluster. */
interface Run {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** For each command, of all nodes. */
  readonly cpuUs: number;
  readonly leaderCpuUs: number;
  /** Null where they are not counted. */
  readonly instructions: number | null;
}

type Side = 'before' | 'after';

/** A pair, measured one right after the other. */
type Pair = Readonly<Record<Side, Run>>;

async function compare(context: BenchContext): Promise<Report> {
  const { settings, progress } = context;
  const rounds = settings.count('rounds', 1, 1000);
  const seconds = settings.count('seconds', 1, 600);
  progress(`building ${settings.text('against')}`);
  const against = await checkOut(context, settings.text('against'));
  const counts = await canCountInstructions();
  const pairs = new Map(cases.map((one) => [one, [] as Pair[]]));
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    // Fresh processes in each round: what V8 makes of the same code differs from one to the next.
    await inScope(context, `round-${round}`, async (inner) => {
      const clusters = await startBoth(inner, against);
      for (const [one, all] of pairs) {
        const runs: Partial<Record<Side, Run>> = {};
        const order: readonly Side[] = ['before', 'after'];
        for (const side of round % 2 === 0 ? order : order.toReversed()) {
          runs[side] = await measure(inner, clusters[side], one, { seconds, counts });
        }
        all.push(runs as Pair);
      }
    });
  }
  return report(against, pairs, counts, { rounds, seconds });
}

/** Both are up all the time; the one that is not measured has nothing to do but its heartbeats. */
async function startBoth(
  context: BenchContext,
  against: Checkout,
): Promise<Readonly<Record<Side, BenchCluster>>> {
  const start = async ({ dkvs }: Checkout, side: Side, port: number) => {
    const place = { ...context, directory: `${context.directory}/${side}`, port };
    const cluster = await BenchCluster.start(place, { program: [process.execPath, dkvs] });
    await cluster.run((port) => fill(context, port, KEYS, 256));
    return cluster;
  };
  return {
    before: await start(against, 'before', context.port + AGAINST_PORTS),
    after: await start(here, 'after', context.port),
  };
}

function measure(
  context: BenchContext,
  cluster: BenchCluster,
  one: Case,
  how: { readonly seconds: number; readonly counts: boolean },
): Promise<Run> {
  return cluster.run((port) => measureAt(context, cluster, port, one, how));
}

async function measureAt(
  context: BenchContext,
  cluster: BenchCluster,
  port: number,
  { connections, pipeline, getPercent }: Case,
  { seconds, counts }: { readonly seconds: number; readonly counts: boolean },
): Promise<Run> {
  const order = { port, keys: KEYS, connections, pipeline, getPercent };
  await runClean(context, { ...order, seconds: WARM_UP_SECONDS });
  const { pids } = cluster;
  const load = () => runClean(context, { ...order, seconds });
  const { result, costs } = await costOf(pids, async () =>
    counts
      ? await countInstructions(context, pids, load)
      : { result: await load(), instructions: null },
  );
  const { requests, latency } = result.result;
  const cpu = costs.map((cost) => (cpuMs(cost) * 1000) / requests);
  return {
    perSecond: result.result.perSecond,
    p50Ms: latency.percentileMs(50),
    p99Ms: latency.percentileMs(99),
    cpuUs: cpu.reduce((sum, one) => sum + one, 0),
    leaderCpuUs: cpu[cluster.names.findIndex((name) => cluster.portOf(name) === port)]!,
    instructions: result.instructions === null ? null : result.instructions / requests,
  };
}

/** What is compared, and which way is better. */
const measures: readonly {
  readonly title: string;
  readonly of: (run: Run) => number | null;
  readonly format: (value: number) => string;
  readonly better: 'less' | 'more';
}[] = [
  { title: 'CPU µs, all', of: (run) => run.cpuUs, format: (n) => n.toFixed(1), better: 'less' },
  {
    title: 'CPU µs, leader',
    of: (run) => run.leaderCpuUs,
    format: (n) => n.toFixed(1),
    better: 'less',
  },
  { title: 'instructions', of: (run) => run.instructions, format: perSecond, better: 'less' },
  { title: 'commands / s', of: (run) => run.perSecond, format: perSecond, better: 'more' },
  { title: 'p50 ms', of: (run) => run.p50Ms, format: ms, better: 'less' },
  { title: 'p99 ms', of: (run) => run.p99Ms, format: ms, better: 'less' },
];

interface Compared {
  readonly case: string;
  readonly measure: string;
  readonly before: number;
  readonly after: number;
  /** After to before, of each pair. */
  readonly ratio: Interval;
  readonly verdict: string;
}

function report(
  against: Checkout,
  pairs: ReadonlyMap<Case, readonly Pair[]>,
  counts: boolean,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Report {
  const compared = [...pairs].flatMap(([one, all]) => compareCase(one.title, all));
  const rows = compared.map((one) => {
    const { format } = measures.find(({ title }) => title === one.measure)!;
    const { ratio } = one;
    return [
      `${one.case}: ${one.measure}`,
      format(one.before),
      format(one.after),
      ratio.median.toFixed(3),
      `${ratio.low.toFixed(3)}-${ratio.high.toFixed(3)}`,
      one.verdict,
    ];
  });
  const confidence = compared[0]!.ratio.confidence;
  const isSure = confidence >= CONFIDENCE;
  return {
    lines: [
      `before: ${against.title}`,
      `${rounds} rounds, a fresh pair of clusters each, every load ${seconds} s on both by turns; medians, and`,
      `where the median ratio lies with a confidence of ${(confidence * 100).toFixed(1)} %` +
        (isSure ? '' : ': TOO FEW ROUNDS to be sure of anything'),
      ...(counts ? [] : ['instructions: not counted (perf does not, here)']),
      '',
      ...table(['', 'before', 'after', 'after / before', 'between', ''], rows),
      '',
      `each line is judged by itself: of two equal trees ${(rows.length * (1 - confidence)).toFixed(1)} ` +
        `of ${rows.length} lines would show a change by chance`,
    ],
    results: { against: against.title, rounds, compared },
    failures: [],
  };
}

/** One line for each measure that was taken. */
export function compareCase(title: string, pairs: readonly Pair[]): readonly Compared[] {
  return measures.flatMap(({ title: measured, of, better }) => {
    const values = (side: Side) => pairs.map((pair) => of(pair[side]));
    const [before, after] = [values('before'), values('after')];
    if (!before.every((value) => value !== null) || !after.every((value) => value !== null))
      return [];
    const ratios = after.map((value, i) => value / before[i]!);
    const ratio = medianInterval(ratios, CONFIDENCE);
    return [
      {
        case: title,
        measure: measured,
        before: median(before),
        after: median(after),
        ratio,
        verdict: verdictOf(ratio, better),
      },
    ];
  });
}

function verdictOf(ratio: Interval, better: 'less' | 'more'): string {
  const change = changeOf(ratio);
  if (ratio.confidence < CONFIDENCE) return 'too few rounds';
  if (change === 'none') return 'no change seen';
  const percent = Math.abs(ratio.median - 1) * 100;
  return `${change === better ? 'better' : 'WORSE'} by ${percent.toFixed(1)} %`;
}
