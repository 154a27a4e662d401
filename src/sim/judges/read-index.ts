import type { Entry } from '../../base/entry.ts';
import type { Outcome } from '../../client/call.ts';
import type { Reply } from '../../kv/reply.ts';
import { Observer, type SimNode, type SimOperation, Violation } from '../observer.ts';
import { isRead } from '../reference/commands.ts';
import { keyOfWords, normalized, replyText, respText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';

/** An entry that carries a read, applied, and not yet taken for the answer to anybody. */
interface Applied {
  readonly index: number;
  readonly text: string;
}

/**
 * R3, as long as all reads go through the log: a read's own entry is its read index. So whoever is
 * answered, is answered by an entry that carries the read, was applied before the answer (lastApplied
 * >= readIndex), and stands behind all that had been applied anywhere when the read was asked for.
 * An entry answers one read only: what clients send again makes more entries, not fewer.
 */
export class ReadIndexJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By the words of a read, ascending by index. */
  private readonly untold = new Map<string, Applied[]>();
  /** By operation: what had been applied when it was invoked. */
  private readonly floors = new Map<number, number>();
  private appliedIndex = 0;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override applied(_node: SimNode, entry: Entry, reply: Reply): void {
    if (entry.index <= this.appliedIndex) return;
    this.appliedIndex = entry.index;
    const words = this.chronicle.commands[entry.index] ?? null;
    if (words === null || !isRead(words)) return;
    const key = keyOfWords(normalized(words));
    const applied = { index: entry.index, text: replyText(reply) };
    const same = this.untold.get(key);
    if (same === undefined) this.untold.set(key, [applied]);
    else same.push(applied);
  }

  override invoked({ args, id }: SimOperation): void {
    if (isRead(args)) this.floors.set(id, this.appliedIndex);
  }

  override returned({ args, id }: SimOperation, outcome: Outcome): void {
    const floor = this.floors.get(id);
    this.floors.delete(id);
    if (floor === undefined || outcome.kind !== 'reply') return;
    const text = respText(outcome.value);
    const untold = this.untold.get(keyOfWords(normalized(args))) ?? [];
    // The oldest that it may be: the others are left to those who asked later.
    const at = untold.findIndex((each) => each.index > floor && each.text === text);
    if (at >= 0) {
      untold.splice(at, 1);
      return;
    }
    throw new Violation(
      'R3',
      `operation ${id}, ${args.join(' ')}, is answered with ${text}, but no entry behind ${floor} ` +
        `that carries it was applied and answered so (applied up to ${this.appliedIndex})`,
    );
  }
}
