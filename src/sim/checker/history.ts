/** What one client asked once, and what came of it. */
export interface Operation<I, O> {
  readonly client: string;
  readonly input: I;
  /** Null where the client never learned of it: it may have taken effect, at any time after it was
   *  asked, or never. An operation that certainly took no effect is left out of the history. */
  readonly output: O | null;
  /** On one clock, or in one order of events, for all clients. */
  readonly invokedAt: number;
  /** Infinity where the output is null. */
  readonly returnedAt: number;
}

/** What is under one key. */
export interface Fact {
  readonly key: string;
  /** Null: nothing. */
  readonly value: string | null;
}

/** What the clients believe to talk to: one object, one operation after the other. */
export interface Model<S, I, O> {
  /** States are immutable, and never null. */
  readonly initial: S;
  /** The state after the operation, or null where it can't have this output in this state. With an
   *  output of null, any output will do. */
  step(state: S, input: I, output: O | null): S | null;
  /** Whether an operation with this output left things as they were, whatever they were: a read, a
   *  compare-and-set that failed. (A write of what was there already might come later as well, and
   *  then change something.) */
  changesNothing(input: I, output: O): boolean;
  /** What must hold right before an operation that has this output. None is always right: a fact
   *  that is left out costs time only. */
  needs(input: I, output: O): readonly Fact[];
  holds(state: S, fact: Fact): boolean;
  /** Whether the operation, which touches the key of the fact, may make it hold. True is always
   *  right. With an output of null, by any output. */
  mayBring(input: I, output: O | null, fact: Fact): boolean;
  /** Equal for equal states, and for no others. */
  fingerprint(state: S): string;
  /** The objects it touches. Operations that share none can't disturb each other, so each group of
   *  objects that operations connect is checked for itself. */
  keysOf(input: I): readonly string[];
  describe(input: I, output: O | null): string;
}

/** The operation as it is to somebody who never heard of its end. */
export function weakened<I, O>(operation: Operation<I, O>): Operation<I, O> {
  return { ...operation, output: null, returnedAt: Number.POSITIVE_INFINITY };
}

/** The history in parts that don't touch the same keys, in the order of their first operations. */
export function components<I, O>(
  history: readonly Operation<I, O>[],
  keysOf: (input: I) => readonly string[],
): Operation<I, O>[][] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let up = parents.get(root); up !== undefined; up = parents.get(root)) root = up;
    if (root !== key) parents.set(key, root);
    return root;
  };
  for (const { input } of history) {
    const [first, ...others] = keysOf(input);
    for (const other of others) {
      const [a, b] = [rootOf(first!), rootOf(other)];
      if (a !== b) parents.set(b, a);
    }
  }
  const parts = new Map<string, Operation<I, O>[]>();
  for (const operation of history) {
    const [key] = keysOf(operation.input);
    if (key === undefined) continue;
    const root = rootOf(key);
    const part = parts.get(root);
    if (part === undefined) parts.set(root, [operation]);
    else part.push(operation);
  }
  return [...parts.values()];
}
