import { assert } from '../base/assert.ts';
import type { Entry } from '../base/entry.ts';
import type { Index, Term } from '../base/ids.ts';
import { Queue } from '../base/queue.ts';
import type { LogPoint } from '../base/snapshot.ts';
import type { Reply } from '../kv/reply.ts';
import type { Request } from './request.ts';

interface Waiter {
  readonly index: Index;
  readonly term: Term;
  readonly request: Request;
}

/** What became of a request that was appended here. */
export interface WaiterOutcomes {
  /** Its own entry was applied. */
  applied(request: Request, reply: Reply): void;
  /** Another entry was committed in its place: certain never to be applied. */
  neverApplied(request: Request): void;
  /** A snapshot took the place of whatever was committed there. */
  jumpedOver(request: Request): void;
}

/**
 * The requests whose entries this node appended as a leader, by index *and* term, in the order in
 * which they were appended: ascending by (term, index), since a node appends as a leader only in
 * ever later terms.
 */
export class Waiters {
  private readonly queue = new Queue<Waiter>();
  private readonly outcomes: WaiterOutcomes;

  constructor(outcomes: WaiterOutcomes) {
    this.outcomes = outcomes;
  }

  get length(): number {
    return this.queue.length;
  }

  add(index: Index, term: Term, request: Request): void {
    const last = this.queue.length === 0 ? undefined : this.queue.at(this.queue.length - 1);
    assert(
      last === undefined || term > last.term || (term === last.term && index > last.index),
      () => `waiter (${term}, ${index}) behind (${last?.term}, ${last?.index})`,
    );
    this.queue.push({ index, term, request });
  }

  /**
   * Entry (i, t) was applied, so it is committed. A waiter for (i, t) has its result. One at or
   * before i that has not been settled lost its place to another entry. And one of a term before t
   * lost as well, wherever it is: terms never decrease along the committed log (§5.3), so nothing
   * of an earlier term can still follow.
   */
  settle(entry: Entry, reply: Reply): void {
    for (let head = this.queue.peek(); head !== undefined; head = this.queue.peek()) {
      if (head.index > entry.index && head.term >= entry.term) return;
      this.queue.shift();
      if (head.index === entry.index && head.term === entry.term) {
        this.outcomes.applied(head.request, reply);
      } else {
        this.outcomes.neverApplied(head.request);
      }
    }
  }

  /**
   * The machine has jumped to the state behind `point`, without what was applied on the way there:
   * nobody here can tell what became of a waiter up to that index. One behind it whose term is
   * earlier has lost, as in `settle`.
   */
  jump(point: LogPoint): void {
    for (let head = this.queue.peek(); head !== undefined; head = this.queue.peek()) {
      if (head.index > point.index && head.term >= point.term) return;
      this.queue.shift();
      if (head.index <= point.index) this.outcomes.jumpedOver(head.request);
      else this.outcomes.neverApplied(head.request);
    }
  }

  /** When the oldest request arrived; Infinity when there is none. */
  get oldestArrivalMs(): number {
    return this.queue.peek()?.request.arrivedMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the oldest request off: its deadline has passed, its outcome is unknown. */
  shift(): Request | undefined {
    return this.queue.shift()?.request;
  }
}
