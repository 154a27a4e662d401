import type { Reply } from '../kv/reply.ts';

/**
 * A reply that takes more than one turn: it waits for something, or it is long work, done a slice a
 * turn so that nobody else waits for it. Meanwhile its connection runs no further command.
 */
export interface Deferred {
  /** Looks again, or does the next slice; the reply once it is there. */
  proceed(nowMs: number): Reply | null;
  /** Long work, which wants turn after turn; of all such replies of a node, one gets each. */
  readonly isWork: boolean;
  /** When a wait wants a turn at the latest, even if nothing else makes one. */
  readonly wakeAtMs: number;
  /** The client will send no more: a wait ends with what is known. */
  endWait(): void;
}

export const isDeferred = (answer: Reply | Deferred): answer is Deferred => 'proceed' in answer;

interface DeferredConnection {
  /** True when its reply is given, or nobody wants it any more. */
  proceed(nowMs: number): boolean;
  readonly deferred: Deferred | null;
}

/** The connections of one node whose replies take more than one turn, in their order. */
export class DeferredReplies<T extends DeferredConnection> {
  private waiting: T[] = [];

  get length(): number {
    return this.waiting.length;
  }

  add(connection: T): void {
    this.waiting.push(connection);
  }

  /** True when there is work left for the next turn. */
  proceed(nowMs: number): boolean {
    if (this.waiting.length === 0) return false;
    const waiting = this.waiting;
    this.waiting = []; // a connection that goes on may defer its next reply
    let worked = false;
    const still = waiting.filter((connection) => {
      const isWork = connection.deferred?.isWork === true;
      if (isWork && worked) return true;
      worked ||= isWork;
      return !connection.proceed(nowMs);
    });
    this.waiting = [...still, ...this.waiting];
    return this.waiting.some(({ deferred }) => deferred?.isWork === true);
  }

  /** Infinity when nothing waits. */
  get wakeAtMs(): number {
    let atMs = Number.POSITIVE_INFINITY;
    for (const { deferred } of this.waiting) {
      if (deferred !== null && deferred.wakeAtMs < atMs) atMs = deferred.wakeAtMs;
    }
    return atMs;
  }
}
