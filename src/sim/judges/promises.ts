import type { AppendEntriesResponse, Message, SuspectResponse } from '../../raft/messages.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * D1, persist before you promise (§5.2, Figure 2): at the instant when a message leaves, a loss of
 * power must not make it untrue. Of the hard state either slot may be all that survives, so both
 * have to say it, but for one that the fault plan has destroyed.
 *
 * - any message: its term, but for pre-votes, which name a term that nobody has
 * - RequestVote: the vote for oneself; a vote granted: that vote
 * - AppendEntries accepted up to i, by a suspect too: the log up to i, and the same as the leader's
 *
 * What was promised in an earlier term than the node is in by now needs no vote and no log any
 * more: the later term is durable, and forbids to act on it.
 */
export class PromiseJudge extends Observer {
  private readonly chronicle: Chronicle;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override sent(node: SimNode, message: Message): void {
    switch (message.kind) {
      case 'PreVote':
        return;
      case 'PreVoteResponse':
        if (!message.voteGranted) this.judgeHardState(node, message, 0);
        return;
      case 'RequestVote':
        this.judgeHardState(node, message, node.id);
        return;
      case 'RequestVoteResponse':
        this.judgeHardState(node, message, message.voteGranted ? message.to : 0);
        return;
      case 'AppendEntriesResponse':
      case 'SuspectResponse':
        this.judgeHardState(node, message, 0);
        if (message.success) this.judgeAcknowledgement(node, message);
        return;
      default:
        this.judgeHardState(node, message, 0);
        return;
    }
  }

  /** @param votedFor 0 where the message is no vote. */
  private judgeHardState(node: SimNode, message: Message, votedFor: number): void {
    let good = 0;
    for (const slot of this.chronicle.of(node).image.hardStates) {
      if (slot === null) continue;
      const isTrue =
        slot.term > message.term ||
        (slot.term === message.term && (votedFor === 0 || slot.votedFor === votedFor));
      if (!isTrue) {
        throw new Violation(
          'D1',
          `${node.name} sends ${message.kind} of term ${message.term} to node ${message.to}, but ` +
            `a loss of power could leave term ${slot.term} and a vote for node ${slot.votedFor}`,
        );
      }
      good++;
    }
    if (good === 2 || (good === 1 && node.damage.hardState)) return;
    throw new Violation(
      'D1',
      `${node.name} sends ${message.kind} of term ${message.term}, but only ${good} of the two ` +
        'slots of its hard state would survive a loss of power',
    );
  }

  private judgeAcknowledgement(
    node: SimNode,
    message: AppendEntriesResponse | SuspectResponse,
  ): void {
    const { image } = this.chronicle.of(node);
    const { term, matchIndex } = message;
    if (this.chronicle.hasHole(node)) return;
    if (image.hardStates.some((slot) => slot !== null && slot.term > term)) return;
    if (image.log.lastIndex < matchIndex) {
      throw new Violation(
        'D1',
        `${node.name} acknowledges entries up to ${matchIndex} in term ${term}, but a loss of ` +
          `power would leave it those up to ${image.log.lastIndex}`,
      );
    }
    const leader = this.chronicle.leaders.get(term);
    if (leader === undefined || !this.chronicle.isLeading(leader, term)) return;
    if (image.log.sharesPrefix(this.chronicle.of(leader).log, matchIndex)) return;
    throw new Violation(
      'D1',
      `${node.name} acknowledges entries up to ${matchIndex} in term ${term}, but they are not ` +
        `those of ${leader.name}, which leads it`,
    );
  }
}
