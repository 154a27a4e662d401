import { byteString } from '../../src/base/bytes.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import { type Node, type SimClient, show, type World } from './world.ts';

/** Asked and not answered for this long, a client gives the outcome up as unknown. */
const PATIENCE_MS = 3000;
const RETRY_MS = 30;

/**
 * One client of a cluster under attack. It counts in a counter of its own, writes values that nobody
 * else writes, and reads what others count; it follows redirects, repeats what was certainly not
 * applied, and never repeats what may have been. What it saw is judged as it comes.
 */
export class Writer {
  readonly name: string;
  /** Of this writer's INCRs: answered, and those of unknown outcome. */
  acked = 0;
  unknown = 0;
  /** The last value that was acknowledged, and the later ones that may have been applied. */
  ackedValue: string | null = null;
  maybeValues: string[] = [];
  reads = 0;
  private readonly world: World;
  private readonly random: Prng;
  private readonly others: () => readonly Writer[];
  private client: SimClient | null = null;
  private serial = 0;
  private attempt = 0;
  private stopped = false;

  constructor(world: World, name: string, others: () => readonly Writer[]) {
    this.world = world;
    this.name = name;
    this.others = others;
    this.random = world.scheduler.random.fork();
  }

  start(): void {
    this.next();
  }

  stop(): void {
    this.stopped = true;
  }

  /** What a counter can be: no less than was acknowledged, no more than may have been applied. */
  get bounds(): { readonly least: number; readonly most: number } {
    return { least: this.acked, most: this.acked + this.unknown };
  }

  private next(): void {
    if (this.stopped) return;
    const draw = this.random.below(3);
    if (draw === 0) this.increment();
    else if (draw === 1) this.write();
    else this.read();
  }

  private increment(): void {
    // Until it is answered, it may have been applied: a reader may see it.
    this.unknown++;
    this.ask(['INCR', `count-${this.name}`], {
      done: (reply) => {
        this.unknown--;
        this.acked++;
        const value = reply.kind === 'integer' ? Number(reply.value) : Number.NaN;
        this.require(value >= this.acked && value <= this.bounds.most, `INCR gave ${value}`);
      },
      refused: () => this.unknown--,
    });
  }

  private write(): void {
    this.serial++;
    // Some of several sectors, so that a batch can be torn.
    const value = `${this.name}-${this.serial}`.padEnd(this.random.below(2500), '.');
    this.maybeValues.push(value);
    this.ask(['SET', `value-${this.name}`, value], {
      done: (reply) => {
        this.require(show(reply) === '+OK', `SET gave ${show(reply)}`);
        this.ackedValue = value;
        this.maybeValues = [];
      },
      refused: () => {
        this.maybeValues = this.maybeValues.filter((maybe) => maybe !== value);
      },
    });
  }

  /** Freshness (R1): a read sees at least what was acknowledged before it was asked. */
  private read(): void {
    const others = this.others();
    const of = others[this.random.below(others.length)]!;
    const least = of.bounds.least;
    this.ask(['GET', `count-${of.name}`], {
      done: (reply) => {
        const value = reply.kind === 'bulk' ? Number(byteString(reply.bytes)) : 0;
        this.reads++;
        this.require(
          value >= least && value <= of.bounds.most,
          `read ${value} of ${of.name}, which must be in ${least}..${of.bounds.most}`,
        );
      },
      refused: () => {},
    });
  }

  private ask(
    args: readonly string[],
    outcome: { done(reply: RespValue): void; refused(): void },
  ): void {
    const client = this.connected();
    const before = client.replies.length;
    this.attempt++;
    const attempt = this.attempt;
    const settle = (after: () => void) => {
      if (this.attempt !== attempt) return;
      this.attempt++;
      after();
    };
    client.onChange = () => {
      const reply = client.replies[before];
      if (reply !== undefined) settle(() => this.answered(reply, outcome));
      else if (client.closed) settle(() => this.lost());
    };
    this.world.scheduler.after(PATIENCE_MS, () => settle(() => this.lost()));
    client.send(...args);
  }

  private answered(
    reply: RespValue,
    outcome: { done(reply: RespValue): void; refused(): void },
  ): void {
    if (reply.kind !== 'error') {
      outcome.done(reply);
      this.later(0);
      return;
    }
    const [code = '', , address = ''] = reply.text.split(' ');
    this.require(
      ['MOVED', 'CLUSTERDOWN', 'TRYAGAIN', 'NOTAPPLIED', 'UNKNOWN'].includes(code),
      `got ${reply.text}`,
    );
    if (code !== 'UNKNOWN') outcome.refused();
    if (code === 'MOVED') this.connect(this.world.node(address.split(':')[0]!));
    else if (code !== 'UNKNOWN') this.disconnect();
    this.later(RETRY_MS);
  }

  /** The outcome stays unknown for ever. */
  private lost(): void {
    this.disconnect();
    this.later(RETRY_MS);
  }

  private later(atLeastMs: number): void {
    this.world.scheduler.after(atLeastMs + this.random.float() * 20, () => this.next());
  }

  private connected(): SimClient {
    const { nodes } = this.world;
    if (this.client === null || this.client.closed) {
      this.connect(nodes[this.random.below(nodes.length)]!);
    }
    return this.client!;
  }

  private connect(node: Node): void {
    this.disconnect();
    this.client = this.world.client(node);
  }

  private disconnect(): void {
    this.client?.abandon();
    this.client = null;
  }

  private require(ok: boolean, what: string): void {
    if (!ok)
      throw new Error(`${this.name} at ${this.world.scheduler.nowMs.toFixed(1)} ms: ${what}`);
  }
}
