import type { Entry } from '../../base/entry.ts';
import type { Outcome } from '../../client/call.ts';
import type { Reply } from '../../kv/reply.ts';
import { Observer, type SimNode, type SimOperation, Violation } from '../observer.ts';
import { isRead } from '../reference/commands.ts';
import { replyText, respText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';

/** All operations with the same words: clients that say the same can't be told apart in the log. */
interface Wording {
  asked: number;
  /** Of which those that the client was told were never applied. */
  denied: number;
  /** Entries that carry it. */
  applied: number;
  /** What those entries answered, and nobody has been told yet. */
  untold: string[];
}

/**
 * R5, true answers: a reply is that of an entry which carries the command; what a client was told
 * was never applied never is; and there is nothing in the log that nobody has asked for, or more of
 * it than was asked for. Only for commands that may change something: clients repeat reads freely.
 */
export class AnswerJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly wordings = new Map<string, Wording>();
  private judgedTo = 0;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override invoked({ args }: SimOperation): void {
    if (!isRead(args)) this.of(this.chronicle.keyOf(args)).asked++;
  }

  override applied(node: SimNode, entry: Entry, reply: Reply): void {
    if (entry.index <= this.judgedTo) return;
    this.judgedTo = entry.index;
    const words = this.chronicle.commands[entry.index] ?? null;
    if (words === null || isRead(words)) return;
    const wording = this.of(this.chronicle.commandKeys[entry.index]!);
    wording.applied++;
    wording.untold.push(replyText(reply));
    this.judgeCount(words, wording, () => `${node.name} applies entry ${entry.index}`);
  }

  override returned({ args, id }: SimOperation, outcome: Outcome): void {
    if (isRead(args)) return;
    const wording = this.of(this.chronicle.keyOf(args));
    switch (outcome.kind) {
      case 'reply':
        this.judgeReply(args, wording, respText(outcome.value), id);
        return;
      case 'refused':
        // By the state machine, or at the door: then there is no entry.
        this.tell(wording, `-${outcome.text}`);
        return;
      case 'unavailable':
        wording.denied++;
        this.judgeCount(args, wording, () => `operation ${id} is denied: ${outcome.reason}`);
        return;
      default:
        return;
    }
  }

  private judgeReply(args: readonly string[], wording: Wording, text: string, id: number): void {
    if (this.tell(wording, text)) return;
    throw new Violation(
      'R5',
      `operation ${id}, ${args.join(' ')}, is answered with ${text}, but no entry that carries ` +
        `it answered so (${wording.applied} were applied, untold: ${wording.untold.join(', ')})`,
    );
  }

  private judgeCount(words: readonly string[], wording: Wording, when: () => string): void {
    const { applied, asked, denied } = wording;
    if (applied <= asked - denied) return;
    throw new Violation(
      'R5',
      `${when()}: ${words.join(' ')} was asked for ${asked} times, of which ${denied} were said to ` +
        `be never applied, and it is in the log ${applied} times`,
    );
  }

  private tell(wording: Wording, text: string): boolean {
    const at = wording.untold.indexOf(text);
    if (at >= 0) wording.untold.splice(at, 1);
    return at >= 0;
  }

  private of(key: string): Wording {
    let wording = this.wordings.get(key);
    if (wording === undefined) {
      wording = { asked: 0, denied: 0, applied: 0, untold: [] };
      this.wordings.set(key, wording);
    }
    return wording;
  }
}
