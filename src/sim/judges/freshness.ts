import type { Entry } from '../../base/entry.ts';
import type { Outcome } from '../../client/call.ts';
import { Observer, type SimNode, type SimOperation, Violation } from '../observer.ts';
import { execute, inCapitals, isRead, keysOf, type Store } from '../reference/commands.ts';
import { respText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';

/** A key's value from this index on, to the next version. */
interface Version {
  readonly index: number;
  /** Undefined: it was deleted. */
  readonly value: string | undefined;
}

/**
 * R1, freshness: a read returns the state behind some entry at or after every one that had been
 * acknowledged, or read, when it was invoked; by the true order of events, whatever the clocks of
 * the nodes say. Unlike the linearizability checker, it knows the log, so it sees a stale read at
 * once.
 */
export class FreshnessJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly versions = new Map<string, Version[]>();
  /** By the words of a change: the last entry that carries them. */
  private readonly lastEntry = new Map<string, number>();
  /** Somebody has seen the state behind this entry. */
  private seenIndex = 0;
  /** By operation: `seenIndex` when it was invoked. */
  private readonly floors = new Map<number, number>();
  private appliedIndex = 0;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override applied(_node: SimNode, entry: Entry): void {
    if (entry.index <= this.appliedIndex) return;
    this.appliedIndex = entry.index;
    const words = this.chronicle.commands[entry.index] ?? null;
    if (words === null || isRead(words)) return;
    execute(this.storeAt(entry.index), words);
    const key = this.chronicle.commandKeys[entry.index]!;
    // Only where one entry alone carries the words is it clear which one was acknowledged.
    this.lastEntry.set(key, this.lastEntry.has(key) ? 0 : entry.index);
  }

  override invoked({ id, args }: SimOperation): void {
    if (isSimpleRead(args)) this.floors.set(id, this.seenIndex);
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    if (outcome.kind !== 'reply') return;
    if (isSimpleRead(operation.args)) {
      this.judge(operation, respText(outcome.value));
    } else if (!isRead(operation.args)) {
      const index = this.lastEntry.get(this.chronicle.keyOf(operation.args)) ?? 0;
      this.seenIndex = Math.max(this.seenIndex, index);
    }
  }

  private judge({ id, args }: SimOperation, text: string): void {
    const floor = this.floors.get(id) ?? 0;
    const versions = this.versions.get(keysOf(args)[0]!) ?? [];
    for (let at = versions.length - 1; at >= -1; at--) {
      const { index, value } = versions[at] ?? { index: 0, value: undefined };
      const isIt = text === (value === undefined ? '(nil)' : `$${value}`);
      // The first that could be it is the youngest, and proves no more than its own index.
      if (isIt) {
        this.seenIndex = Math.max(this.seenIndex, this.oldestWith(versions, at, value, floor));
        return;
      }
      if (index <= floor) break;
    }
    throw new Violation(
      'R1',
      `operation ${id}, ${args.join(' ')}, returns ${text}, which was no state of the key behind ` +
        `entry ${floor} (seen by somebody before it was asked) or any of those up to ` +
        `${this.appliedIndex}`,
    );
  }

  /** The same value may have been there before, and again: the oldest that the read may mean. */
  private oldestWith(
    versions: readonly Version[],
    youngest: number,
    value: string | undefined,
    floor: number,
  ): number {
    let oldest = youngest;
    for (let at = youngest; at >= 0 && versions[at]!.index > floor; at--) {
      if (versions[at - 1]?.value === value) oldest = at - 1;
    }
    return versions[oldest]?.index ?? 0;
  }

  private storeAt(index: number): Store {
    const put = (key: string, value: string | undefined) => {
      const versions = this.versions.get(key);
      if (versions === undefined) this.versions.set(key, [{ index, value }]);
      else versions.push({ index, value });
    };
    return {
      get: (key) => this.versions.get(key)?.at(-1)?.value,
      set: put,
      delete: (key) => put(key, undefined),
    };
  }
}

function isSimpleRead(args: readonly string[]): boolean {
  return inCapitals(args[0]!) === 'GET';
}
