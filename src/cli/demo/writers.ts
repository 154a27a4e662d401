import { setTimeout as sleep } from 'node:timers/promises';
import { ReplyError, UnavailableError, UnknownOutcomeError } from '../../client/errors.ts';
import { type Client, connect } from '../../node/client.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import type { Ledger } from './ledger.ts';

/** Between two writes of one writer, in ms: the demo shows a failover, it is no benchmark. */
const THINK_MS = 2;
const COUNTERS = 2;

/**
 * Clients that write without a pause, each over a connection of its own, and enter into the ledger
 * what they are told: by turns a key that is written once, and an increment of a shared counter.
 */
export class Writers {
  /** When each acknowledgement came, in ms of `performance.now()`. */
  readonly acknowledgedAtMs: number[] = [];
  /** Commands that were sent and not yet answered. */
  inFlight = 0;
  /** The longest that any command took to be answered, in ms. */
  slowestMs = 0;
  private readonly clients: readonly Client[];
  private readonly ledger: Ledger;
  private readonly written: number[];
  private isStopping = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(addresses: readonly string[], ledger: Ledger, count: number) {
    this.ledger = ledger;
    this.clients = Array.from({ length: count }, () => connect(addresses));
    this.written = this.clients.map(() => 0);
  }

  get count(): number {
    return this.clients.length;
  }

  start(): void {
    this.isStopping = false;
    this.running = Promise.all(this.clients.map((client, writer) => this.write(client, writer)));
    // Whoever stops the writers hears of it.
    this.running.catch(() => {});
  }

  /** Resolves once every command that was sent has its answer. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  /** Gives up whatever is under way. */
  close(): void {
    this.isStopping = true;
    for (const client of this.clients) client.close();
  }

  private async write(client: Client, writer: number): Promise<void> {
    while (!this.isStopping) {
      const number = ++this.written[writer]!;
      if (number % 2 === 1) await this.set(client, `w${writer}:${number}`);
      else await this.increment(client, `counter:${number % (2 * COUNTERS) === 0 ? 0 : 1}`);
      await sleep(THINK_MS);
    }
  }

  private async set(client: Client, key: string): Promise<void> {
    const value = `value of ${key}`;
    const { fate } = await this.send(client, ['SET', key, value]);
    this.ledger.wrote(key, value, fate);
  }

  private async increment(client: Client, counter: string): Promise<void> {
    const { fate, reply } = await this.send(client, ['INCR', counter]);
    this.ledger.incremented(counter, fate, reply?.kind === 'integer' ? Number(reply.value) : null);
  }

  private async send(client: Client, command: readonly string[]) {
    const sentAtMs = performance.now();
    this.inFlight++;
    const outcome = await outcomeOf(client.command(command), (fault) => this.ledger.fault(fault));
    this.inFlight--;
    const nowMs = performance.now();
    this.slowestMs = Math.max(this.slowestMs, nowMs - sentAtMs);
    if (outcome.fate === 'acknowledged') this.acknowledgedAtMs.push(nowMs);
    return outcome;
  }
}

async function outcomeOf(answer: Promise<RespValue>, onFault: (fault: string) => void) {
  try {
    return { fate: 'acknowledged', reply: await answer } as const;
  } catch (error) {
    if (error instanceof UnknownOutcomeError) return { fate: 'unknown', reply: null } as const;
    // Refused for what it says, which no write of this demo deserves: nothing was applied, but say it.
    if (error instanceof ReplyError) onFault(`a write was refused: ${error.message}`);
    else if (!(error instanceof UnavailableError)) throw error;
    return { fate: 'refused', reply: null } as const;
  }
}

/** Where no acknowledgement came for the longest time between two moments. */
export function longestSilence(
  acknowledgedAtMs: readonly number[],
  fromMs: number,
  toMs: number,
): { readonly fromMs: number; readonly ms: number } {
  let longest = { fromMs, ms: 0 };
  let last = fromMs;
  for (const at of [...acknowledgedAtMs.filter((ms) => ms > fromMs && ms < toMs), toMs]) {
    if (at - last > longest.ms) longest = { fromMs: last, ms: at - last };
    last = at;
  }
  return longest;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Acknowledgements over time, a character for each `bucketMs`; a dot where there was none. */
export function acknowledgementBars(
  acknowledgedAtMs: readonly number[],
  fromMs: number,
  toMs: number,
  bucketMs: number,
): string {
  const counts = new Array<number>(Math.ceil((toMs - fromMs) / bucketMs)).fill(0);
  for (const at of acknowledgedAtMs) {
    const bucket = Math.floor((at - fromMs) / bucketMs);
    if (bucket >= 0 && bucket < counts.length) counts[bucket]!++;
  }
  const most = Math.max(1, ...counts);
  return counts
    .map((n) => (n === 0 ? '·' : BARS[Math.ceil((n / most) * BARS.length) - 1]!))
    .join('');
}
