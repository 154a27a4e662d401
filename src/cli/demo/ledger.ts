/** What a client was told about a write. */
export type Fate = 'acknowledged' | 'refused' | 'unknown';

interface Write {
  readonly value: string;
  fate: Fate;
}

interface Counter {
  /** Increments that were acknowledged: the value is at least this. */
  acknowledged: number;
  /** Increments whose outcome is unknown: the value may be as much higher. */
  unknown: number;
  /** The answers so far. Each increment makes a new value, so none may come twice. */
  readonly answers: Set<number>;
}

/** What a look at the data has shown. */
export interface Judgement {
  /** Writes and increments that were acknowledged, all of them looked for. */
  readonly acknowledged: number;
  readonly refused: number;
  /** Unknown writes that turned out to be there, and not to be there. */
  readonly unknownApplied: number;
  readonly unknownNotApplied: number;
  /** Promises that were broken, a sentence each. Must be empty. */
  readonly faults: readonly string[];
}

/**
 * Every write of the demo and what its client was told, to be held against what the cluster says
 * later. A key is written once, so whatever is found under it has one explanation.
 */
export class Ledger {
  private readonly writes: Map<string, Write> = new Map();
  private readonly counters: Map<string, Counter> = new Map();
  private readonly faults: string[] = [];

  get keys(): readonly string[] {
    return [...this.writes.keys(), ...this.counters.keys()];
  }

  /** Writes and increments that the cluster has to have. */
  get acknowledged(): number {
    let count = 0;
    for (const { fate } of this.writes.values()) if (fate === 'acknowledged') count++;
    for (const { acknowledged } of this.counters.values()) count += acknowledged;
    return count;
  }

  wrote(key: string, value: string, fate: Fate): void {
    this.writes.set(key, { value, fate });
  }

  /** @param answer the counter's new value, of an increment that was acknowledged. */
  incremented(key: string, fate: Fate, answer: number | null = null): void {
    const counter = this.counterAt(key);
    if (fate === 'unknown') counter.unknown++;
    if (fate !== 'acknowledged') return;
    counter.acknowledged++;
    if (answer === null) return;
    if (counter.answers.has(answer)) this.fault(`${key}: two increments were answered ${answer}`);
    counter.answers.add(answer);
  }

  /** Something that must never happen did. */
  fault(what: string): void {
    this.faults.push(what);
  }

  /** @param found every key's value, as a linearizable read after all writes has shown it. */
  judge(found: ReadonlyMap<string, string>): Judgement {
    const faults = [...this.faults];
    const count = { acknowledged: 0, refused: 0, unknownApplied: 0, unknownNotApplied: 0 };
    for (const [key, { value, fate }] of this.writes) {
      const there = found.get(key);
      if (there !== undefined && there !== value) {
        faults.push(`${key}: holds ${there}, which nobody wrote`);
      }
      if (fate === 'acknowledged') {
        count.acknowledged++;
        if (there === undefined) faults.push(`${key}: acknowledged, and lost`);
      } else if (fate === 'refused') {
        count.refused++;
        if (there !== undefined) faults.push(`${key}: refused as not applied, and yet there`);
      } else if (there === undefined) {
        count.unknownNotApplied++;
      } else {
        count.unknownApplied++;
      }
    }
    for (const [key, { acknowledged, unknown }] of this.counters) {
      const value = Number(found.get(key) ?? 0);
      count.acknowledged += acknowledged;
      const more = Math.max(0, value - acknowledged);
      count.unknownApplied += more;
      count.unknownNotApplied += Math.max(0, unknown - more);
      if (value < acknowledged) {
        faults.push(`${key}: ${acknowledged} acknowledged, and only ${value} there`);
      } else if (value > acknowledged + unknown) {
        const most = acknowledged + unknown;
        faults.push(`${key}: ${value} there, of ${most} at most: one was counted twice`);
      }
    }
    return { ...count, faults };
  }

  /**
   * As `judge`; and from now on the cluster is held to what was found: what was unknown and is
   * there must stay, what is not there must never appear.
   */
  settle(found: ReadonlyMap<string, string>): Judgement {
    const judgement = this.judge(found);
    for (const [key, write] of this.writes) {
      if (write.fate === 'unknown') write.fate = found.has(key) ? 'acknowledged' : 'refused';
    }
    for (const [key, counter] of this.counters) {
      if (counter.unknown === 0) continue;
      counter.acknowledged = Number(found.get(key) ?? 0);
      counter.unknown = 0;
    }
    return judgement;
  }

  private counterAt(key: string): Counter {
    let counter = this.counters.get(key);
    if (counter === undefined) {
      counter = { acknowledged: 0, unknown: 0, answers: new Set() };
      this.counters.set(key, counter);
    }
    return counter;
  }
}
