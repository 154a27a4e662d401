import { NO_SEQUENCE, type WalSequence } from '../base/ids.ts';
import { Queue } from '../base/queue.ts';
import type { PromiseMessage } from '../raft/effects.ts';

/**
 * The second outbox: messages that promise something, held back until what they promise is durable
 * (§5.2; invariant D1). Sequences only grow, so the oldest messages are always the first to go.
 */
export class Promises {
  private readonly held = new Queue<{
    readonly after: WalSequence;
    readonly messages: readonly PromiseMessage[];
  }>();
  private durable = NO_SEQUENCE;
  private readonly send: (message: PromiseMessage) => void;

  constructor(send: (message: PromiseMessage) => void) {
    this.send = send;
  }

  hold(after: WalSequence, messages: readonly PromiseMessage[]): void {
    if (messages.length === 0) return;
    this.held.push({ after, messages });
    this.release();
  }

  persisted(sequence: WalSequence): void {
    this.durable = sequence;
    this.release();
  }

  private release(): void {
    for (let head = this.held.peek(); head !== undefined && head.after <= this.durable; ) {
      for (const message of head.messages) this.send(message);
      this.held.shift();
      head = this.held.peek();
    }
  }
}
