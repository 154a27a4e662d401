import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError, ExitCode } from '../src/cli/exit.ts';
import { type BenchContext, type Benchmark, count, text } from './benchmark.ts';
import type { JourneyNotes } from './journey-probe.ts';
import { type Journey, journeysOf } from './journeys.ts';
import { fill, type LoadResult, runClean } from './load.ts';
import { missingRedisTools, startRedis } from './redis-tools.ts';
import { type Report, table } from './report.ts';
import { median, percentile } from './statistics.ts';
import { type Lane, timeline } from './timeline.ts';
import { startWatched } from './watched-nodes.ts';

const PROBE = new URL('./journey-probe.js', import.meta.url);
const PICTURE = fileURLToPath(new URL('../../docs/img/journey.svg', import.meta.url));
const KEYS = 10_000;
/** A rolling log, a heartbeat in between: a run of which less than this is told apart is no run. */
const CLEAR_MIN = 0.2;
/** Of what a closed loop reaches: so a write has come to its end everywhere before the next one comes. */
const SHARE = 0.4;
/** A client that sends its next command when the one before is answered, for so long. */
const CLOSED_S = 3;

export const journey: Benchmark = {
  name: 'journey',
  summary: 'Where is a write on its way, and for how long?',
  options: [
    count('seconds', 'S', 'how long the load takes', 10),
    count('bytes', 'N', 'length of the values', 256),
    text('svg', 'FILE', 'draw it into this file; with --document, docs/img/journey.svg'),
  ],
  quick: { seconds: '2' },
  examples: ['--svg journey.svg', '--bytes 65536'],
  run: measure,
};

async function measure(context: BenchContext): Promise<Report> {
  const { settings, progress } = context;
  const seconds = settings.count('seconds', 1, 600);
  const valueBytes = settings.count('bytes', 1, 2 ** 20);
  const { cluster, ask } = await startWatched<JourneyNotes>(context, PROBE, 'journey');
  const { name: leader } = await cluster.steady();
  const port = cluster.portOf(leader);
  await fill(context, port, KEYS, valueBytes);
  const shape = { valueBytes, keys: KEYS };
  const warm = await runClean(context, { port, ...shape, seconds: CLOSED_S });
  const ratePerSecond = Math.max(1, Math.round(warm.perSecond * SHARE));
  progress(
    `one write after the other: ${Math.round(warm.perSecond)} / s; now ${ratePerSecond} / s`,
  );
  await ask();
  const result = await runClean(context, { port, ...shape, seconds, ratePerSecond });
  const said = await ask();
  // Only now is all of the nodes' code as fast as it gets.
  const closed = await runClean(context, { port, ...shape, seconds: CLOSED_S });
  const redis = await measureRedis(context, shape);
  const notesOf = (name: string) => ({
    clientPort: cluster.portOf(name),
    peerPort: cluster.portOf(name) + 10_000,
    notes: said[cluster.names.indexOf(name)]!.notes,
  });
  const [first, second] = cluster.names.filter((name) => name !== leader);
  const journeys = journeysOf(notesOf(leader), [notesOf(first!), notesOf(second!)]);
  if (journeys.length < CLEAR_MIN * result.requests) {
    const reason = `only ${journeys.length} of ${result.requests} writes could be followed`;
    throw new CliError(ExitCode.Other, reason, 'the machine is too busy; see the load in the head');
  }
  const { requests } = result;
  return withPicture(context, { journeys, requests, closed, redis, ratePerSecond, valueBytes });
}

/** The same closed loop on one Redis that syncs; null where there is none. */
async function measureRedis(
  context: BenchContext,
  shape: { valueBytes: number; keys: number },
): Promise<LoadResult | null> {
  if ((await missingRedisTools(['redis-server'])) !== null) return null;
  const { port } = await startRedis(context, context.port + 50);
  await fill(context, port, KEYS, shape.valueBytes);
  return await runClean(context, { port, ...shape, seconds: CLOSED_S });
}

interface Measured {
  readonly journeys: readonly Journey[];
  readonly requests: number;
  /** One command after the other, here and on a Redis. */
  readonly closed: LoadResult;
  readonly redis: LoadResult | null;
  readonly ratePerSecond: number;
  readonly valueBytes: number;
}

/** When the leader had what it takes to commit: its own disk and one follower, or both followers. */
const committable = ({ synced, heard }: Journey): number =>
  [synced.to, ...heard].toSorted((a, b) => a - b)[1]!;

/** The way that the reply waited for, end to end without a gap, in microseconds. */
const stages: readonly (readonly [title: string, of: (journey: Journey) => number])[] = [
  ['leader: reads, parses, proposes', ({ sent }) => sent],
  ['to the follower, until it reads', ({ followers: [one], sent }) => one.heard - sent],
  ['follower: checks, appends, writes', ({ followers: [one] }) => one.synced.from - one.heard],
  ['follower: fdatasync', ({ followers: [one] }) => one.synced.to - one.synced.from],
  ['follower: acknowledges', ({ followers: [one] }) => one.acknowledged - one.synced.to],
  ['back, until the leader reads', ({ followers: [one], heard }) => heard[0] - one.acknowledged],
  ['leader: its own disk, or the other', (one) => Math.max(0, committable(one) - one.heard[0])],
  [
    'leader: commits, applies, replies',
    (one) => one.replied - Math.max(one.heard[0], committable(one)),
  ],
];

function withPicture(context: BenchContext, measured: Measured): Report {
  const { settings } = context;
  const report = reportOf(measured);
  const file = settings.has('svg')
    ? resolve(settings.text('svg'))
    : settings.has('document')
      ? PICTURE
      : null;
  if (file === null) return report;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, picture(measured));
  return { ...report, lines: [...report.lines, '', 'drawn: journey.svg'] };
}

function reportOf(measured: Measured): Report {
  const { journeys, requests, closed, redis, ratePerSecond, valueBytes } = measured;
  const whole = median(journeys.map(({ replied }) => replied));
  const rows = stages.map(([title, of]) => row(title, journeys.map(of), whole));
  const own = journeys.map(({ written, synced }) => synced.to - written.from);
  const second = journeys.map(({ heard }) => heard[1] - heard[0]);
  const replied = journeys.map((one) => one.replied);
  const seen = (title: string, { latency }: LoadResult, ratio: number) => [
    title,
    us(latency.percentileMs(50)),
    us(latency.percentileMs(99)),
    `${ratio.toFixed(2)} x`,
  ];
  const ratio = (other: LoadResult) =>
    closed.latency.percentileMs(50) / other.latency.percentileMs(50);
  return {
    lines: [
      `SET of ${valueBytes} bytes, one client, ${ratePerSecond} / s at even distances: no write waits for another`,
      `${journeys.length} of ${requests} could be followed from end to end; microseconds`,
      '',
      ...table(
        ['what the reply waits for', 'p50', 'p99', 'of the whole'],
        [...rows, row('from the command to the reply', replied, whole)],
      ),
      '',
      ...table(
        ['beside it', 'p50', 'p99', 'of the whole'],
        [
          row('leader: its own write and fdatasync', own, whole),
          row('the other follower is so much later', second, whole),
        ],
      ),
      '',
      ...table(
        ['a client that sends one after the other', 'p50', 'p99', ''],
        [
          seen('DKVS x 3', closed, 1),
          ...(redis === null ? [] : [seen('one Redis that syncs', redis, 1 / ratio(redis))]),
        ],
      ),
    ],
    results: {
      stages: stages.map(([title, of]) => ({ title, p50Us: median(journeys.map(of)) })),
      followed: journeys.length,
      clientP50Us: closed.latency.percentileMs(50) * 1000,
    },
    failures: [],
  };
}

const us = (milliseconds: number): string => (milliseconds * 1000).toFixed(0);

function row(title: string, values: readonly number[], whole: number): string[] {
  const p50 = median(values);
  const share = `${((p50 / whole) * 100).toFixed(0)} %`;
  return [title, p50.toFixed(0), percentile(values, 99).toFixed(0), share];
}

/** Everybody's lane, medians of when each thing began and ended. */
function picture({ journeys, closed, redis, ratePerSecond, valueBytes }: Measured): string {
  const at = (of: (journey: Journey) => number) => median(journeys.map(of));
  const served = at(({ replied }) => replied);
  const whole = Math.max(served, closed.latency.percentileMs(50) * 1000);
  const wire = whole - served;
  const bar = (
    title: string,
    kind: 'work' | 'disk' | 'way',
    from: (journey: Journey) => number,
    to: (journey: Journey) => number,
  ) => ({ title, kind, from: at(from) + wire / 2, to: at(to) + wire / 2 });
  const follower = (i: 0 | 1): Lane => {
    const of = (journey: Journey) => journey.followers[i];
    return {
      title: i === 0 ? 'a follower' : 'the other',
      bars: [
        bar(
          'sent',
          'way',
          (one) => of(one).sent,
          (one) => of(one).heard,
        ),
        bar(
          'append',
          'work',
          (one) => of(one).heard,
          (one) => of(one).synced.from,
        ),
        bar(
          'fdatasync',
          'disk',
          (one) => of(one).synced.from,
          (one) => of(one).synced.to,
        ),
        bar(
          'ack',
          'work',
          (one) => of(one).synced.to,
          (one) => of(one).acknowledged,
        ),
        bar(
          '',
          'way',
          (one) => of(one).acknowledged,
          (one) => one.heard[i],
        ),
      ],
    };
  };
  const lanes: Lane[] = [
    { title: 'client', bars: [{ title: 'waits for +OK', kind: 'way', from: 0, to: whole }] },
    {
      title: 'leader',
      bars: [
        bar(
          'propose',
          'work',
          () => 0,
          (one) => one.sentAll,
        ),
        bar(
          'apply, reply',
          'work',
          (one) => Math.max(committable(one), one.heard[0]),
          (one) => one.replied,
        ),
      ],
    },
    {
      title: 'its disk',
      bars: [
        bar(
          'write',
          'work',
          (one) => one.written.from,
          (one) => one.synced.from,
        ),
        bar(
          'fdatasync',
          'disk',
          (one) => one.synced.from,
          (one) => one.synced.to,
        ),
      ],
    },
    follower(0),
    follower(1),
  ];
  if (redis !== null) {
    const to = redis.latency.percentileMs(50) * 1000;
    lanes.push({ title: 'Redis alone', bars: [{ title: '', kind: 'way', from: 0, to }] });
  }
  return timeline({
    title: 'The way of one SET through three nodes',
    notes: [
      `npm run bench -- journey: values of ${valueBytes} bytes, one client, ${ratePerSecond} / s, medians of`,
      `${journeys.length} writes; the client’s own share is drawn half before and half behind.`,
    ],
    lanes,
  });
}
