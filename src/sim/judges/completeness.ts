import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle, NodeRecord } from './chronicle.ts';

/**
 * S6, leader completeness (§5.4.3): what is committed is in the log of every later leader. S19: a
 * log that is at least as up-to-date as another (§5.4.1) has everything that the other's node knows
 * to be committed. That holds of a log which has come to the term that committed it: before, as in
 * Figure 8, an entry of an earlier term may be known to be committed and yet lose.
 */
export class CompletenessJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** Nodes whose log or commit index has changed in this step. */
  private readonly changed = new Set<SimNode>();
  /** By index: the term in which it was committed first. */
  private readonly committedIn: number[] = [0];

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(node: SimNode): void {
    this.changed.add(node);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    switch (event.kind) {
      case 'append':
      case 'truncate':
      case 'snapshot':
        this.changed.add(node);
        return;
      case 'role':
        if (event.role === 'leader') this.judgeLeader(node, event.term);
        return;
      case 'commit':
        this.changed.add(node);
        this.judgeGrowth(event.term);
        return;
      default:
        return;
    }
  }

  override stepped(): void {
    if (this.changed.size === 0) return;
    for (const node of this.changed) {
      for (const other of this.chronicle.records) {
        if (other.node === node) continue;
        this.judgePair(this.chronicle.of(node), other);
        this.judgePair(other, this.chronicle.of(node));
      }
    }
    this.changed.clear();
  }

  private judgeLeader(node: SimNode, term: number): void {
    const { ledger } = this.chronicle;
    const { log } = this.chronicle.of(node);
    if (log.sharesPrefix(ledger, ledger.lastIndex)) return;
    throw new Violation(
      'S6',
      `${node.name} leads term ${term} without everything up to ${ledger.lastIndex}, ` +
        'which is committed',
    );
  }

  /** Something was committed in this term: who leads a later one must have it already. */
  private judgeGrowth(term: number): void {
    const { ledger, records } = this.chronicle;
    if (ledger.lastIndex < this.committedIn.length) return;
    while (this.committedIn.length <= ledger.lastIndex) this.committedIn.push(term);
    for (const { node } of records) {
      const state = node.raftState;
      if (state?.role === 'leader' && state.currentTerm > term) {
        this.judgeLeader(node, state.currentTerm);
      }
    }
  }

  private judgePair(a: NodeRecord, b: NodeRecord): void {
    const committed = b.node.raftState?.commitIndex ?? 0;
    if (committed === 0 || a.node.raftState === null) return;
    if (b.log.lastTerm < this.committedIn[committed]!) return;
    const isUpToDate =
      a.log.lastTerm > b.log.lastTerm ||
      (a.log.lastTerm === b.log.lastTerm && a.log.lastIndex >= b.log.lastIndex);
    if (!isUpToDate || a.log.sharesPrefix(b.log, committed)) return;
    throw new Violation(
      'S19',
      `the log of ${a.node.name}, up to ${a.log.lastIndex} of term ${a.log.lastTerm}, is as ` +
        `up-to-date as that of ${b.node.name}, but lacks something up to ${committed}, which ` +
        'is committed',
    );
  }
}
