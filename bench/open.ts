import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { usageError } from '../src/cli/exit.ts';
import { type BenchContext, type Benchmark, count, text } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { startLogging } from './floors.ts';
import { fill, type LoadResult, runClean, runLoad, type Target, targetAt } from './load.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { ms, perSecond, type Report, spread, table } from './report.ts';
import { median } from './statistics.ts';
import { type Curve, lineChart } from './svg.ts';

const PICTURE = fileURLToPath(new URL('../../docs/img/latency.svg', import.meta.url));
/** Of what a closed loop reaches: below, around, and beyond what can be served. */
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1];
/** A rate is served when at least this part of it is, to the end. */
const SERVED = 0.95;
const CONNECTIONS = 64;
const KEYS = 100_000;
/** What was asked of the project: p99.9 at half of saturation, beside the floor's at that rate. */
const TARGET = 3;

export const open: Benchmark = {
  name: 'open',
  summary: 'What latency do clients see who come at a fixed rate, up to saturation?',
  options: [
    count('rounds', 'N', 'how often each rate is measured', 3),
    count('seconds', 'S', 'how long each measurement takes', 4),
    count('bytes', 'N', 'length of the values', 256),
    text('rates', 'N,N,…', 'commands a second; else 10 to 110 % of what a closed loop reaches'),
    text('svg', 'FILE', 'draw the curves into this file; with --document, docs/img/latency.svg'),
  ],
  quick: { rounds: '1', seconds: '1' },
  examples: ['--svg latency.svg', '--rates 1000,2000,5000,10000', '--bytes 4096'],
  run: measureAll,
};

interface System extends Target {
  readonly title: string;
  readonly color: string;
}

/** One rate at one system, round by round. */
interface Measured {
  readonly rate: number;
  readonly system: System;
  readonly runs: LoadResult[];
}

interface Asked {
  readonly rounds: number;
  readonly seconds: number;
  readonly valueBytes: number;
}

async function measureAll(context: BenchContext): Promise<Report> {
  const { settings, progress } = context;
  const asked: Asked = {
    rounds: settings.count('rounds', 1, 1000),
    seconds: settings.count('seconds', 1, 600),
    valueBytes: settings.count('bytes', 1, 2 ** 20),
  };
  const given = settings.has('rates') ? ratesOf(settings.text('rates')) : null;
  const cluster = await BenchCluster.start(context);
  const systems = await startAll(context, cluster, asked);
  const closed = await warmUp(context, systems, asked);
  progress(`a closed loop of 256 clients reaches ${perSecond(closed)} / s`);
  const rates = given ?? SHARES.map((share) => roundRate(share * closed));
  const before = await cluster.steady();
  const curve = await measureRates(context, systems, rates, asked);
  const saturation = saturationOf(curve.filter(({ system }) => system === systems[0]));
  const halves = saturation === null ? [] : [roundRate(saturation / 2)];
  const half = await measureRates(context, systems, halves, asked);
  const after = await cluster.steady();
  const elections = after.term! - before.term!;
  const report = reportOf({ systems, curve, half, saturation, closed, elections, asked });
  return withPicture(context, report, { systems, curve, asked });
}

/** @throws CliError */
export function ratesOf(list: string): readonly number[] {
  return list.split(',').map((word) => {
    const rate = Number(word);
    if (Number.isInteger(rate) && rate >= 1 && rate <= 1e6) return rate;
    throw usageError(`--rates takes whole numbers from 1 to 1000000, not ${JSON.stringify(word)}`);
  });
}

/** Two digits that count are enough for a rate. */
export const roundRate = (rate: number): number => Number(rate.toPrecision(2));

async function startAll(
  context: BenchContext,
  cluster: BenchCluster,
  { valueBytes }: Asked,
): Promise<readonly System[]> {
  const log = await startLogging(context, context.port + 60, valueBytes);
  const systems = [
    { title: 'DKVS x 3', color: '#0969da', run: cluster.run },
    { title: 'the floor', color: '#57606a', ...targetAt(log.port) },
  ];
  if ((await missingRedisTools(['redis-server'])) !== null) return systems;
  const redis = await startRedis(context, context.port + 50);
  return [...systems, { title: 'Redis x 1', color: '#cf222e', ...targetAt(redis.port) }];
}

/** @returns what DKVS reaches in a closed loop. */
async function warmUp(
  context: BenchContext,
  systems: readonly System[],
  { valueBytes, seconds }: Asked,
): Promise<number> {
  const shape = { connections: 256, valueBytes, keys: KEYS };
  for (const { run } of systems) {
    await run((port) => fill(context, port, KEYS, valueBytes));
    await run((port) => runClean(context, { port, ...shape, seconds: 2 }));
  }
  const measured = systems[0]!.run((port) => runClean(context, { port, ...shape, seconds }));
  return (await measured).perSecond;
}

/** All systems at one rate by turns, then at the next. */
async function measureRates(
  context: BenchContext,
  systems: readonly System[],
  rates: readonly number[],
  { rounds, seconds, valueBytes }: Asked,
): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const ratePerSecond of rates) {
    const all = systems.map((system) => ({
      rate: ratePerSecond,
      system,
      runs: [] as LoadResult[],
    }));
    for (let round = 0; round < rounds; round++) {
      for (const { system, runs } of round % 2 === 0 ? all : all.toReversed()) {
        const shape = { connections: CONNECTIONS, valueBytes, keys: KEYS };
        const run = await system.run((port) =>
          runLoad(context, { port, ...shape, ratePerSecond, seconds }),
        );
        runs.push(run);
        const p999 = ms(run.latency.percentileMs(99.9));
        context.progress(`${perSecond(ratePerSecond)} / s, ${system.title}: p99.9 ${p999} ms`);
        // What was given up is still on its way.
        if (run.abandoned > 0) await sleep(1000);
      }
    }
    measured.push(...all);
  }
  return measured;
}

const middle = (runs: readonly LoadResult[], of: (run: LoadResult) => number): number =>
  median(runs.map(of));

/** Whether all that came was served as fast as it came. */
function isServed({ rate, runs }: Pick<Measured, 'rate' | 'runs'>): boolean {
  const refusals = runs.reduce((sum, { errors, abandoned }) => sum + errors + abandoned, 0);
  return refusals === 0 && middle(runs, ({ perSecond: rateServed }) => rateServed) >= SERVED * rate;
}

/** The highest rate below the first that was not served; null when none was. */
export function saturationOf(curve: readonly Pick<Measured, 'rate' | 'runs'>[]): number | null {
  const sorted = curve.toSorted((a, b) => a.rate - b.rate);
  const failed = sorted.findIndex((one) => !isServed(one));
  return sorted.slice(0, failed < 0 ? undefined : failed).at(-1)?.rate ?? null;
}

interface Findings {
  readonly systems: readonly System[];
  readonly curve: readonly Measured[];
  readonly half: readonly Measured[];
  readonly saturation: number | null;
  readonly closed: number;
  readonly elections: number;
  readonly asked: Asked;
}

function reportOf(findings: Findings): Report {
  const { systems, curve, half, saturation, closed, elections, asked } = findings;
  const isWhole = saturation !== Math.max(...curve.map(({ rate }) => rate));
  return {
    lines: [
      `SETs of ${asked.valueBytes} bytes on ${CONNECTIONS} connections, at even distances; by turns, ` +
        `${asked.rounds} rounds of ${asked.seconds} s`,
      'from when each was due: p50/p99/p99.9 in ms, medians of the rounds; ! not served at that rate',
      'the floor: one process that answers +OK once the same bytes are written and synced',
      '',
      ...rateTable(systems, curve),
      '',
      `a closed loop of 256 clients: ${perSecond(closed)} / s; elections meanwhile: ${elections}`,
      saturation === null
        ? 'not even the lowest rate was served'
        : `saturation: ${perSecond(saturation)} / s${isWhole ? '' : ', or more: all rates were served'}`,
      ...(half.length === 0 ? [] : ['', ...halfTable(half)]),
    ],
    results: {
      curve: curve.map(resultsOf),
      half: half.map(resultsOf),
      saturation,
      closed,
      elections,
    },
    failures: [],
  };
}

const PERCENTILES = [50, 99, 99.9];

function rateTable(systems: readonly System[], curve: readonly Measured[]): readonly string[] {
  const rates = [...new Set(curve.map(({ rate }) => rate))];
  const rows = rates.map((rate) => {
    const all = systems.map(
      (system) => curve.find((one) => one.rate === rate && one.system === system)!,
    );
    const lateness = all.flatMap(({ runs }) => runs.map((run) => run.lateness.percentileMs(99)));
    return [
      perSecond(rate),
      ...all.map((one) => {
        const values = PERCENTILES.map((percent) =>
          ms(middle(one.runs, ({ latency }) => latency.percentileMs(percent))),
        );
        return values.join('/') + (isServed(one) ? '' : ' !');
      }),
      ms(median(lateness)),
    ];
  });
  return table(['/ s', ...systems.map(({ title }) => title), 'sent late, p99'], rows);
}

/** The question of the project: what the tail costs where half of the room is free. */
function halfTable(half: readonly Measured[]): readonly string[] {
  const tails = ({ runs }: Measured) => runs.map(({ latency }) => latency.percentileMs(99.9));
  const floor = tails(half[1]!);
  const ratios = (one: Measured) => tails(one).map((tail, i) => tail / floor[i]!);
  const rows = half.map((one) => [
    one.system.title,
    spread(tails(one), ms),
    one === half[1] ? '' : spread(ratios(one), (ratio) => ratio.toFixed(2)),
  ]);
  const ratio = median(ratios(half[0]!));
  return [
    ...table([`half of that, ${perSecond(half[0]!.rate)} / s`, 'p99.9 ms', 'of the floor'], rows),
    '',
    `target: at most ${TARGET} times the floor: ${ratio <= TARGET ? 'met' : 'MISSED'}`,
  ];
}

const resultsOf = ({ rate, system, runs }: Measured) => ({
  rate,
  system: system.title,
  runs: runs.map(({ latency, lateness, ...run }) => ({
    ...run,
    latencyMs: PERCENTILES.map((percent) => latency.percentileMs(percent)),
    latenessP99Ms: lateness.percentileMs(99),
  })),
});

function withPicture(
  { settings }: BenchContext,
  report: Report,
  { systems, curve, asked }: Pick<Findings, 'systems' | 'curve' | 'asked'>,
): Report {
  const isWanted = settings.has('svg') || settings.has('document');
  if (!isWanted) return { ...report, lines: [...report.lines, '', '--svg FILE draws the curves'] };
  const file = settings.has('svg') ? resolve(settings.text('svg')) : PICTURE;
  const ofSystem = (system: System, percent: number, isDashed: boolean): Curve => ({
    title: `${system.title}, p${percent}`,
    color: system.color,
    isDashed,
    points: curve
      .filter((one) => one.system === system)
      .map(({ rate, runs }) => [
        rate,
        middle(runs, ({ latency }) => latency.percentileMs(percent)),
      ]),
  });
  mkdirSync(dirname(file), { recursive: true });
  const chart = lineChart({
    title: 'Latency of a SET, by the rate at which they come',
    notes: [
      `${asked.valueBytes} bytes, ${CONNECTIONS} connections; latencies count from when a command was due`,
      `medians of ${asked.rounds} rounds of ${asked.seconds} s by turns; everything on one machine`,
      'the floor: one process that answers once the same bytes are written and synced',
    ],
    xTitle: 'commands that come in a second',
    yTitle: 'latency, ms',
    curves: systems.flatMap((system) => [
      ofSystem(system, 99.9, false),
      ofSystem(system, 50, true),
    ]),
  });
  writeFileSync(file, chart);
  return { ...report, lines: [...report.lines, '', `drawn into ${file}`] };
}
