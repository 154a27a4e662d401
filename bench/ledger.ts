import { assert } from '../src/base/assert.ts';

/** How a write ended, as its client was told. */
export type Fate = 'acknowledged' | 'unknown' | 'refused';

/**
 * What one writer was told about its writes: unique keys that it set, and one counter that it
 * increased, one command at a time.
 */
export class Ledger {
  readonly writer: string;
  private readonly sets: Fate[] = [];
  private increments = 0;
  private unknownIncrements = 0;
  private readonly wrongReplies: string[] = [];

  constructor(writer: string) {
    this.writer = writer;
  }

  get counterKey(): string {
    return `counter:${this.writer}`;
  }

  keyOf(n: number): string {
    return `set:${this.writer}:${n}`;
  }

  /** Tells from which key it came: a value under another's key would show. */
  valueOf(n: number): string {
    return `value of ${this.keyOf(n)}`;
  }

  /** The number of the next SET, which is then under way. It counts as unknown until it ended. */
  beginSet(): number {
    return this.sets.push('unknown') - 1;
  }

  endSet(n: number, fate: Fate): void {
    assert(n < this.sets.length, () => `SET ${n} was never begun`);
    this.sets[n] = fate;
  }

  /** @param reply the counter's value as INCR returned it; null unless acknowledged. */
  endIncrement(fate: Fate, reply: number | null): void {
    if (fate === 'unknown') this.unknownIncrements++;
    if (fate !== 'acknowledged') return;
    this.increments++;
    // The value right after it holds all that were acknowledged, and perhaps the unknown ones.
    const problem = this.counterProblem(reply);
    if (problem !== null) this.wrongReplies.push(`reply: ${problem}`);
  }

  /** What is wrong with a counter that reads `value`; null when it can be right. */
  counterProblem(value: number | null): string | null {
    const [least, most] = [this.increments, this.increments + this.unknownIncrements];
    const counted = value ?? 0;
    if (counted >= least && counted <= most) return null;
    const bounds = `${least} acknowledged, ${this.unknownIncrements} unknown`;
    return `${this.counterKey} is ${counted}: ${bounds}`;
  }

  /** The fate of SET 0, 1, … */
  get fates(): readonly Fate[] {
    return this.sets;
  }

  get replyProblems(): readonly string[] {
    return this.wrongReplies;
  }

  count(fate: Fate): number {
    return this.sets.filter((known) => known === fate).length;
  }

  get acknowledgedIncrements(): number {
    return this.increments;
  }

  get unknownIncrementCount(): number {
    return this.unknownIncrements;
  }
}

export interface Verdict {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  /** Acknowledged SETs that are gone or read otherwise. */
  readonly lost: readonly string[];
  /** Counters, and replies of INCR, that no history of these fates explains. */
  readonly miscounted: readonly string[];
  /** Refused as not applied, and yet there. */
  readonly invented: readonly string[];
}

export const isClean = ({ lost, miscounted, invented }: Verdict): boolean =>
  lost.length + miscounted.length + invented.length === 0;

/** Reads back what the ledgers name, `parallel` keys at a time, and judges it. */
export async function verify(
  ledgers: readonly Ledger[],
  read: (key: string) => Promise<string | null>,
  parallel: number,
): Promise<Verdict> {
  const [lost, miscounted, invented]: [string[], string[], string[]] = [[], [], []];
  let [acknowledged, unknown, refused] = [0, 0, 0];
  for (const ledger of ledgers) {
    acknowledged += ledger.count('acknowledged') + ledger.acknowledgedIncrements;
    unknown += ledger.count('unknown') + ledger.unknownIncrementCount;
    refused += ledger.count('refused');
    miscounted.push(...ledger.replyProblems);
    const counter = await read(ledger.counterKey);
    const problem = ledger.counterProblem(counter === null ? null : Number(counter));
    if (problem !== null) miscounted.push(problem);
    await inParallel(ledger.fates.length, parallel, async (n) => {
      const key = ledger.keyOf(n);
      const fate = ledger.fates[n];
      if (fate === 'unknown') return;
      const value = await read(key);
      if (fate === 'acknowledged' && value !== ledger.valueOf(n)) {
        lost.push(value === null ? `${key} is gone` : `${key} is ${JSON.stringify(value)}`);
      }
      if (fate === 'refused' && value !== null) invented.push(`${key} was refused and is there`);
    });
  }
  return { acknowledged, unknown, refused, lost, miscounted, invented };
}

async function inParallel(
  count: number,
  parallel: number,
  task: (n: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, lane));
}
