import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode, type SimRecovery, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/** What a node has promised to others, and a start must still know. */
interface Promised {
  term: number;
  /** In `term`; 0 for nobody. */
  votedFor: number;
  /** Entries up to here were acknowledged last, and not cut since. */
  index: number;
  /** The hash of the log up to there. */
  prefix: number;
}

/**
 * D2, recovery keeps promises: what a start finds is what the judges' own reading of the same bytes
 * finds, and it has every promise that the node ever made: its terms, its vote, the entries that it
 * acknowledged, unless a later leader made it cut them. Nodes that the fault plan has robbed are
 * the business of damaged.ts.
 */
export class RecoveryJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly promised = new Map<SimNode, Promised>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override sent(node: SimNode, message: Message): void {
    switch (message.kind) {
      case 'RequestVote':
        this.voted(node, message.term, node.id);
        return;
      case 'RequestVoteResponse':
        this.voted(node, message.term, message.voteGranted ? message.to : 0);
        return;
      case 'AppendEntriesResponse':
        this.voted(node, message.term, 0);
        if (message.success) this.acknowledged(node, message.term, message.matchIndex);
        return;
      default:
        return;
    }
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind === 'snapshot') this.beginsAnew(node, event.index);
    else if (event.kind === 'truncate' && event.from <= this.of(node).index) {
      this.standsFor(node, event.from - 1);
    }
  }

  /** What it had acknowledged beyond that, a later leader made it drop. */
  private standsFor(node: SimNode, index: number): void {
    const promised = this.of(node);
    promised.index = Math.min(promised.index, index);
    promised.prefix = this.chronicle.of(node).log.prefixAt(promised.index);
  }

  /** A snapshot takes the place of the log. Until that is durable a crash leaves the log as it was, so
   *  the node stands for nothing but what both have in common. */
  private beginsAnew(node: SimNode, index: number): void {
    const { log, image } = this.chronicle.of(node);
    let common = Math.min(this.of(node).index, index);
    while (image.log.prefixAt(common) !== log.prefixAt(common)) common--;
    this.standsFor(node, common);
  }

  override started(node: SimNode, recovery: SimRecovery): void {
    this.judgeReading(node, recovery);
    const promised = this.of(node);
    const { currentTerm, votedFor } = recovery.state;
    if (!node.damage.lost && currentTerm < promised.term) {
      throw new Violation(
        'D2',
        `${node.name} starts in term ${currentTerm}, after ${promised.term}`,
      );
    }
    const forgot =
      currentTerm === promised.term && promised.votedFor !== 0 && votedFor !== promised.votedFor;
    if (!node.damage.lost && forgot) {
      throw new Violation(
        'D2',
        `${node.name} has voted for node ${promised.votedFor} in term ${currentTerm}, and now ` +
          `takes it to have been for node ${votedFor}`,
      );
    }
    const { log } = this.chronicle.of(node);
    if (node.damage.lost || log.prefixAt(promised.index) === promised.prefix) return;
    if (node.damage.log) {
      // What is gone is gone: until it is whole, the node stands for the rest alone (D3).
      promised.index = Math.min(promised.index, log.lastIndex);
      promised.prefix = log.prefixAt(promised.index);
      return;
    }
    throw new Violation(
      'D2',
      `${node.name} starts with a log up to ${log.lastIndex}, but has acknowledged ` +
        `${promised.index}, or another entry there`,
    );
  }

  /** The storage and the judges have read the same bytes. */
  private judgeReading(node: SimNode, { recovered, state }: SimRecovery): void {
    const { image } = this.chronicle.of(node);
    const { log } = image;
    const runs = recovered.termRuns;
    const isSameLog =
      recovered.lastIndex === log.lastIndex &&
      log.termAt(recovered.base.index) === recovered.base.term &&
      runs.every(({ from, term }, i) => {
        const end = (runs[i + 1]?.from ?? recovered.lastIndex + 1) - 1;
        return log.termAt(from) === term && log.termAt(end) === term;
      });
    if (!isSameLog) {
      throw new Violation(
        'D2',
        `${node.name} recovers a log up to ${recovered.lastIndex}; read by the judges, the same ` +
          `disk has one up to ${log.lastIndex} of term ${log.lastTerm}`,
      );
    }
    for (const slot of image.hardStates) {
      if (slot?.term === state.currentTerm && slot.votedFor === state.votedFor) continue;
      throw new Violation(
        'D2',
        `${node.name} recovers term ${state.currentTerm} and a vote for node ${state.votedFor}, ` +
          `but not both slots say so: ${slot === null ? 'bad' : `${slot.term}, ${slot.votedFor}`}`,
      );
    }
  }

  private voted(node: SimNode, term: number, candidate: number): void {
    const promised = this.of(node);
    if (term < promised.term) return;
    if (term > promised.term) promised.votedFor = 0;
    promised.term = term;
    if (candidate !== 0) promised.votedFor = candidate;
  }

  private acknowledged(node: SimNode, term: number, index: number): void {
    const { image, log } = this.chronicle.of(node);
    // Of an acknowledgement of an earlier term, what it spoke of may have been cut since, or be
    // about to be cut.
    if (image.hardStates.some((slot) => slot !== null && slot.term > term)) return;
    const promised = this.of(node);
    if (index < promised.index || !image.log.sharesPrefix(log, index)) return;
    promised.index = index;
    promised.prefix = log.prefixAt(index);
  }

  private of(node: SimNode): Promised {
    let promised = this.promised.get(node);
    if (promised === undefined) {
      promised = {
        term: 0,
        votedFor: 0,
        index: 0,
        prefix: this.chronicle.of(node).log.prefixAt(0),
      };
      this.promised.set(node, promised);
    }
    return promised;
  }
}
