import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * D3, a damaged node abstains: one that has lost of what it promised, and found out at a start,
 * neither votes nor asks for votes, and nobody counts on it (S12), until a leader that has
 * committed an entry of its own term has replicated to it everything up to the end of its log. Then
 * nothing that it may once have acknowledged, and that was committed, is missing any more: from
 * here on it is sound again.
 *
 * D5, fail-stop: between its end and its next start nothing comes from a node, whatever ended it.
 */
export class DamageJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** What the log of a damaged node was good for before. */
  private readonly before = new Map<SimNode, { readonly index: number; readonly prefix: number }>();
  private readonly silent = new Set<SimNode>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override damaged(node: SimNode): void {
    if (this.before.has(node)) return;
    const { log } = this.chronicle.of(node).image;
    this.before.set(node, { index: log.lastIndex, prefix: log.prefixAt(log.lastIndex) });
  }

  override started(node: SimNode): void {
    this.silent.delete(node);
    const before = this.before.get(node);
    if (!node.damage.log || before === undefined) return;
    if (this.chronicle.of(node).log.prefixAt(before.index) === before.prefix)
      this.becomeSound(node);
    else this.chronicle.abstaining.add(node);
  }

  override stopped(node: SimNode): void {
    this.silent.add(node);
  }

  override sent(node: SimNode, message: Message): void {
    this.judgeSilence(node, message.kind);
    if (!this.chronicle.abstaining.has(node)) return;
    const isVote =
      message.kind === 'PreVote' ||
      message.kind === 'RequestVote' ||
      ((message.kind === 'PreVoteResponse' || message.kind === 'RequestVoteResponse') &&
        message.voteGranted);
    if (!isVote) return;
    throw new Violation(
      'D3',
      `${node.name} has lost entries that it had promised, and still takes part in the election ` +
        `of term ${message.term} (${message.kind})`,
    );
  }

  override traced(node: SimNode, event: TraceEvent): void {
    this.judgeSilence(node, event.kind);
  }

  override applied(node: SimNode): void {
    this.judgeSilence(node, 'an entry applied');
  }

  override stepped(): void {
    for (const node of this.chronicle.abstaining) {
      if (this.hasEverything(node)) this.becomeSound(node);
    }
  }

  private hasEverything(node: SimNode): boolean {
    const { ledger, leaders } = this.chronicle;
    const leader = leaders.get(ledger.lastTerm);
    if (leader === undefined || !this.chronicle.isLeading(leader, ledger.lastTerm)) return false;
    const { log } = this.chronicle.of(leader);
    return this.chronicle.of(node).image.log.sharesPrefix(log, log.lastIndex);
  }

  private becomeSound(node: SimNode): void {
    this.chronicle.abstaining.delete(node);
    this.before.delete(node);
    node.damage.log = false;
  }

  private judgeSilence(node: SimNode, what: string): void {
    if (this.silent.has(node))
      throw new Violation('D5', `${what} comes from ${node.name}, which ended`);
  }
}
