import type { TraceEvent } from '../../raft/trace.ts';
import {
  type DurableChange,
  Observer,
  type SimNode,
  type SimRecovery,
  Violation,
} from '../observer.ts';
import type { Chronicle, NodeRecord } from './chronicle.ts';

/**
 * S12: at the moment when a leader commits an entry, the durable images of a majority have it. S13
 * and S14: from then on they always do, so that every quorum has a node that would still know it
 * after a loss of power everywhere. Nodes whose log the fault plan has destroyed are beyond
 * reproach, and count as if they had it: the plan answers for them. But where a leader that knows
 * of a suspect commits something anew, the suspect does not count, whatever it has (D3).
 */
export class CommittedDurableJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** Some image may have become less than it was. */
  private isDue = false;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(_node: SimNode, _recovery: SimRecovery): void {
    this.isDue = true;
  }

  override stopped(): void {
    this.isDue = true;
  }

  override durable(_node: SimNode, _change: DurableChange): void {
    this.isDue = true;
  }

  override directory(): void {
    this.isDue = true;
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind === 'commit' && this.chronicle.isLeading(node, event.term)) {
      const what = () => `${node.name} commits ${event.commitIndex} in term ${event.term}`;
      this.judge('S12', what, node);
    }
  }

  override stepped(): void {
    if (!this.isDue) return;
    this.isDue = false;
    this.judge('S13', () => `${this.chronicle.ledger.lastIndex} was committed once`, null);
  }

  private judge(invariant: 'S12' | 'S13', what: () => string, leader: SimNode | null): void {
    const { records, majority } = this.chronicle;
    let have = 0;
    for (const record of records) if (!this.lacks(record, leader)) have++;
    if (have >= majority) return;
    const missing = records.filter((record) => this.lacks(record, leader));
    const ends = missing.map(({ node, image }) => {
      const { lastIndex, lastTerm } = image.log;
      return `${node.name} (up to ${lastIndex} of term ${lastTerm})`;
    });
    throw new Violation(
      invariant,
      `${what()}, but a loss of power now would leave it on fewer than a majority: ` +
        `it is missing on ${ends.join(', ')}`,
    );
  }

  /** Whether something that is committed is missing there. */
  private lacks({ node, image }: NodeRecord, leader: SimNode | null): boolean {
    const { log, lost } = node.damage;
    if (leader?.raftState?.peer(node.id)?.standing === 'suspect') return true;
    if (log || lost) return false;
    const { ledger } = this.chronicle;
    return !image.log.sharesPrefix(ledger, ledger.lastIndex);
  }
}
