import { UnavailableError, UnknownOutcomeError } from '../src/client/errors.ts';
import { type Client, connect } from '../src/node/client.ts';
import type { RespValue } from '../src/protocol/resp-reader.ts';
import { type Fate, Ledger } from './ledger.ts';
import type { Outage } from './outage.ts';

/** The newcomers begin a write this often, whatever became of those before. */
const NEWCOMER_MS = 10;

interface Writer {
  readonly client: Client;
  readonly ledger: Ledger;
  lastAckMs: number;
}

/**
 * The load. Each writer has a client of its own and one command under way: it increases its
 * counter, then sets a key that nobody set before, and so on. Beside them come newcomers, one
 * every 10 ms, who wait for nobody: a writer whose command has gone to a leader that then froze
 * must wait for its outcome, and can't say when the cluster was there again for others.
 */
export class Load {
  /** Hears of acknowledgements while a leader is lost. */
  outage: Outage | null = null;
  private readonly writers: readonly Writer[];
  private readonly newcomers: Writer;
  private readonly loops: Promise<void>[] = [];
  private readonly pending: Set<Promise<Fate>> = new Set();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Null while the writers write, else what they wait for. */
  private gate: { readonly opened: Promise<void>; readonly open: () => void } | null = null;

  constructor(nodes: readonly string[], size: number) {
    const writer = (name: string): Writer => ({
      client: connect(nodes),
      ledger: new Ledger(name),
      lastAckMs: performance.now(),
    });
    this.writers = Array.from({ length: size }, (_, i) => writer(`w${i}`));
    this.newcomers = writer('newcomers');
  }

  get ledgers(): readonly Ledger[] {
    return [...this.writers, this.newcomers].map(({ ledger }) => ledger);
  }

  /** When each writer was last acknowledged. */
  get lastAckMs(): readonly number[] {
    return this.writers.map((writer) => writer.lastAckMs);
  }

  start(): void {
    this.loops.push(...this.writers.map((_, i) => this.writeOn(i)));
    this.timer = setInterval(() => {
      const write: Promise<Fate> = this.set(this.newcomers, (begunAtMs) =>
        this.outage?.served(begunAtMs, performance.now()),
      ).finally(() => this.pending.delete(write));
      this.pending.add(write);
    }, NEWCOMER_MS);
  }

  /** Lets the writers rest after the command they are at. The newcomers go on. */
  pause(): void {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.gate = { opened, open };
  }

  resume(): void {
    // A writer that rested was not kept waiting.
    for (const writer of this.writers) writer.lastAckMs = performance.now();
    this.gate?.open();
    this.gate = null;
  }

  /** Resolves once every command has ended. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.resume();
    clearInterval(this.timer);
    await Promise.all([...this.loops, ...this.pending]);
    for (const { client } of [...this.writers, this.newcomers]) client.close();
  }

  private async writeOn(index: number): Promise<void> {
    const writer = this.writers[index]!;
    const acknowledged = (begunAtMs: number) => {
      const nowMs = performance.now();
      this.outage?.acknowledged(index, begunAtMs, nowMs);
      writer.lastAckMs = nowMs;
    };
    for (await this.gate?.opened; !this.isStopped; await this.gate?.opened) {
      await this.increment(writer, acknowledged);
      await this.set(writer, acknowledged);
    }
  }

  private async increment(writer: Writer, onAck: (begunAtMs: number) => void): Promise<void> {
    const { client, ledger } = writer;
    let value: number | null = null;
    const fate = await run(client, ['INCR', ledger.counterKey], (reply, begunAtMs) => {
      value = reply.kind === 'integer' ? Number(reply.value) : Number.NaN;
      onAck(begunAtMs);
    });
    ledger.endIncrement(fate, value);
  }

  private async set(writer: Writer, onAck: (begunAtMs: number) => void): Promise<Fate> {
    const { client, ledger } = writer;
    const n = ledger.beginSet();
    const args = ['SET', ledger.keyOf(n), ledger.valueOf(n)];
    const fate = await run(client, args, (_, begunAtMs) => onAck(begunAtMs));
    ledger.endSet(n, fate);
    return fate;
  }
}

/** Anything but a reply, `unknown` or `unavailable` is a bug, and ends the benchmark. */
async function run(
  client: Client,
  args: readonly string[],
  onAck: (reply: RespValue, begunAtMs: number) => void,
): Promise<Fate> {
  const begunAtMs = performance.now();
  try {
    onAck(await client.command(args), begunAtMs);
    return 'acknowledged';
  } catch (error) {
    if (error instanceof UnknownOutcomeError) return 'unknown';
    if (error instanceof UnavailableError) return 'refused';
    throw error;
  }
}
