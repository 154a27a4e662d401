import { createConnection, type Socket } from 'node:net';
import { ByteWriter } from '../src/base/bytes.ts';
import { UnavailableError, UnknownOutcomeError } from '../src/client/errors.ts';
import { writeRequest } from '../src/protocol/request-writer.ts';
import { RespReader } from '../src/protocol/resp-reader.ts';
import { type BenchContext, type Benchmark, count, text } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { processFigures } from './processes.ts';
import { perSecond, type Report, table } from './report.ts';
import { growing } from './sizes.ts';
import { median } from './statistics.ts';
import { inScope } from './undo.ts';

/** Unanswered writes on the one connection that fills the log. */
const PIPELINE = 4000;
const CHUNK = 500;
/** Keys come scattered: no two neighbours one after the other. */
const STRIDE = 1_000_003;
/** What was asked of the project, for one node and a million writes. */
const TARGET_S = 2;
const FIRST_WRITE_MS = 60_000;

export const restart: Benchmark = {
  name: 'restart',
  summary: 'A long log: how long a node, and a whole cluster, takes to come back.',
  options: [
    count('writes', 'N', 'SETs before', 1_000_000),
    count('keys', 'N', 'different keys among them; 0: as many as writes', 0),
    text('values', 'N,N,…', 'bytes of a value, growing: each with a log of its own', '16,256'),
    count('rounds', 'N', 'restarts of one node, and of the whole cluster', 3),
  ],
  quick: { writes: '50000', rounds: '1' },
  examples: ['--writes 3000000 --values 64', '--keys 1000'],
  async run(context) {
    const parts: Report[] = [];
    for (const valueBytes of growing(context.settings.text('values'), '--values')) {
      const part = (inner: BenchContext) => restartsBehind(inner, valueBytes);
      parts.push(await inScope(context, `values-${valueBytes}`, part));
    }
    return {
      lines: parts.flatMap(({ lines }, i) => (i === 0 ? lines : ['', ...lines])),
      results: { values: parts.map(({ results }) => results) },
      failures: [],
    };
  },
};

/** Fills the log of a new cluster, and kills and starts its nodes. */
async function restartsBehind(context: BenchContext, valueBytes: number): Promise<Report> {
  const { settings } = context;
  const writes = settings.count('writes', 1, 1e9);
  const keys = settings.count('keys', 0, 1e9) || writes;
  const rounds = settings.count('rounds', 1, 100);
  const cluster = await BenchCluster.start(context);
  const { name: leader } = await cluster.steady();
  const load = { writes, keys, valueBytes };
  const fillS = await seconds(() => fill(cluster.portOf(leader), load, context));
  context.progress(`${writes} writes in ${fillS.toFixed(1)} s`);
  await cluster.steady();
  const nodes: NodeRestart[] = [];
  for (let round = 0; round < rounds; round++) {
    nodes.push(await restartOne(cluster));
    context.progress(
      `${nodes.at(-1)!.name} caught up after ${nodes.at(-1)!.caughtUpS.toFixed(2)} s`,
    );
  }
  const clusters: ClusterRestart[] = [];
  for (let round = 0; round < rounds; round++) {
    clusters.push(await restartAll(cluster, round));
    context.progress(`the cluster writes after ${clusters.at(-1)!.firstWriteS.toFixed(2)} s`);
  }
  return report(nodes, clusters, { ...load, fillS });
}

interface NodeRestart {
  readonly name: string;
  /** From the start of its process. */
  readonly readyS: number;
  /** From the start of its process until it has applied all that was committed by then. */
  readonly caughtUpS: number;
  /** Of its processor time, all threads together, until then. */
  readonly processorS: number;
  readonly residentMib: number;
}

interface ClusterRestart {
  /** From the start of the processes until the last is ready. */
  readonly readyS: number;
  /** From the start of the processes to the first acknowledged write. */
  readonly firstWriteS: number;
}

/** kill -9 of a follower, and back. */
export async function restartOne(cluster: BenchCluster): Promise<NodeRestart> {
  const leader = await cluster.steady();
  const name = cluster.names.find((known) => known !== leader.name)!;
  await cluster.supervisor.kill(name);
  const begunAtMs = performance.now();
  await cluster.supervisor.start(name);
  const readyS = (performance.now() - begunAtMs) / 1000;
  const { commitIndex } = (await cluster.status(leader.name)) ?? leader;
  await cluster.caughtUpWith(name, commitIndex!);
  const caughtUpS = (performance.now() - begunAtMs) / 1000;
  const { userMs, systemMs } = processFigures(cluster.pidOf(name));
  const processorS = (userMs + systemMs) / 1000;
  const residentMib = cluster.residentMib(name) ?? Number.NaN;
  return { name, readyS, caughtUpS, processorS, residentMib };
}

/** kill -9 of all at once, and back. */
async function restartAll(cluster: BenchCluster, round: number): Promise<ClusterRestart> {
  await cluster.supervisor.killAll();
  const begunAtMs = performance.now();
  const ready = cluster.supervisor.startAll().then(() => performance.now());
  const written = firstWrite(cluster, round).then(() => performance.now());
  const [readyAtMs, writtenAtMs] = await Promise.all([ready, written]);
  await cluster.steady();
  return {
    readyS: (readyAtMs - begunAtMs) / 1000,
    firstWriteS: (writtenAtMs - begunAtMs) / 1000,
  };
}

/** Writes until one write is acknowledged; those that are refused or unknown don't count. */
async function firstWrite(cluster: BenchCluster, round: number): Promise<void> {
  const giveUpAtMs = performance.now() + FIRST_WRITE_MS;
  for (let n = 0; performance.now() < giveUpAtMs; n++) {
    try {
      await cluster.client.command(['SET', `restart:${round}:${n}`, 'back']);
      return;
    } catch (error) {
      const isExpected = error instanceof UnavailableError || error instanceof UnknownOutcomeError;
      if (!isExpected) throw error;
    }
  }
  throw new Error(`no write in ${FIRST_WRITE_MS} ms`);
}

interface Load {
  readonly writes: number;
  readonly keys: number;
  readonly valueBytes: number;
}

function report(
  nodes: readonly NodeRestart[],
  clusters: readonly ClusterRestart[],
  log: Load & { readonly fillS: number },
): Report {
  const row = (title: string, values: readonly number[], digits: number) => [
    title,
    ...[median(values), Math.min(...values), Math.max(...values)].map((value) =>
      value.toFixed(digits),
    ),
  ];
  const of = (field: keyof Omit<NodeRestart, 'name'>) => nodes.map((node) => node[field]);
  const rows = [
    row('one node, kill -9: exec to `ready`, s', of('readyS'), 2),
    row('one node, kill -9: exec to caught up with the leader, s', of('caughtUpS'), 2),
    row('its processor time until then, s', of('processorS'), 2),
    row(
      'all nodes, kill -9: exec to the last `ready`, s',
      clusters.map(({ readyS }) => readyS),
      2,
    ),
    row(
      'all nodes, kill -9: exec to the first acknowledged write, s',
      clusters.map(({ firstWriteS }) => firstWriteS),
      2,
    ),
    row('resident memory of the node when it had caught up, MiB', of('residentMib'), 0),
  ];
  const isMet = median(of('caughtUpS')) < TARGET_S;
  return {
    lines: [
      `${perSecond(log.writes)} SETs of ${perSecond(log.keys)} keys in no order, ${log.valueBytes} ` +
        `bytes each, in ${log.fillS.toFixed(1)} s (${perSecond(log.writes / log.fillS)} / s, one connection)`,
      '',
      ...table([`${nodes.length} restarts each`, 'median', 'least', 'most'], rows),
      '',
      `target: one node has caught up in under ${TARGET_S} s: ${isMet ? 'met' : 'MISSED'}`,
    ],
    results: { ...log, nodes, clusters, isMet },
    failures: [],
  };
}

async function seconds(task: () => Promise<void>): Promise<number> {
  const begunAtMs = performance.now();
  await task();
  return (performance.now() - begunAtMs) / 1000;
}

/** Writes `writes` entries through one pipelined connection; every one must be acknowledged. */
function fill(
  port: number,
  { writes, keys, valueBytes }: Load,
  { progress }: BenchContext,
): Promise<void> {
  const value = 'v'.repeat(valueBytes);
  return new Promise((resolve, reject) => {
    const socket: Socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    const replies = new RespReader();
    let [sent, answered] = [0, 0];
    const send = () => {
      while (sent < writes && sent - answered <= PIPELINE - CHUNK) {
        const to = Math.min(writes, sent + CHUNK);
        const out = new ByteWriter(CHUNK * (64 + valueBytes));
        for (; sent < to; sent++) {
          writeRequest(out, ['SET', `key:${(sent * STRIDE) % keys}`, value]);
        }
        socket.write(out.copy());
      }
    };
    const fail = (reason: string) => {
      socket.destroy();
      reject(new Error(`after ${answered} writes: ${reason}`));
    };
    socket.on('connect', send);
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the connection was closed'));
    socket.on('data', (chunk) => {
      replies.feed(chunk);
      for (let value = replies.next(); value !== 'more'; value = replies.next()) {
        if ('protocolError' in value) return fail(value.protocolError);
        if (value.kind !== 'simple') return fail(JSON.stringify(value));
        answered++;
        if (answered % 100_000 === 0) progress(`${answered}/${writes} writes`);
      }
      send();
      if (answered < writes) return;
      resolve();
      socket.destroy();
    });
  });
}
