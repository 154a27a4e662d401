import { assert } from '../../base/assert.ts';
import { BitSet } from './bit-set.ts';
import type { Model, Operation } from './history.ts';
import { Outlook } from './outlook.ts';

export type Answer = 'linearizable' | 'not linearizable' | 'unknown';

/** One operation that the search has put behind those before it. */
interface Frame<S> {
  /** A node of `calls`, or, from `firstOptional` on, an optional operation. */
  readonly choice: number;
  /** The state before it. */
  readonly state: S;
  /** Nothing else had to be tried in its place. */
  readonly forced: boolean;
}

const NONE = -1;

/**
 * The search of Wing and Gong (1993) for an order of the operations that the model allows and that
 * keeps what was over before something else began; with Lowe's memoisation (2017) of the
 * configurations that were tried, a set of operations and the state after them.
 *
 * The calls and returns stand in one doubly linked list, in the order of time. What may come next
 * is any call before the first return; an operation that is put next is *lifted* out of the list,
 * and *unlifted* on the way back. Five things keep it short, none of which changes the answer:
 *
 * - An operation that may come next, and by its output changes nothing, comes next: any order that
 *   has it later also works with it moved to the front, since nobody notices.
 * - Operations of unknown outcome need not happen. So they are no part of the list; they are tried
 *   last, and only where they change something.
 * - Of two of those with the same input, the one that was asked first comes first: it may do
 *   whatever the other may.
 * - What leaves no way to an answer that some operation got leads nowhere (outlook.ts).
 * - Of two configurations that differ only in which of those have been used, the one that has used
 *   more can do nothing that the other can't.
 */
export class Search<S, I, O> {
  /** How many times the model was asked. */
  steps = 0;
  private readonly model: Model<S, I, O>;
  /** What has an output, in the order of invocation: it must be part of the order. */
  private readonly required: readonly Operation<I, O>[];
  private readonly optional: readonly Operation<I, O>[];
  /** By the index in `optional`: the one before with the same input, or NONE. */
  private readonly twinBefore: readonly number[];
  /** By the index in `required`: whether it changes nothing. */
  private readonly isIdle: readonly boolean[];
  // The list. Node 2i is the call of required[i], 2i + 1 its return; `head` stands before all.
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly head: number;

  private state: S;
  private left: number;
  private readonly linearized: BitSet;
  private readonly used: BitSet;
  private readonly outlook: Outlook<S, I, O>;
  private readonly stack: Frame<S>[] = [];
  private readonly tried = new Map<string, Uint32Array[]>();
  /** Where to look for the next choice at this level: a node, or NONE and then `cursorOptional`. */
  private cursor: number;
  private cursorOptional = 0;
  private after: S;

  constructor(history: readonly Operation<I, O>[], model: Model<S, I, O>) {
    const byCall = [...history].sort((a, b) => a.invokedAt - b.invokedAt);
    this.model = model;
    this.required = byCall.filter(({ output }) => output !== null);
    this.optional = byCall.filter(({ output }) => output === null);
    this.twinBefore = twins(this.optional);
    this.isIdle = this.required.map(({ input, output }) => model.changesNothing(input, output!));
    this.state = this.after = model.initial;
    this.left = this.required.length;
    this.linearized = new BitSet(this.required.length);
    this.used = new BitSet(this.optional.length);
    this.outlook = new Outlook([...this.required, ...this.optional], model);
    this.head = 2 * this.required.length;
    this.next = new Int32Array(this.head + 1).fill(NONE);
    this.previous = new Int32Array(this.head + 1).fill(NONE);
    this.link();
    this.cursor = this.next[this.head]!;
  }

  run(stepsMax: number): Answer {
    if (this.outlook.isHopeless(this.state)) return 'not linearizable';
    this.takeForced();
    while (this.left > 0) {
      if (this.steps > stepsMax) return 'unknown';
      const choice = this.nextChoice();
      if (choice === NONE) {
        if (!this.backtrack()) return 'not linearizable';
        continue;
      }
      this.take(choice, this.after, false);
      if (this.outlook.hasBecomeHopeless(this.operationOf(choice), this.state)) {
        this.backtrack();
        continue;
      }
      this.takeForced();
      if (!this.isNew()) this.backtrack();
    }
    return 'linearizable';
  }

  private link(): void {
    const { required } = this;
    const timeOf = (node: number) => {
      const operation = required[node >>> 1]!;
      return isCall(node) ? operation.invokedAt : operation.returnedAt;
    };
    // Events of the same time are concurrent: calls first.
    const nodes = Array.from({ length: this.head }, (_, node) => node);
    nodes.sort((a, b) => timeOf(a) - timeOf(b) || (a & 1) - (b & 1) || a - b);
    let last = this.head;
    for (const node of nodes) {
      this.next[last] = node;
      this.previous[node] = last;
      last = node;
    }
  }

  /** What may come next at this level and was not tried yet; the state after it is in `after`. */
  private nextChoice(): number {
    for (let node = this.cursor; node !== NONE; node = this.next[node]!) {
      if (!isCall(node)) {
        this.cursor = node;
        return this.nextOptional(this.required[node >>> 1]!.returnedAt);
      }
      const after = this.step(this.state, this.required[node >>> 1]!);
      if (after === null) continue;
      this.after = after;
      return node;
    }
    return NONE;
  }

  private nextOptional(firstReturn: number): number {
    const { optional, used, state } = this;
    for (let at = this.cursorOptional; at < optional.length; at++) {
      const operation = optional[at]!;
      if (operation.invokedAt > firstReturn) break;
      const twin = this.twinBefore[at]!;
      if (used.has(at) || (twin !== NONE && !used.has(twin))) continue;
      const after = this.step(state, operation);
      assert(after !== null, () => 'any output will do, yet the model refuses the operation');
      if (after === state || this.isOverwritten(operation, after)) continue;
      this.after = after;
      return this.firstOptional + at;
    }
    return NONE;
  }

  /** Whether the last choice was an optional operation that leaves no trace behind this one. */
  private isOverwritten(operation: Operation<I, O>, after: S): boolean {
    const last = this.stack[this.stack.length - 1];
    if (last === undefined || last.choice < this.firstOptional) return false;
    const without = this.step(last.state, operation)!;
    return this.model.fingerprint(without) === this.model.fingerprint(after);
  }

  /** Puts everything next that may come next and changes nothing. */
  private takeForced(): void {
    let node = this.next[this.head]!;
    while (node !== NONE && isCall(node)) {
      const fits =
        this.isIdle[node >>> 1]! && this.step(this.state, this.required[node >>> 1]!) !== null;
      if (fits) this.take(node, this.state, true);
      // With its return gone as well, more may stand in front of the first one.
      node = fits ? this.next[this.head]! : this.next[node]!;
    }
    this.cursor = this.next[this.head]!;
    this.cursorOptional = 0;
  }

  private take(choice: number, after: S, forced: boolean): void {
    this.stack.push({ choice, state: this.state, forced });
    this.state = after;
    this.outlook.take(this.operationOf(choice));
    if (choice >= this.firstOptional) {
      this.used.add(choice - this.firstOptional);
    } else {
      this.linearized.add(choice >>> 1);
      this.left--;
      this.unlink(choice);
      this.unlink(choice + 1);
    }
  }

  /** Back to the last choice that had alternatives, and on to the next of them. */
  private backtrack(): boolean {
    for (let frame = this.stack.pop(); frame !== undefined; frame = this.stack.pop()) {
      const { choice } = frame;
      this.state = frame.state;
      this.outlook.putBack(this.operationOf(choice));
      if (choice >= this.firstOptional) {
        this.used.delete(choice - this.firstOptional);
        this.cursor = this.firstReturn();
        this.cursorOptional = choice - this.firstOptional + 1;
      } else {
        this.linearized.delete(choice >>> 1);
        this.left++;
        this.relink(choice + 1);
        this.relink(choice);
        this.cursor = this.next[choice]!;
        this.cursorOptional = 0;
      }
      if (!frame.forced) return true;
    }
    return false;
  }

  /** Whether this configuration was not tried yet, nor one that could do more. */
  private isNew(): boolean {
    const key = `${this.linearized.fingerprint()}|${this.model.fingerprint(this.state)}`;
    const before = this.tried.get(key);
    if (before === undefined) {
      this.tried.set(key, [this.used.copy()]);
      return true;
    }
    for (const used of before) if (this.used.isSuperset(used)) return false;
    before.push(this.used.copy());
    return true;
  }

  private firstReturn(): number {
    let node = this.next[this.head]!;
    while (isCall(node)) node = this.next[node]!;
    return node;
  }

  private step(state: S, { input, output }: Operation<I, O>): S | null {
    this.steps++;
    return this.model.step(state, input, output);
  }

  private unlink(node: number): void {
    const [before, behind] = [this.previous[node]!, this.next[node]!];
    this.next[before] = behind;
    if (behind !== NONE) this.previous[behind] = before;
  }

  private relink(node: number): void {
    const [before, behind] = [this.previous[node]!, this.next[node]!];
    this.next[before] = node;
    if (behind !== NONE) this.previous[behind] = node;
  }

  /** Its number in the outlook: the required ones come first. */
  private operationOf(choice: number): number {
    const { firstOptional, required } = this;
    return choice >= firstOptional ? required.length + choice - firstOptional : choice >>> 1;
  }

  private get firstOptional(): number {
    return this.head + 1;
  }
}

function twins<I, O>(operations: readonly Operation<I, O>[]): number[] {
  const last = new Map<string, number>();
  return operations.map(({ input }, at) => {
    const key = JSON.stringify(input);
    const before = last.get(key) ?? NONE;
    last.set(key, at);
    return before;
  });
}

function isCall(node: number): boolean {
  return (node & 1) === 0;
}
