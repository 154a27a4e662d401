import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Client } from '../src/client/client.ts';
import { connect } from '../src/node/client.ts';
import type { AttackOrder } from './attacker.ts';
import { type Attack, attacks } from './attacks.ts';
import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { ms, type Report, table } from './report.ts';
import { percentile } from './statistics.ts';

const DKVS = fileURLToPath(new URL('../../bin/dkvs.mjs', import.meta.url));
/** Open files that a node may have: fewer than the largest attack has connections. */
const DESCRIPTORS = 4096;
/** Between two looks at the memory. */
const LOOK_MS = 50;
/** For garbage to be collected, and connections to be closed, before memory is looked at again. */
const REST_MS = 2000;

export const hostile: Benchmark = {
  name: 'hostile',
  summary: 'What a node takes in memory under each attack, and what another client notices.',
  options: [
    count('seconds', 'S', 'how long each attack lasts', 4),
    {
      name: 'attack',
      kind: 'text',
      placeholder: 'TEXT',
      summary: 'only those whose name has this in it',
      fallback: '',
    },
  ],
  quick: { seconds: '1' },
  examples: ['--attack idle', '--seconds 30'],
  run: measure,
};

interface Case {
  readonly name: string;
  readonly connections: number;
  readonly beforeMib: number;
  readonly peakMib: number;
  readonly afterMib: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  readonly errors: number;
  readonly elections: number;
}

async function measure(context: BenchContext): Promise<Report> {
  const seconds = context.settings.count('seconds', 1, 600);
  const shell = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`;
  const program = ['sh', '-c', shell, process.execPath, DKVS] as const;
  const cluster = await BenchCluster.start(context, { program });
  const cases: Case[] = [];
  const only = context.settings.text('attack');
  for (const attack of [null, ...attacks.filter(({ name }) => name.includes(only))]) {
    context.progress(attack?.name ?? 'none');
    cases.push(await underAttack(attack, cluster, seconds));
  }
  const failures = cases.flatMap(({ name, elections, errors }) => [
    ...(elections > 0 ? [`${name}: ${elections} elections`] : []),
    ...(errors > 0 ? [`${name}: ${errors} requests of the other client failed`] : []),
  ]);
  return { lines: report(cases, seconds), results: { cases }, failures };
}

/** @param attack null: none, to compare with. */
async function underAttack(
  attack: Attack | null,
  cluster: BenchCluster,
  seconds: number,
): Promise<Case> {
  const leader = await cluster.steady();
  const member = cluster.supervisor.members.find(({ name }) => name === leader.name)!;
  const rss = () => cluster.residentMib(leader.name) ?? Number.NaN;
  const other = connect(cluster.supervisor.addresses, { deadlineMs: 10_000 });
  if (attack?.prepare !== undefined) await other.command(attack.prepare);
  const beforeMib = rss();
  const stopAttack = attack === null ? null : startAttack({ name: attack.name, victim: member });
  let peakMib = beforeMib;
  const looks = setInterval(() => {
    peakMib = Math.max(peakMib, rss());
  }, LOOK_MS);
  const { latencies, errors } = await behaveWell(other, seconds * 1000);
  const status = await cluster.status(leader.name);
  clearInterval(looks);
  await stopAttack?.();
  other.close();
  await sleep(REST_MS);
  return {
    name: attack?.name ?? 'none',
    connections: attack?.connections ?? 0,
    beforeMib,
    peakMib: Math.max(peakMib, rss()),
    afterMib: rss(),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    requests: latencies.length,
    errors,
    elections: (status?.term ?? Number.NaN) - leader.term!,
  };
}

/** @returns what ends it. */
function startAttack(order: AttackOrder): () => Promise<void> {
  const worker = new Worker(new URL('./attacker.js', import.meta.url), { workerData: order });
  return async () => {
    const ended = once(worker, 'message');
    worker.postMessage('end');
    await ended;
    await worker.terminate();
  };
}

/** One request after the other, each reply checked. */
async function behaveWell(
  client: Client,
  forMs: number,
): Promise<{ latencies: readonly number[]; errors: number }> {
  const latencies: number[] = [];
  let errors = 0;
  const endMs = performance.now() + forMs;
  for (let i = 0; performance.now() < endMs; i++) {
    const value = `value-${i}`;
    for (const [command, expected] of [
      [['SET', 'mine', value], 'OK'],
      [['GET', 'mine'], value],
    ] as const) {
      const startMs = performance.now();
      const reply = await client.command(command).catch(() => null);
      latencies.push(performance.now() - startMs);
      const text = reply?.kind === 'simple' ? reply.text : '';
      const bytes = reply?.kind === 'bulk' ? Buffer.from(reply.bytes).toString() : '';
      if (text !== expected && bytes !== expected) errors++;
    }
  }
  return { latencies, errors };
}

function report(cases: readonly Case[], seconds: number): string[] {
  const mib = (value: number) => value.toFixed(0);
  const rows = cases.map((found) => [
    found.name,
    `${found.connections}`,
    mib(found.beforeMib),
    mib(found.peakMib),
    mib(found.afterMib),
    ms(found.p50Ms),
    ms(found.p99Ms),
    `${found.errors}`,
    `${found.elections}`,
  ]);
  const head = ['attack', 'connections', 'RSS MiB', 'peak', 'after', 'p50 ms', 'p99 ms', 'errors'];
  return [
    `the leader of three, ${seconds} s each; ${DESCRIPTORS} open files a process; p50, p99 and errors are those of`,
    'another client, which sets and gets one after the other',
    '',
    ...table([...head, 'elections'], rows),
  ];
}
