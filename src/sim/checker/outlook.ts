import type { Fact, Model, Operation } from './history.ts';

/**
 * Which facts are still to be seen, and whether anything left can make them true. A configuration in
 * which an answered operation, not yet in the order, needs a fact that does not hold, and that none
 * of the operations left may bring about, leads nowhere: the last value that a read must see was
 * overwritten, say. Without this the search learns of it only when nothing else fits before the
 * return of that read, and by then has tried all that else could be done in the meantime.
 */
export class Outlook<S, I, O> {
  private readonly model: Model<S, I, O>;
  private readonly facts: Fact[] = [];
  /** By fact: how many of the required operations that are left need it. */
  private readonly needed: number[] = [];
  /** By fact: how many of the operations that are left may bring it about. */
  private readonly bringers: number[] = [];
  /** By operation: the facts it needs. Empty for an optional one. */
  private readonly needs: number[][];
  /** By operation: the facts it may bring about. */
  private readonly brings: number[][];
  /** By operation: the facts about its keys. Only these can it make worse. */
  private readonly near: number[][];

  /** @param operations required ones, those with an output, and optional ones. */
  constructor(operations: readonly Operation<I, O>[], model: Model<S, I, O>) {
    this.model = model;
    const byKey = new Map<string, Map<string | null, number>>();
    const numberOf = (fact: Fact): number => {
      const values = byKey.get(fact.key) ?? new Map<string | null, number>();
      byKey.set(fact.key, values);
      const number = values.get(fact.value) ?? this.facts.length;
      values.set(fact.value, number);
      if (number === this.facts.length) this.facts.push(fact);
      return number;
    };
    this.needs = operations.map(({ input, output }) =>
      output === null ? [] : model.needs(input, output).map(numberOf),
    );
    this.near = operations.map(({ input }) =>
      model.keysOf(input).flatMap((key) => [...(byKey.get(key)?.values() ?? [])]),
    );
    this.brings = operations.map(({ input, output }, at) =>
      this.near[at]!.filter((fact) => model.mayBring(input, output, this.facts[fact]!)),
    );
    this.needed.push(...this.facts.map(() => 0));
    this.bringers.push(...this.facts.map(() => 0));
    for (const at of operations.keys()) this.putBack(at);
  }

  /** The operation is no longer among those left. */
  take(operation: number): void {
    for (const fact of this.needs[operation]!) this.needed[fact]!--;
    for (const fact of this.brings[operation]!) this.bringers[fact]!--;
  }

  putBack(operation: number): void {
    for (const fact of this.needs[operation]!) this.needed[fact]!++;
    for (const fact of this.brings[operation]!) this.bringers[fact]!++;
  }

  /** Whether, in this state, a fact that is needed has no way to come. */
  isHopeless(state: S): boolean {
    return this.facts.some((_, fact) => this.isLost(fact, state));
  }

  /** The same, where it was not so before this operation was taken, and led to this state. */
  hasBecomeHopeless(operation: number, state: S): boolean {
    return this.near[operation]!.some((fact) => this.isLost(fact, state));
  }

  private isLost(fact: number, state: S): boolean {
    if (this.needed[fact] === 0 || this.bringers[fact]! > 0) return false;
    return !this.model.holds(state, this.facts[fact]!);
  }
}
