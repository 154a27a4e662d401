import assert from 'node:assert/strict';
import type { Client } from '../../src/client/client.ts';
import { UnavailableError, UnknownOutcomeError } from '../../src/client/errors.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import type { Cluster } from './cluster.ts';

/** What the client said became of a command. */
type Fate = 'acknowledged' | 'not applied' | 'unknown';

/** Short: a writer whose leader stands still soon tries the next. */
const DEADLINE_MS = 1000;
const CHECKS_AT_ONCE = 256;

/**
 * Writers that keep books. Each increments a counter of its own and sets keys that nobody else
 * sets, one command after the other, and writes down what the cluster said of each. `verify` then
 * compares the books with the data: what was acknowledged is there, what was certainly not applied
 * is not, and no counter moved more often than it can have been told to.
 */
export class Load {
  private readonly writers: readonly Writer[];
  private running: Promise<unknown> | null = null;

  constructor(cluster: Cluster, writers: number, name: string) {
    this.writers = Array.from({ length: writers }, (_, i) => {
      return new Writer(cluster, `${name}-${i + 1}`);
    });
  }

  start(): void {
    this.running = Promise.all(this.writers.map((writer) => writer.run()));
  }

  async stop(): Promise<void> {
    for (const writer of this.writers) writer.stopping = true;
    await this.running;
  }

  get acknowledged(): number {
    return this.count('acknowledged');
  }

  get unknown(): number {
    return this.count('unknown');
  }

  async verify(client: Client): Promise<void> {
    for (const writer of this.writers) await writer.verify(client);
  }

  private count(fate: Fate): number {
    return this.writers.reduce((sum, writer) => sum + writer.count(fate), 0);
  }
}

class Writer {
  stopping = false;
  private readonly cluster: Cluster;
  private readonly client: Client;
  private readonly name: string;
  /** What became of each SET, by its key; the value is the key's own name. */
  private readonly sets = new Map<string, Fate>();
  private readonly increments: Record<Fate, number> = {
    acknowledged: 0,
    'not applied': 0,
    unknown: 0,
  };
  private lastCount = 0;

  constructor(cluster: Cluster, name: string) {
    this.cluster = cluster;
    this.client = cluster.connect(DEADLINE_MS);
    this.name = name;
  }

  count(fate: Fate): number {
    return [...this.sets.values()].filter((known) => known === fate).length + this.increments[fate];
  }

  async run(): Promise<void> {
    for (let i = 1; !this.stopping && !this.cluster.isClosed; i++) {
      const key = `${this.name}:${i}`;
      this.sets.set(key, await this.fate(['SET', key, key], () => {}));
      const fate = await this.fate(['INCR', this.name], (value) => this.counted(value));
      this.increments[fate]++;
    }
    this.client.close();
  }

  async verify(client: Client): Promise<void> {
    const counter = Number((await textAt(client, this.name)) ?? 0);
    const { acknowledged, unknown } = this.increments;
    assert.ok(
      acknowledged <= counter && counter <= acknowledged + unknown,
      `${this.name} is ${counter}: ${acknowledged} acknowledged, ${unknown} unknown`,
    );
    const keys = [...this.sets.keys()];
    for (let i = 0; i < keys.length; i += CHECKS_AT_ONCE) {
      const some = keys.slice(i, i + CHECKS_AT_ONCE);
      await Promise.all(some.map((key) => this.verifySet(client, key)));
    }
  }

  private async verifySet(client: Client, key: string): Promise<void> {
    const fate = this.sets.get(key);
    const text = await textAt(client, key);
    if (fate === 'acknowledged' || text !== null) assert.equal(text, key, `SET ${key}: ${fate}`);
    if (fate === 'not applied') assert.equal(text, null, `SET ${key} was said to be not applied`);
  }

  /** A counter that nobody else touches only grows, by one for each command that was sent. */
  private counted(value: RespValue): void {
    assert.equal(value.kind, 'integer');
    const count = Number(value.kind === 'integer' ? value.value : Number.NaN);
    const most = this.increments.acknowledged + this.increments.unknown + 1;
    assert.ok(this.lastCount < count && count <= most, `${this.name} counted ${count} of ${most}`);
    this.lastCount = count;
  }

  private async fate(args: string[], onReply: (value: RespValue) => void): Promise<Fate> {
    try {
      onReply(await this.client.command(args));
      return 'acknowledged';
    } catch (error) {
      if (error instanceof UnavailableError) return 'not applied';
      if (error instanceof UnknownOutcomeError) return 'unknown';
      throw error;
    }
  }
}

/** The value of a key as text; null when there is none. */
export async function textAt(client: Client, key: string): Promise<string | null> {
  const value = await client.command(['GET', key]);
  return value.kind === 'bulk' ? Buffer.from(value.bytes).toString() : null;
}
