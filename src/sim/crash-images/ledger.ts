import { assert } from '../../base/assert.ts';
import { readU32 } from '../../base/bytes.ts';
import type { Entry } from '../../base/entry.ts';
import { INDEX_ZERO, type Index, index } from '../../base/ids.ts';
import type { HardState, Persist } from '../../base/persist.ts';
import type { LogPoint, SnapshotInfo } from '../../base/snapshot.ts';
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
  /** A snapshot of the state behind this entry, at least. */
  readonly snapshotIndex: Index;
}

/** What a start has found. */
export interface Found {
  /** The log goes on from here; … */
  readonly base: LogPoint;
  /** … these are its entries. */
  readonly log: readonly string[];
  /** What its newest snapshot holds is what it should. */
  readonly isStateRight: boolean;
  readonly storage: Storage;
}

/** A log from entry 1 on; what only a snapshot knows of is UNKNOWN. */
type LogText = readonly string[];
const UNKNOWN = '?';

/**
 * What one life of a directory has asked its storage for, step by step, and what it has been promised
 * by when. What a crash leaves must lie between the two: nothing promised is lost, nothing is there
 * that was never handed in, and it is there in order (RELIABILITY D2).
 */
export class Ledger {
  /** Each state of the log that was asked for, one record at a time. */
  private readonly logs: Since<LogText>[];
  /** Every snapshot that was begun, or received. */
  private readonly snapshots: Since<string>[];
  private readonly hardStates: Since<string>[];
  private readonly promises: Since<Promised>[];
  private readonly openedAt: number;
  private readonly incarnation: number;
  /** What a life before has been promised holds until the start of this one has ended: it may have
   *  found what was never synced. */
  private readonly before: Ledger | null;

  /** @param at when the life's own start had ended; @param found what it found. */
  constructor(at: number, { base, log, storage }: Found, before: Ledger | null) {
    this.before = before;
    const { state } = storage;
    this.openedAt = at;
    this.incarnation = state.incarnation;
    const { newest, previous } = storage.snapshots;
    const found = [newest, previous].flatMap((one) => (one === null ? [] : [snapshotText(one)]));
    this.snapshots = found.map((value) => ({ at: 0, value }));
    this.logs = [{ at: 0, value: [...logBehind(base), ...log] }];
    this.hardStates = [{ at: 0, value: hardStateText(state) }];
    const snapshotIndex = newest?.index ?? INDEX_ZERO;
    const value = { log: 0, hardState: 0, admitted: state.admitted, snapshotIndex };
    this.promises = [{ at: 0, value }];
  }

  /** How the log will end once all that was asked for is there. */
  get log(): LogText {
    return this.logs.at(-1)!.value;
  }

  /** Answers what to promise when it is durable. */
  ask(at: number, { hardState, reset, truncateFrom, entries }: Persist): Promised {
    if (reset !== null) this.logs.push({ at, value: logBehind(reset) });
    if (hardState !== null) this.hardStates.push({ at, value: hardStateText(hardState) });
    if (truncateFrom > 0) this.logs.push({ at, value: this.log.slice(0, truncateFrom - 1) });
    for (const entry of entries) this.logs.push({ at, value: [...this.log, entryText(entry)] });
    const { admitted, snapshotIndex } = this.promises.at(-1)!.value;
    const hardStates = this.hardStates.length - 1;
    return {
      log: this.logs.length - 1,
      hardState: hardStates,
      admitted,
      snapshotIndex: reset?.index ?? snapshotIndex,
    };
  }

  promise(at: number, promised: Promised): void {
    const { admitted, snapshotIndex } = this.promises.at(-1)!.value;
    const newest = index(Math.max(promised.snapshotIndex, snapshotIndex));
    this.promises.push({ at, value: { ...promised, admitted, snapshotIndex: newest } });
  }

  /** A snapshot is being written, or was received. */
  askSnapshot(at: number, info: Pick<SnapshotInfo, 'index' | 'id'>): void {
    this.snapshots.push({ at, value: snapshotText(info) });
  }

  promiseSnapshot(at: number, snapshotIndex: Index): void {
    this.promises.push({ at, value: { ...this.promises.at(-1)!.value, snapshotIndex } });
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
    const { promises, logs, hardStates, snapshots } = this;
    const opened = this.wasOpened(at);
    const asked = `${until(logs, at)} ${until(hardStates, at)} ${until(snapshots, at)}`;
    return `${until(promises, at)} ${asked} ${opened}`;
  }

  /** What a start after a crash at this point has found must be what it may be. */
  judge(at: number, found: Found): void {
    if (at < this.openedAt && this.before !== null) {
      this.before.judge(at, found);
      return;
    }
    const { base, log, storage } = found;
    const { state } = storage;
    const promised = this.promises[until(this.promises, at)]!.value;
    const logs = this.logs.slice(promised.log, until(this.logs, at) + 1);
    assert(
      logs.some(({ value }) => isSameLog(value, base, log)),
      () =>
        `found [${log}] behind ${base.index}, promised [${logs[0]!.value}], ` +
        `asked for [${logs.at(-1)!.value}]`,
    );
    this.judgeSnapshot(at, found, promised.snapshotIndex);
    const lastTerm = storage.recovered.termRuns.at(-1)?.term ?? base.term;
    assert(lastTerm <= state.currentTerm, () => `S18: ${lastTerm} in term ${state.currentTerm}`);
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

  /** A log that has lost its beginning is nothing without the state behind it, whole and right. */
  private judgeSnapshot(at: number, found: Found, promisedIndex: Index): void {
    const { newest } = found.storage.snapshots;
    const upTo = newest?.index ?? INDEX_ZERO;
    assert(upTo >= promisedIndex, () => `the snapshot at ${promisedIndex} is gone: ${upTo}`);
    assert(upTo >= found.base.index, () => `no snapshot goes up to ${found.base.index}: ${upTo}`);
    if (newest === null) return;
    const asked = this.snapshots.slice(0, until(this.snapshots, at) + 1);
    const text = snapshotText(newest);
    const wasAsked = asked.some(({ value }) => value === text);
    assert(wasAsked, () => `found the snapshot ${text}, not one of ${asked.map((s) => s.value)}`);
    assert(found.isStateRight, () => `the snapshot ${text} holds something else`);
    const { commitIndex, lastIndex } = found.storage.recovered;
    assert(commitIndex >= upTo && lastIndex >= upTo, () => `S8: ${commitIndex} of ${lastIndex}`);
  }
}

function snapshotText({ index, id }: Pick<SnapshotInfo, 'index' | 'id'>): string {
  return `${index}#${id}`;
}

/** A log that begins behind a snapshot. */
function logBehind({ index, term }: LogPoint): LogText {
  if (index === 0) return [];
  return [...new Array(index - 1).fill(UNKNOWN), `${index}/${term}/${UNKNOWN}`];
}

function isSameLog(value: LogText, base: LogPoint, log: readonly string[]): boolean {
  if (value.length !== base.index + log.length) return false;
  const from = base.index === 0 ? '' : `${base.index}/${base.term}/`;
  if (base.index > 0 && !value[base.index - 1]!.startsWith(from)) return false;
  return log.every((text, i) => value[base.index + i] === text);
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
