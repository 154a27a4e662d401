import type { NodeId } from '../../base/ids.ts';
import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * S1, election safety (§5.2): at most one node wins a term. S2: a node gives its vote in a term to
 * at most one candidate, itself included, over all its runs. A vote counts once it was said: one
 * that a crash took back before anybody heard of it was none.
 */
export class ElectionJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By node: what it said last, which is of the highest term. */
  private readonly votes = new Map<NodeId, Map<number, NodeId>>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind !== 'role' || event.role !== 'leader') return;
    const winner = this.chronicle.leaders.get(event.term)!;
    if (winner === node) return;
    throw new Violation('S1', `${winner.name} and ${node.name} both won term ${event.term}`);
  }

  override sent(node: SimNode, message: Message): void {
    if (message.kind === 'RequestVote') this.vote(node, message.term, node.id);
    else if (message.kind === 'RequestVoteResponse' && message.voteGranted) {
      this.vote(node, message.term, message.to);
    }
  }

  private vote(node: SimNode, term: number, candidate: NodeId): void {
    let votes = this.votes.get(node.id);
    if (votes === undefined) {
      votes = new Map();
      this.votes.set(node.id, votes);
    }
    const other = votes.get(term);
    if (other === undefined) {
      votes.set(term, candidate);
    } else if (other !== candidate && !node.damage.lost) {
      throw new Violation(
        'S2',
        `in term ${term}, ${node.name} voted for node ${other} and for node ${candidate}`,
      );
    }
  }
}
