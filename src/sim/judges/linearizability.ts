import type { Outcome } from '../../client/call.ts';
import { components, type Operation } from '../checker/history.ts';
import { keyspace } from '../checker/keyspace-model.ts';
import {
  type CheckLimits,
  checkLinearizability,
  defaultCheckLimits,
  type Verdict,
} from '../checker/linearizability.ts';
import { timeLine } from '../checker/time-line.ts';
import { inOrderOfLog, isLinearization, type LogEntry } from '../checker/witness.ts';
import { Observer, type SimOperation, Violation } from '../observer.ts';
import { isRead } from '../reference/commands.ts';
import { respText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';

type KeyOperation = Operation<readonly string[], string>;

/**
 * LIN: what the clients saw is linearizable. The verdict rests on nothing but what they saw: no
 * log, no node, no clock but the order of events.
 *
 * An order that is a linearization proves that there is one, wherever it was had from; so, given the
 * chronicle, the order of the ledger is tried first, and checked as an order of anybody's. While all
 * goes through the log of a right cluster, it is one, also where several clients said the same
 * (witness.ts says why). Only what it does not prove is searched for an order: that there is none is
 * never said on the word of the ledger.
 *
 * When the limit of the search is not enough, that is no pass. Given the chronicle, there is one more
 * try: without the operations of unknown outcome that are not in the ledger.
 */
export class LinearizabilityJudge extends Observer {
  private readonly limits: CheckLimits;
  private readonly chronicle: Chronicle | null;
  private readonly invokedAt = new Map<SimOperation, number>();
  private readonly history: KeyOperation[] = [];
  /** By index, as the commands of the chronicle: when a node was the first to apply it. */
  private readonly appliedAt: number[] = [];
  private now = 0;

  constructor(chronicle: Chronicle | null, limits: CheckLimits = defaultCheckLimits) {
    super();
    this.chronicle = chronicle;
    this.limits = limits;
  }

  override invoked(operation: SimOperation): void {
    this.invokedAt.set(operation, this.now++);
  }

  override applied(): void {
    const { appliedAt, chronicle } = this;
    if (chronicle === null) return;
    while (appliedAt.length < chronicle.commands.length) appliedAt.push(this.now++);
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    const invokedAt = this.invokedAt.get(operation)!;
    this.invokedAt.delete(operation);
    switch (outcome.kind) {
      case 'reply':
        this.add(operation, invokedAt, respText(outcome.value));
        return;
      case 'refused':
        this.add(operation, invokedAt, `-${outcome.text}`);
        return;
      case 'unknown':
        this.add(operation, invokedAt, null);
        return;
      case 'unavailable':
        // Never applied, so the client says: then the history must make sense without it.
        this.now++;
        return;
    }
  }

  override ended(): void {
    for (const [operation, invokedAt] of this.invokedAt) this.add(operation, invokedAt, null);
    const verdict = this.check();
    switch (verdict.kind) {
      case 'linearizable':
        return;
      case 'unknown': {
        const part = verdict.parts[0]!;
        throw new Violation(
          'LIN',
          `whether ${part.length} operations on ` +
            `${keyspace.keysOf(part[0]!.input)} are linearizable was not found out in ${this.limits.stepsMax} steps`,
        );
      }
      case 'not linearizable':
        throw new Violation(
          'LIN',
          'what the clients saw is not linearizable. These contradict each other, whatever all ' +
            `others did:\n${timeLine(verdict.window, keyspace)}`,
        );
    }
  }

  private check(): Verdict<readonly string[], string> {
    const { chronicle, history } = this;
    if (chronicle === null) return checkLinearizability(history, keyspace, this.limits);
    const unproven = withoutWhatIsAsInLedger(history, chronicle, this.appliedAt);
    const verdict = checkLinearizability(unproven, keyspace, this.limits);
    if (verdict.kind !== 'unknown') return verdict;
    const parts = verdict.parts.filter((part) => {
      const happened = this.withoutWhatNeverHappened(part, chronicle);
      return checkLinearizability(happened, keyspace, this.limits).kind !== 'linearizable';
    });
    const { steps } = verdict;
    return parts.length > 0 ? { ...verdict, parts } : { kind: 'linearizable', steps };
  }

  /** Of operations with the same words, as many are kept as the ledger has beyond those that were
   *  answered: the first ones, which may do whatever the others may. */
  private withoutWhatNeverHappened(
    part: readonly KeyOperation[],
    chronicle: Chronicle,
  ): KeyOperation[] {
    const left = new Map<string, number>();
    const count = (key: string, by: number) => {
      const now = (left.get(key) ?? 0) + by;
      left.set(key, now);
      return now;
    };
    for (const key of chronicle.commandKeys) count(key, 1);
    for (const { input, output } of part) if (output !== null) count(chronicle.keyOf(input), -1);
    const byCall = [...part].sort((a, b) => a.invokedAt - b.invokedAt);
    return byCall.filter(
      ({ input, output }) => output !== null || count(chronicle.keyOf(input), -1) >= 0,
    );
  }

  private add({ client, args }: SimOperation, invokedAt: number, output: string | null): void {
    // What a read might have seen constrains nothing.
    if (output === null && isRead(args)) return;
    const returnedAt = output === null ? Number.POSITIVE_INFINITY : this.now++;
    this.history.push({ client: `c${client}`, input: args, output, invokedAt, returnedAt });
  }
}

/** Of the history, those parts that the order of the ledger does not prove to be linearizable. */
function withoutWhatIsAsInLedger(
  history: readonly KeyOperation[],
  chronicle: Chronicle,
  appliedAt: readonly number[],
): KeyOperation[] {
  const parts = components(history, (input) => keyspace.keysOf(input));
  const partOfKey = new Map<string, number>();
  for (const [number, part] of parts.entries()) {
    for (const { input } of part) {
      for (const key of keyspace.keysOf(input)) partOfKey.set(key, number);
    }
  }
  // Only a read that was never answered, and is in no history, can touch two parts: it matters to
  // neither.
  const logs = parts.map((): LogEntry<readonly string[]>[] => []);
  for (const [index, input] of chronicle.commands.entries()) {
    if (input === null) continue;
    const number = partOfKey.get(keyspace.keysOf(input)[0]!);
    if (number !== undefined) logs[number]!.push({ input, appliedAt: appliedAt[index]! });
  }
  const keyOf = (words: readonly string[]) => chronicle.keyOf(words);
  return parts
    .filter((part, number) => {
      const order = inOrderOfLog(part, logs[number]!, keyOf, keyspace);
      return !isLinearization(part, order, keyspace);
    })
    .flat();
}
