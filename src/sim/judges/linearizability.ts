import type { Outcome } from '../../client/call.ts';
import type { Operation } from '../checker/history.ts';
import { keyspace } from '../checker/keyspace-model.ts';
import {
  type CheckLimits,
  checkLinearizability,
  defaultCheckLimits,
  type Verdict,
} from '../checker/linearizability.ts';
import { timeLine } from '../checker/time-line.ts';
import { inOrderOfLog, isLinearization } from '../checker/witness.ts';
import { Observer, type SimOperation, Violation } from '../observer.ts';
import { isRead } from '../reference/commands.ts';
import { keyOfWords, normalized, respText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';

type KeyOperation = Operation<readonly string[], string>;

/**
 * LIN: what the clients saw is linearizable. The verdict rests on nothing but what they saw: no
 * log, no node, no clock but the order of events. When the limit of the search is not enough, that
 * is no pass.
 *
 * Given the chronicle, what the limit was not enough for gets two more tries: in the order of the
 * ledger, and without the operations of unknown outcome that are not in it. If the clients could have
 * seen it so, it is an order like any other; but that there is none is never said on the word of the
 * ledger.
 */
export class LinearizabilityJudge extends Observer {
  private readonly limits: CheckLimits;
  private readonly chronicle: Chronicle | null;
  private readonly invokedAt = new Map<SimOperation, number>();
  private readonly history: KeyOperation[] = [];
  private now = 0;

  constructor(chronicle: Chronicle | null, limits: CheckLimits = defaultCheckLimits) {
    super();
    this.chronicle = chronicle;
    this.limits = limits;
  }

  override invoked(operation: SimOperation): void {
    this.invokedAt.set(operation, this.now++);
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
    const verdict = checkLinearizability(this.history, keyspace, this.limits);
    const { chronicle } = this;
    if (verdict.kind !== 'unknown' || chronicle === null) return verdict;
    const log = chronicle.commands.flatMap((words) => (words === null ? [] : [words]));
    const parts = verdict.parts.filter((part) => {
      if (isAsInLog(part, log)) return false;
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
    { commands }: Chronicle,
  ): KeyOperation[] {
    const left = new Map<string, number>();
    const count = (words: readonly string[], by: number) => {
      const key = keyOfWords(normalized(words));
      const now = (left.get(key) ?? 0) + by;
      left.set(key, now);
      return now;
    };
    for (const words of commands) if (words !== null) count(words, 1);
    for (const { input, output } of part) if (output !== null) count(input, -1);
    const byCall = [...part].sort((a, b) => a.invokedAt - b.invokedAt);
    return byCall.filter(({ input, output }) => output !== null || count(input, -1) >= 0);
  }

  private add({ client, args }: SimOperation, invokedAt: number, output: string | null): void {
    // What a read might have seen constrains nothing.
    if (output === null && isRead(args)) return;
    const returnedAt = output === null ? Number.POSITIVE_INFINITY : this.now++;
    this.history.push({ client: `c${client}`, input: args, output, invokedAt, returnedAt });
  }
}

/** The words stand in the ledger as they were executed: only those that touch the part matter. */
function isAsInLog(part: readonly KeyOperation[], log: readonly (readonly string[])[]): boolean {
  const wordsOf = (words: readonly string[]) => keyOfWords(normalized(words));
  return isLinearization(part, inOrderOfLog(part, log, wordsOf, keyspace), keyspace);
}
