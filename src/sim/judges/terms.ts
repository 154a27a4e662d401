import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, type SimRecovery, Violation } from '../observer.ts';

/**
 * S3, terms only grow (§5.1): in memory, from message to message, and over a restart. What a
 * message says must be durable as well: that part is the business of promises.ts.
 */
export class TermJudge extends Observer {
  /** By node id. */
  private readonly current: number[] = [];
  private readonly said: number[] = [];

  override started(node: SimNode, { state }: SimRecovery): void {
    const said = this.said[node.id] ?? 0;
    if (state.currentTerm < said && !node.damage.lost) {
      throw new Violation(
        'S3',
        `${node.name} starts in term ${state.currentTerm}, but has spoken in term ${said}`,
      );
    }
    this.current[node.id] = state.currentTerm;
  }

  override traced(node: SimNode, event: TraceEvent): void {
    const current = this.current[node.id] ?? 0;
    if (event.term < current || (event.kind === 'term' && event.term === current)) {
      throw new Violation('S3', `${node.name} goes from term ${current} to ${event.term}`);
    }
    this.current[node.id] = event.term;
  }

  override sent(node: SimNode, message: Message): void {
    // A pre-vote names a term that nobody has, and so does its grant (dissertation §9.6).
    if (message.kind === 'PreVote') return;
    if (message.kind === 'PreVoteResponse' && message.voteGranted) return;
    if (message.term > (this.said[node.id] ?? 0)) this.said[node.id] = message.term;
  }
}
