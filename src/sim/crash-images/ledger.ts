import { assert } from '../../base/assert.ts';
import { readU32 } from '../../base/bytes.ts';
import type { Entry } from '../../base/entry.ts';
import type { HardState, Persist } from '../../base/persist.ts';
import type { Storage } from '../../storage/storage.ts';

/** From here on, in operations of the disk. */
interface Since<T> {
  readonly at: number;
  readonly value: T;
}

interface Promised {
  /** At least this many steps of the log, and of the hard state, are durable. */
  readonly log: number;
  readonly hardState: number;
  readonly admitted: boolean;
}

/** What a start has found. */
export interface Found {
  readonly log: readonly string[];
  readonly storage: Storage;
}

/**
 * What one life of a directory has asked its storage for, step by step, and what it has been promised
 * by when. What a crash leaves must lie between the two: nothing promised is lost, nothing is there
 * that was never handed in, and it is there in order (RELIABILITY D2).
 */
export class Ledger {
  /** Each state of the log that was asked for, one record at a time. */
  private readonly logs: Since<readonly string[]>[];
  private readonly hardStates: Since<string>[];
  private readonly promises: Since<Promised>[];
  private readonly openedAt: number;
  private readonly incarnation: number;
  /** What a life before has been promised holds until the start of this one has ended: it may have
   *  found what was never synced. */
  private readonly before: Ledger | null;

  /** @param at when the life's own start had ended; @param found what it found. */
  constructor(at: number, { log, storage }: Found, before: Ledger | null) {
    this.before = before;
    const { state } = storage;
    this.openedAt = at;
    this.incarnation = state.incarnation;
    this.logs = [{ at: 0, value: log }];
    this.hardStates = [{ at: 0, value: hardStateText(state) }];
    const value = { log: 0, hardState: 0, admitted: state.admitted };
    this.promises = [{ at: 0, value }];
  }

  /** How the log will end once all that was asked for is there. */
  get log(): readonly string[] {
    return this.logs.at(-1)!.value;
  }

  /** Answers what to promise when it is durable. */
  ask(at: number, { hardState, truncateFrom, entries }: Persist): Promised {
    if (hardState !== null) this.hardStates.push({ at, value: hardStateText(hardState) });
    if (truncateFrom > 0) this.logs.push({ at, value: this.log.slice(0, truncateFrom - 1) });
    for (const entry of entries) this.logs.push({ at, value: [...this.log, entryText(entry)] });
    const { admitted } = this.promises.at(-1)!.value;
    return { log: this.logs.length - 1, hardState: this.hardStates.length - 1, admitted };
  }

  promise(at: number, promised: Promised): void {
    const { admitted } = this.promises.at(-1)!.value;
    this.promises.push({ at, value: { ...promised, admitted } });
  }

  promiseAdmitted(at: number): void {
    this.promises.push({ at, value: { ...this.promises.at(-1)!.value, admitted: true } });
  }

  /** Whether the life's own start had ended: from then on the directory is never empty again. */
  wasOpened(at: number): boolean {
    return at >= this.openedAt || this.before !== null;
  }

  /** What is promised and what is asked for changes only with this. */
  epoch(at: number): string {
    const { promises, logs, hardStates } = this;
    const opened = this.wasOpened(at);
    return `${until(promises, at)} ${until(logs, at)} ${until(hardStates, at)} ${opened}`;
  }

  /** What a start after a crash at this point has found must be what it may be. */
  judge(at: number, found: Found): void {
    if (at < this.openedAt && this.before !== null) {
      this.before.judge(at, found);
      return;
    }
    const { log, storage } = found;
    const { state } = storage;
    const promised = this.promises[until(this.promises, at)]!.value;
    const logs = this.logs.slice(promised.log, until(this.logs, at) + 1);
    assert(
      logs.some(({ value }) => value.join() === log.join()),
      () => `found [${log}], promised [${logs[0]!.value}], asked for [${logs.at(-1)!.value}]`,
    );
    const hardStates = this.hardStates
      .slice(promised.hardState, until(this.hardStates, at) + 1)
      .map(({ value }) => value);
    const hardState = hardStateText(state);
    assert(hardStates.includes(hardState), () => `found ${hardState}, not one of ${hardStates}`);
    assert(state.admitted || !promised.admitted, () => 'forgot that it was admitted');
    // Nobody has heard of a start that had not ended.
    if (at < this.openedAt) return;
    const { incarnation } = this;
    assert(
      state.incarnation > incarnation,
      () => `start ${state.incarnation} after ${incarnation}`,
    );
  }
}

function until<T>(steps: readonly Since<T>[], at: number): number {
  return steps.findLastIndex((step) => step.at <= at);
}

function hardStateText({ currentTerm, votedFor, suspect }: HardState): string {
  return `term ${currentTerm} vote ${votedFor}${suspect ? ' suspect' : ''}`;
}

/** Its checksum stands for what it holds. */
export function entryText({ index, term, record }: Entry): string {
  return `${index}/${term}/${readU32(record, 0).toString(16)}`;
}
