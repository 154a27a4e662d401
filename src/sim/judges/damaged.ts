import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, type SimRecovery, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * D3, a damaged node abstains: a start that finds less than was there before the fault plan struck
 * makes the node a suspect, and a suspect neither votes nor asks for votes. When it is reinstated it
 * has everything that was committed when its run began: so nothing that it may once have
 * acknowledged, and that was committed with its help, is missing any more.
 *
 * D5, fail-stop: between its end and its next start nothing comes from a node, whatever ended it.
 */
export class DamageJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** What the log of a damaged node was good for before. */
  private readonly before = new Map<SimNode, { readonly index: number; readonly prefix: number }>();
  /** By suspect: what was committed when its run began. */
  private readonly committedBefore = new Map<SimNode, number>();
  private readonly silent = new Set<SimNode>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override damaged(node: SimNode): void {
    if (this.before.has(node)) return;
    const { image, log } = this.chronicle.of(node);
    let index = image.log.lastIndex;
    // What a later leader has made it cut is on the disk until that is durable.
    while (!image.log.sharesPrefix(log, index)) index--;
    this.before.set(node, { index, prefix: log.prefixAt(index) });
  }

  override started(node: SimNode, { state }: SimRecovery): void {
    const { abstaining, ledger } = this.chronicle;
    const { log } = this.chronicle.of(node);
    this.silent.delete(node);
    const before = this.before.get(node);
    const isShorter = before !== undefined && log.prefixAt(before.index) !== before.prefix;
    this.before.delete(node);
    if (state.suspect) {
      // What can't be read at a start is as good as destroyed, even if the disk only said so once.
      node.damage.log = true;
      abstaining.add(node);
      this.committedBefore.set(node, ledger.lastIndex);
    } else if (isShorter && !node.damage.lost) {
      throw new Violation(
        'D3',
        `${node.name} had a log up to ${before.index} before it was damaged, starts with one up to ` +
          `${log.lastIndex}, and does not suspect itself`,
      );
    } else {
      abstaining.delete(node);
      node.damage.log = false;
    }
  }

  override stopped(node: SimNode): void {
    this.silent.add(node);
  }

  override sent(node: SimNode, message: Message): void {
    this.judgeSilence(node, message.kind);
    if (!this.chronicle.abstaining.has(node)) return;
    const { kind } = message;
    const counts =
      kind === 'PreVote' ||
      kind === 'RequestVote' ||
      (kind === 'PreVoteResponse' && message.voteGranted) ||
      (kind === 'RequestVoteResponse' && message.voteGranted) ||
      (kind === 'AppendEntriesResponse' && message.success);
    if (!counts) return;
    throw new Violation(
      'D3',
      `${node.name} is a suspect, and says ${kind} in term ${message.term}`,
    );
  }

  override traced(node: SimNode, event: TraceEvent): void {
    this.judgeSilence(node, event.kind);
    if (event.kind === 'reinstated') this.reinstated(node);
    else if (event.kind === 'truncate') this.cut(node, event.from);
    else if (event.kind === 'snapshot') this.reset(node, event.index);
  }

  override applied(node: SimNode): void {
    this.judgeSilence(node, 'an entry applied');
  }

  /** What a later leader made it cut was not lost. */
  private cut(node: SimNode, from: number): void {
    const before = this.before.get(node);
    if (before === undefined || before.index < from) return;
    this.reset(node, from - 1);
  }

  /** Nor was what a snapshot has taken the place of. */
  private reset(node: SimNode, kept: number): void {
    const before = this.before.get(node);
    if (before === undefined) return;
    const index = Math.min(before.index, kept);
    this.before.set(node, { index, prefix: this.chronicle.of(node).log.prefixAt(index) });
  }

  private reinstated(node: SimNode): void {
    const { abstaining, ledger } = this.chronicle;
    const committed = this.committedBefore.get(node) ?? 0;
    abstaining.delete(node);
    // Damaged once more meanwhile: the next start will see it.
    if (this.chronicle.hasHole(node)) return;
    const { log } = this.chronicle.of(node).image;
    if (!log.sharesPrefix(ledger, committed)) {
      throw new Violation(
        'D3',
        `${node.name} is reinstated with a log up to ${log.lastIndex}, without all that was ` +
          `committed when it started, up to ${committed}`,
      );
    }
    node.damage.log = false;
  }

  private judgeSilence(node: SimNode, what: string): void {
    if (!this.silent.has(node)) return;
    throw new Violation('D5', `${what} comes from ${node.name}, which ended`);
  }
}
