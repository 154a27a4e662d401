import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, type SimRecovery, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/**
 * What may become of a log while its node runs. S4: a leader only appends. S5, log matching (§5.3):
 * two logs with an entry of the same term at the same index are the same up to there. S17: a node
 * removes nothing that it knows to be committed, and nothing that then comes again, nor drops a log
 * for a snapshot that it goes on from. S18: terms
 * never decrease along a log, and none is later than the node's own.
 */
export class LogJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By term, then by index: the one hash of everything up to there. */
  private readonly seen = new Map<number, Map<number, number>>();
  /** By node id: the index and term of the first entry that was removed, until another takes its
   *  place. */
  private readonly removed: ({ readonly index: number; readonly term: number } | null)[] = [];
  /** By node id: as far as its log was looked at. */
  private readonly checkedTo: number[] = [];
  /** By node id: the terms of the log, to know what a truncation removed. */
  private readonly terms: number[][] = [];

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override started(node: SimNode, _recovery: SimRecovery): void {
    const { log } = this.chronicle.of(node);
    this.checkedTo[node.id] = 0;
    this.removed[node.id] = null;
    this.terms[node.id] = [0];
    this.check(node, log.lastIndex);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind === 'append') {
      this.appended(node, event.from, event.to, event.term);
    } else if (event.kind === 'truncate') {
      this.truncated(node, event.from, event.term);
    } else if (event.kind === 'snapshot') {
      this.reset(node, event.index, event.snapshotTerm, event.term);
    }
  }

  private appended(node: SimNode, from: number, to: number, currentTerm: number): void {
    const { log } = this.chronicle.of(node);
    const removed = this.removed[node.id] ?? null;
    if (removed?.index === from && removed.term === log.termAt(from)) {
      throw new Violation(
        'S17',
        `${node.name} removed entry ${from} of term ${removed.term} only to append it again`,
      );
    }
    this.removed[node.id] = null;
    for (let index = from; index <= to; index++) {
      if (log.termAt(index) <= currentTerm && log.termAt(index) >= log.termAt(index - 1)) continue;
      throw new Violation(
        'S18',
        `${node.name}, in term ${currentTerm}, has entry ${index} of term ${log.termAt(index)} ` +
          `behind one of term ${log.termAt(index - 1)}`,
      );
    }
    this.check(node, to);
  }

  private truncated(node: SimNode, from: number, term: number): void {
    if (this.chronicle.isLeading(node, term)) {
      throw new Violation('S4', `${node.name} leads term ${term} and removes entry ${from}`);
    }
    const commitIndex = node.raftState?.commitIndex ?? 0;
    if (from <= commitIndex) {
      throw new Violation(
        'S17',
        `${node.name} removes entry ${from}, but knows ${commitIndex} to be committed`,
      );
    }
    const terms = this.terms[node.id]!;
    this.removed[node.id] = { index: from, term: terms[from] ?? -1 };
    terms.length = Math.min(terms.length, from);
    this.checkedTo[node.id] = Math.min(this.checkedTo[node.id]!, from - 1);
  }

  /** §7: only where the log does not hold what the snapshot covers, for what follows it may have been
   *  acknowledged. */
  private reset(node: SimNode, index: number, snapshotTerm: number, term: number): void {
    if (this.chronicle.isLeading(node, term)) {
      throw new Violation('S4', `${node.name} leads term ${term} and drops its log`);
    }
    if (this.terms[node.id]![index] === snapshotTerm) {
      throw new Violation(
        'S17',
        `${node.name} drops its log for a snapshot at entry ${index} of term ${snapshotTerm}, ` +
          'which that log holds',
      );
    }
    this.removed[node.id] = null;
    this.terms[node.id] = [0];
    this.checkedTo[node.id] = 0;
    this.check(node, index);
  }

  private check(node: SimNode, to: number): void {
    const { log } = this.chronicle.of(node);
    const terms = this.terms[node.id]!;
    for (let index = this.checkedTo[node.id]! + 1; index <= to; index++) {
      const term = log.termAt(index);
      const prefix = log.prefixAt(index);
      terms[index] = term;
      const seen = this.seenIn(term);
      const known = seen.get(index);
      if (known === undefined) seen.set(index, prefix);
      else if (known !== prefix) {
        throw new Violation(
          'S5',
          `entry ${index} of term ${term} is in two logs that differ at it or before: ` +
            `one is that of ${node.name}`,
        );
      }
    }
    this.checkedTo[node.id] = Math.max(this.checkedTo[node.id]!, to);
  }

  private seenIn(term: number): Map<number, number> {
    let seen = this.seen.get(term);
    if (seen === undefined) {
      seen = new Map();
      this.seen.set(term, seen);
    }
    return seen;
  }
}
