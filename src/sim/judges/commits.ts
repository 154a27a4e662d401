import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, type SimRecovery, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * S8: the commit index of a run never decreases, and never speaks of what no leader has committed.
 * S10: applied <= commit <= last. S11 (§5.4.2, Figure 8): by counting, a leader commits only
 * entries of its own term; those before come with them. S7, for commits: what a node takes for
 * committed is what the ledger has there.
 */
export class CommitJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By node id. */
  private readonly commitIndex: number[] = [];

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(node: SimNode, { recovered }: SimRecovery): void {
    this.commitIndex[node.id] = 0;
    this.judge(node, recovered.commitIndex);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind !== 'commit') return;
    const { commitIndex, term } = event;
    this.judge(node, commitIndex);
    if (!this.chronicle.isLeading(node, term)) return;
    const termThere = this.chronicle.of(node).log.termAt(commitIndex);
    if (termThere === term) return;
    throw new Violation(
      'S11',
      `${node.name}, the leader of term ${term}, commits entry ${commitIndex} of term ` +
        `${termThere} by counting`,
    );
  }

  override stepped(node: SimNode): void {
    const state = node.raftState;
    if (state === null) return;
    const { appliedIndex, commitIndex, log } = state;
    if (appliedIndex <= commitIndex && commitIndex <= log.lastIndex) return;
    throw new Violation(
      'S10',
      `${node.name} has applied ${appliedIndex}, knows ${commitIndex} to be committed, and has a ` +
        `log up to ${log.lastIndex}`,
    );
  }

  private judge(node: SimNode, commitIndex: number): void {
    const before = this.commitIndex[node.id] ?? 0;
    if (commitIndex < before) {
      throw new Violation('S8', `${node.name} commits ${commitIndex} after ${before}`);
    }
    this.commitIndex[node.id] = commitIndex;
    const { ledger } = this.chronicle;
    const { log } = this.chronicle.of(node);
    if (log.sharesPrefix(ledger, commitIndex)) return;
    throw new Violation(
      'S7',
      `${node.name} takes its log up to ${commitIndex} for committed, but it is not what was ` +
        'committed there first',
    );
  }
}
