import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BenchContext, type Benchmark, count, text } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { Histogram } from './histogram.ts';
import { fill, type LoadResult, runLoad } from './load.ts';
import { namesOf, type Parts, runParts } from './parts.ts';
import { ms, perSecond, type Report, spread, table } from './report.ts';
import { restartOne } from './restart.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

const CLIENTS = 64;
const VALUE_BYTES = 256;
const WINDOW_MS = 1000;
const SAMPLE_MS = 2000;
const MIB = 1024 * 1024;
const DKVS = fileURLToPath(new URL('../../bin/dkvs.mjs', import.meta.url));

const parts: Parts = {
  writes: endlessWrites,
  away: followerAway,
  start: startFromSnapshot,
};

export const snapshots: Benchmark = {
  name: 'snapshots',
  summary: 'What do snapshots cost, what do they bound, and how fast is who needs one?',
  options: [
    text('part', 'NAME,…', 'which of them', namesOf(parts)),
    count('seconds', 'S', 'how long the same keys are overwritten at full speed', 600),
    count('keys', 'N', 'how many keys are overwritten', 100_000),
    count('away', 'N', 'writes that a follower misses', 1_000_000),
    count('start', 'N', 'keys of the snapshot that a node starts from', 1_000_000),
    count('rounds', 'N', 'starts', 3),
  ],
  quick: { seconds: '20', away: '100000', start: '50000', rounds: '1' },
  examples: ['--part writes --seconds 60', '--part away --away 3000000', '--part start'],
  run: (context) => runParts(parts, context),
};

/** One snapshot of a node, by the clock of the wall. */
interface Taken {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

/** What the nodes say of their snapshots and of elections. */
class Watch {
  readonly taken: Taken[] = [];
  installed = 0;
  elections = 0;

  take(line: string): void {
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line);
    const toMs = Date.now();
    if (said.event === 'snapshot') {
      this.taken.push({ fromMs: toMs - said.tookMs, toMs, bytes: said.bytes });
    } else if (said.event === 'snapshot-installed') this.installed++;
    else if (said.event === 'role' && said.role === 'leader') this.elections++;
  }

  /** Whether any node was taking one in this time. */
  touches(fromMs: number, toMs: number): boolean {
    return this.taken.some((each) => each.fromMs < toMs && each.toMs > fromMs);
  }
}

interface Sample {
  readonly diskMib: number;
  readonly residentMib: number;
}

/** The same keys, overwritten for long: disk, memory, and what the clients notice. */
async function endlessWrites(context: BenchContext): Promise<Report> {
  return await inScope(context, 'writes', async (inner) => {
    const seconds = context.settings.count('seconds', 1, 86_400);
    const keys = context.settings.count('keys', 1, 1e8);
    const watch = new Watch();
    const onLogLine = (_name: string, line: string) => watch.take(line);
    const cluster = await BenchCluster.start(inner, { onLogLine });
    const { name } = await cluster.steady();
    const port = cluster.portOf(name);
    await fill(inner, port, keys, VALUE_BYTES);
    await runLoad(inner, { port, connections: CLIENTS, keys, seconds: Math.min(10, seconds) });
    watch.taken.length = 0;
    watch.elections = 0;
    const begunAtMs = Date.now();
    const load = runLoad(inner, {
      ...{ port, connections: CLIENTS, keys, seconds, valueBytes: VALUE_BYTES },
      windowMs: WINDOW_MS,
    });
    const samples: Sample[] = [];
    let isOver = false;
    const sampling = sampleUntil(cluster, inner.directory, samples, () => isOver, context);
    const result = await load;
    isOver = true;
    await sampling;
    const during = new Histogram();
    const without = new Histogram();
    for (const { fromMs, latency } of result.windows) {
      const touched = watch.touches(begunAtMs + fromMs, begunAtMs + fromMs + WINDOW_MS);
      (touched ? during : without).add(latency);
    }
    return reportWrites(result.perSecond, { during, without, watch, samples, seconds, keys });
  });
}

async function sampleUntil(
  cluster: BenchCluster,
  directory: string,
  samples: Sample[],
  isOver: () => boolean,
  { progress }: BenchContext,
): Promise<void> {
  while (!isOver()) {
    const diskMib = Math.max(...cluster.names.map((name) => bytesIn(join(directory, name)) / MIB));
    const residentMib = Math.max(...cluster.names.map((name) => cluster.residentMib(name) ?? 0));
    samples.push({ diskMib, residentMib });
    progress(`${diskMib.toFixed(0)} MiB on disk, ${residentMib.toFixed(0)} MiB resident`);
    await sleep(SAMPLE_MS);
  }
}

function bytesIn(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    const file = statSync(join(directory, name), { throwIfNoEntry: false });
    if (file?.isFile()) bytes += file.size;
  }
  return bytes;
}

interface Writes {
  readonly during: Histogram;
  readonly without: Histogram;
  readonly watch: Watch;
  readonly samples: readonly Sample[];
  readonly seconds: number;
  readonly keys: number;
}

function reportWrites(rate: number, found: Writes): Report {
  const { during, without, watch, samples, seconds, keys } = found;
  const row = (title: string, latency: Histogram) => [
    title,
    perSecond(latency.count),
    ...[50, 99, 99.9].map((percent) => ms(latency.percentileMs(percent))),
    ms(latency.maxMs),
  ];
  const ratio = during.percentileMs(99.9) / without.percentileMs(99.9);
  const third = Math.max(1, Math.floor(samples.length / 3));
  const resident = [samples.slice(0, third), samples.slice(-third)].map((part) =>
    median(part.map(({ residentMib }) => residentMib)),
  );
  const diskMib = Math.max(...samples.map((sample) => sample.diskMib));
  const snapshotMib = Math.max(0, ...watch.taken.map(({ bytes }) => bytes)) / MIB;
  const boundMib = 3 * snapshotMib + 2.5 * Math.max(64, snapshotMib) + 3 * 16;
  const took = watch.taken.map(({ fromMs, toMs }) => toMs - fromMs);
  const failures = [
    ...(watch.elections > 0 ? [`${watch.elections} elections`] : []),
    ...(diskMib > boundMib ? [`${diskMib} MiB on disk, the bound is ${boundMib}`] : []),
    ...(ratio > 2 ? [`p99.9 with snapshots is ${ratio.toFixed(2)} times that without`] : []),
  ];
  return {
    lines: [
      `SET -c ${CLIENTS}, ${VALUE_BYTES} bytes, ${perSecond(keys)} keys, ${seconds} s, three nodes: ` +
        `${perSecond(rate)} / s; seconds in which some node took a snapshot, and the others`,
      '',
      ...table(
        ['', 'SETs', 'p50 ms', 'p99', 'p99.9', 'max'],
        [row('with snapshots', during), row('without', without)],
      ),
      '',
      `p99.9 with to without: ${ratio.toFixed(2)} (at most 2 is wanted); elections: ${watch.elections}`,
      `${watch.taken.length} snapshots of ${snapshotMib.toFixed(1)} MiB, each within ` +
        `${took.length === 0 ? '-' : spread(took, ms)} ms`,
      `disk of a node, at the most: ${diskMib.toFixed(0)} MiB; the bound for this state: ` +
        `${boundMib.toFixed(0)} MiB`,
      `resident memory of the largest node: ${resident[0]!.toFixed(0)} MiB in the first third, ` +
        `${resident[1]!.toFixed(0)} MiB in the last`,
    ],
    results: { rate, ratio, diskMib, boundMib, resident, snapshots: watch.taken.length },
    failures,
  };
}

/** How the leader serves at a fixed rate while a follower is away, catching up, and there again. */
async function followerAway(context: BenchContext): Promise<Report> {
  const writes = context.settings.count('away', 1, 1e9);
  const rows: string[][] = [];
  const results: Record<string, unknown> = {};
  const failures: string[] = [];
  // So small that the log still reaches back; so large that it does not.
  for (const [how, valueBytes] of [
    ['by log', 1],
    ['by snapshot', VALUE_BYTES],
  ] as const) {
    const found = await inScope(context, `away-${valueBytes}`, (inner) =>
      missAndCatchUp(inner, how, writes, valueBytes),
    );
    const [away, back, there] = found.p99Ms;
    const [toAway, toThere] = [back / away, back / there];
    if (toAway > 2) failures.push(`${how}: p99 is ${toAway.toFixed(2)} times as long meanwhile`);
    rows.push([
      how,
      `${found.installed}`,
      found.seconds.toFixed(2),
      ...found.p99Ms.map(ms),
      toAway.toFixed(2),
      toThere.toFixed(2),
    ]);
    results[how] = found;
  }
  return {
    lines: [
      `a follower misses ${perSecond(writes)} SETs; p99 of ${perSecond(RATE)} SETs a second in ms, for ` +
        `${LOAD_S} s each: of two`,
      'nodes while it is away, while it catches up, and of all three when it has',
      '',
      ...table(
        ['', 'snapshots', 'caught up, s', 'away', 'catching up', 'all', 'to away', 'to all'],
        rows,
      ),
    ],
    results,
    failures,
  };
}

interface CaughtUp {
  readonly installed: number;
  readonly seconds: number;
  /** Away, catching up, all there. */
  readonly p99Ms: readonly [number, number, number];
}

const RATE = 5000;
/** Longer than it takes to catch up. */
const LOAD_S = 30;

async function missAndCatchUp(
  context: BenchContext,
  how: string,
  writes: number,
  valueBytes: number,
): Promise<CaughtUp> {
  const watch = new Watch();
  const onLogLine = (_name: string, line: string) => watch.take(line);
  const cluster = await BenchCluster.start(context, { onLogLine });
  const { name: leader } = await cluster.steady();
  const port = cluster.portOf(leader);
  await fill(context, port, 1000, valueBytes);
  const follower = cluster.names.find((name) => name !== leader)!;
  await cluster.supervisor.kill(follower);
  context.progress(`${how}: ${perSecond(writes)} writes without ${follower}`);
  await fill(context, port, writes, valueBytes, 1000);
  const order = { port, connections: CLIENTS, ratePerSecond: RATE, valueBytes, seconds: LOAD_S };
  await runLoad(context, { ...order, seconds: 3 });
  const away = await runLoad(context, order);
  const load = runLoad(context, order);
  const begunAtMs = performance.now();
  await cluster.supervisor.start(follower);
  const { commitIndex } = (await cluster.status(leader))!;
  await cluster.caughtUpWith(follower, commitIndex!);
  const seconds = (performance.now() - begunAtMs) / 1000;
  const back = await load;
  const there = await runLoad(context, order);
  const p99Ms = (load: LoadResult) => load.latency.percentileMs(99);
  return {
    installed: watch.installed,
    seconds,
    p99Ms: [p99Ms(away), p99Ms(back), p99Ms(there)],
  };
}

/** A snapshot of many keys, no log behind it: how long until a node has it in memory again. */
async function startFromSnapshot(context: BenchContext): Promise<Report> {
  return await inScope(context, 'start', async (inner) => {
    const keys = context.settings.count('start', 1, 1e8);
    const rounds = context.settings.count('rounds', 1, 100);
    const cluster = await BenchCluster.start(inner);
    const { name: leader } = await cluster.steady();
    await fill(inner, cluster.portOf(leader), keys, 64);
    // A backup of each follower: then its newest snapshot holds all of them.
    for (const name of cluster.names.filter((each) => each !== leader)) {
      const file = join(inner.directory, `${name}.backup`);
      const at = ['--connect', cluster.addressOf(leader), '--node', name];
      await promisify(execFile)(process.execPath, [DKVS, 'backup', file, ...at]);
    }
    const starts = [];
    for (let round = 0; round < rounds; round++) {
      starts.push(await restartOne(cluster));
      context.progress(`caught up after ${starts.at(-1)!.caughtUpS.toFixed(2)} s`);
    }
    const caughtUpS = starts.map((start) => start.caughtUpS);
    const seconds = (value: number) => value.toFixed(2);
    const worst = Math.max(...caughtUpS);
    return {
      lines: [
        `start from a snapshot of ${perSecond(keys)} keys (16 bytes, values of 64), kill -9 before`,
        '',
        ...table(
          [`${rounds} starts`, 'median (least-most)'],
          [
            [
              'exec to `ready`, s',
              spread(
                starts.map(({ readyS }) => readyS),
                seconds,
              ),
            ],
            ['exec to caught up with the leader, s', spread(caughtUpS, seconds)],
          ],
        ),
      ],
      results: { keys, starts },
      failures: worst < 2 ? [] : [`${worst.toFixed(2)} s, and 2 s are wanted`],
    };
  });
}
