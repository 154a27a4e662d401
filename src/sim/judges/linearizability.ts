import type { Outcome } from '../../client/call.ts';
import type { Operation } from '../checker/history.ts';
import { keyspace } from '../checker/keyspace-model.ts';
import {
  type CheckLimits,
  checkLinearizability,
  defaultCheckLimits,
} from '../checker/linearizability.ts';
import { timeLine } from '../checker/time-line.ts';
import { Observer, type SimOperation, Violation } from '../observer.ts';
import { isRead } from '../reference/commands.ts';
import { respText } from '../reference/words.ts';

type KeyOperation = Operation<readonly string[], string>;

/**
 * LIN: what the clients saw is linearizable. It knows nothing but what they saw: no log, no node, no
 * clock but the order of events. When the limit of the search is not enough, that is no pass.
 */
export class LinearizabilityJudge extends Observer {
  private readonly limits: CheckLimits;
  private readonly invokedAt = new Map<SimOperation, number>();
  private readonly history: KeyOperation[] = [];
  private now = 0;

  constructor(limits: CheckLimits = defaultCheckLimits) {
    super();
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
    const verdict = checkLinearizability(this.history, keyspace, this.limits);
    switch (verdict.kind) {
      case 'linearizable':
        return;
      case 'unknown':
        throw new Violation(
          'LIN',
          `whether ${verdict.part.length} operations on ${keyspace.keysOf(verdict.part[0]!.input)} ` +
            `are linearizable was not found out in ${this.limits.stepsMax} steps`,
        );
      case 'not linearizable':
        throw new Violation(
          'LIN',
          'what the clients saw is not linearizable. These contradict each other, whatever all ' +
            `others did:\n${timeLine(verdict.window, keyspace)}`,
        );
    }
  }

  private add({ client, args }: SimOperation, invokedAt: number, output: string | null): void {
    // What a read might have seen constrains nothing.
    if (output === null && isRead(args)) return;
    const returnedAt = output === null ? Number.POSITIVE_INFINITY : this.now++;
    this.history.push({ client: `c${client}`, input: args, output, invokedAt, returnedAt });
  }
}
