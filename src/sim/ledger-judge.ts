import type { Entry } from '../base/entry.ts';
import type { TraceEvent } from '../raft/trace.ts';
import { Observer, type SimNode, Violation } from './observer.ts';

/** The cheapest judge: one leader a term (S1), and one history that all apply (S7, S22). */
export class LedgerJudge extends Observer {
  private readonly leaders = new Map<number, string>();
  private readonly ledger: { term: number; hash: number }[] = [];

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind !== 'role' || event.role !== 'leader') return;
    const other = this.leaders.get(event.term);
    if (other !== undefined && other !== node.name) {
      throw new Violation('S1', `${other} and ${node.name} both lead term ${event.term}`);
    }
    this.leaders.set(event.term, node.name);
  }

  override applied(node: SimNode, entry: Entry): void {
    const known = this.ledger[entry.index - 1];
    const hash = node.machine?.hash() ?? 0;
    if (known === undefined) {
      this.ledger.push({ term: entry.term, hash });
    } else if (known.term !== entry.term) {
      const what = `${node.name} applies ${entry.index} of term ${entry.term}`;
      throw new Violation('S7', `${what}; the ledger has one of term ${known.term} there`);
    } else if (known.hash !== hash) {
      throw new Violation('S22', `${node.name} is in another state behind ${entry.index}`);
    }
  }
}
