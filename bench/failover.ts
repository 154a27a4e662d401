import { setTimeout as sleep } from 'node:timers/promises';
import { usageError } from '../src/cli/exit.ts';
import { type BenchContext, type Benchmark, count } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';
import { isClean, type Ledger, type Verdict, verify } from './ledger.ts';
import { Outage } from './outage.ts';
import { ms, perSecond, type Report, table } from './report.ts';
import { type Summary, summarize } from './statistics.ts';
import { Load } from './writers.ts';

/** The leader is lost at a random moment between these two after the load began. */
const RUN_UP_MIN_MS = 100;
const RUN_UP_MAX_MS = 500;
/** A writer whose command froze with the leader waits for its deadline, 2 s, and begins anew. */
const OUTAGE_MS_MAX = 20_000;
const VERIFY_PARALLEL = 256;

/** The targets, in ms. */
const targets = {
  KILL: { p50: 100, p99: 400 },
  STOP: { p50: 1000, p99: 1000 },
} as const;

export const failover: Benchmark = {
  name: 'failover',
  summary: 'Loses the leader again and again under load, and looks for what got lost.',
  options: [
    count('kills', 'N', 'how often the leader is lost', 200),
    count('writers', 'N', 'clients that write, one command at a time', 16),
    {
      name: 'signal',
      kind: 'text',
      placeholder: 'KILL|STOP',
      summary: 'KILL: the process dies. STOP: it freezes, its sockets stay open',
      fallback: 'KILL',
    },
  ],
  quick: { kills: '5' },
  examples: ['--kills 1000', '--signal STOP --kills 50'],
  async run(context) {
    const signal = context.settings.text('signal');
    if (signal !== 'KILL' && signal !== 'STOP') throw usageError('--signal is KILL or STOP');
    return await new Failover(context, signal).run();
  },
};

class Failover {
  private readonly context: BenchContext;
  private readonly signal: 'KILL' | 'STOP';
  private readonly timeline = new Timeline();
  private readonly unavailableMs: number[] = [];
  private readonly gapsMs: number[] = [];

  constructor(context: BenchContext, signal: 'KILL' | 'STOP') {
    this.context = context;
    this.signal = signal;
  }

  async run(): Promise<Report> {
    const { settings, progress } = this.context;
    const kills = settings.count('kills', 1, 100_000);
    const writers = settings.count('writers', 1, 1000);
    const cluster = await BenchCluster.start(this.context, {
      onLogLine: (_, line) => this.timeline.take(line),
    });
    await cluster.steady();
    const load = new Load(cluster.supervisor.addresses, writers);
    const begunAtMs = performance.now();
    load.start();
    for (let kill = 1; kill <= kills; kill++) {
      await this.loseLeader(cluster, load);
      progress(`${kill}/${kills}: back after ${ms(this.unavailableMs.at(-1)!)} ms`);
    }
    await load.stop();
    const seconds = (performance.now() - begunAtMs) / 1000;
    progress('reading everything back');
    const verdict = await verify(load.ledgers, (key) => read(cluster, key), VERIFY_PARALLEL);
    return this.report(load.ledgers, verdict, seconds);
  }

  private async loseLeader(cluster: BenchCluster, load: Load): Promise<void> {
    const { supervisor } = cluster;
    const { name } = await cluster.steady();
    load.resume();
    await sleep(RUN_UP_MIN_MS + Math.random() * (RUN_UP_MAX_MS - RUN_UP_MIN_MS));
    const outage = new Outage(performance.now(), load.lastAckMs);
    load.outage = outage;
    this.timeline.begin();
    const gone = this.signal === 'KILL' ? supervisor.kill(name) : supervisor.freeze(name);
    const deadlineMs = performance.now() + OUTAGE_MS_MAX;
    while (!outage.isOver) {
      if (performance.now() > deadlineMs) throw new Error(`no write in ${OUTAGE_MS_MAX} ms`);
      await sleep(2);
    }
    load.outage = null;
    // Without snapshots every restart replays the whole log: what need not be in it stays out.
    load.pause();
    this.unavailableMs.push(outage.unavailableMs!);
    this.gapsMs.push(...outage.gapsMs);
    this.timeline.end();
    await gone;
    if (this.signal === 'KILL') await supervisor.start(name);
    else supervisor.thaw(name);
  }

  private report(ledgers: readonly Ledger[], verdict: Verdict, seconds: number): Report {
    const unavailable = summarize(this.unavailableMs);
    const gap = summarize(this.gapsMs);
    const target = targets[this.signal];
    const failures = [...verdict.lost, ...verdict.miscounted, ...verdict.invented];
    const isMet = unavailable.p50 <= target.p50 && unavailable.p99 <= target.p99;
    const sets = ledgers.reduce((sum, ledger) => sum + ledger.count('acknowledged'), 0);
    const what = this.signal === 'KILL' ? 'kill -9' : 'SIGSTOP';
    return {
      lines: [
        `${unavailable.count} times ${what} of the leader, under load, in ${Math.round(seconds)} s; in ms:`,
        '',
        ...table(
          ['', 'p50', 'p90', 'p99', 'max'],
          [
            row('the cluster: to the first acknowledged write begun after it', unavailable),
            row('a writer: its longest time between two acknowledgements', gap),
            ...this.timeline.summaries.map(([title, summary]) => row(title, summary)),
          ],
        ),
        '',
        `target for the cluster: p50 <= ${target.p50} ms, p99 <= ${target.p99} ms: ` +
          (isMet ? 'met' : 'MISSED'),
        `writes: ${perSecond(verdict.acknowledged)} acknowledged, ${verdict.unknown} unknown, ` +
          `${verdict.refused} SETs refused as not applied`,
        `read back: ${perSecond(sets)} keys, ${ledgers.length - 1} counters: ` +
          (isClean(verdict)
            ? 'nothing lost, nothing counted twice, nothing refused and yet applied'
            : `${verdict.lost.length} LOST, ${verdict.miscounted.length} MISCOUNTED, ` +
              `${verdict.invented.length} REFUSED AND YET APPLIED`),
      ],
      results: {
        signal: this.signal,
        unavailable,
        gap,
        phases: Object.fromEntries(this.timeline.summaries),
        isMet,
        verdict,
      },
      failures,
    };
  }
}

const row = (title: string, { p50, p90, p99, max }: Summary): string[] => [
  title,
  ...[p50, p90, p99, max].map(ms),
];

async function read(cluster: BenchCluster, key: string): Promise<string | null> {
  const value = await cluster.client.command(['GET', key], { deadlineMs: 30_000 });
  return value.kind === 'bulk' ? new TextDecoder().decode(value.bytes) : null;
}

/** Where the time goes, from what the nodes log (their clock is this machine's, in whole ms). */
class Timeline {
  private lostAtMs = Number.POSITIVE_INFINITY;
  private detectedMs: number | null = null;
  private electedMs: number | null = null;
  private readonly detections: number[] = [];
  private readonly elections: number[] = [];

  begin(): void {
    this.lostAtMs = Date.now();
    this.detectedMs = null;
    this.electedMs = null;
  }

  take(line: string): void {
    if (!line.startsWith('{')) return;
    const { event, role, time } = JSON.parse(line);
    const afterMs = Date.parse(time) - this.lostAtMs;
    if (event !== 'role' || !(afterMs >= 0)) return;
    if (role === 'precandidate') this.detectedMs ??= afterMs;
    if (role === 'leader') this.electedMs ??= afterMs;
  }

  end(): void {
    this.lostAtMs = Number.POSITIVE_INFINITY;
    if (this.detectedMs !== null) this.detections.push(this.detectedMs);
    if (this.electedMs !== null) this.elections.push(this.electedMs);
  }

  get summaries(): readonly (readonly [string, Summary])[] {
    const all: [string, readonly number[]][] = [
      ['of that, to the first pre-vote (from the log)', this.detections],
      ['of that, to the new leader (from the log)', this.elections],
    ];
    return all
      .filter(([, values]) => values.length > 0)
      .map(([title, values]) => [title, summarize(values)] as const);
  }
}
