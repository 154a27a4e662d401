import assert from 'node:assert/strict';
import { type Index, index, type NodeId, type Term } from '../../src/base/ids.ts';
import type { Message } from '../../src/raft/messages.ts';
import type { TraceEvent } from '../../src/raft/trace.ts';
import type { Harness, TestNode, Witness } from './harness.ts';

interface Committed {
  readonly term: Term;
  /** The term of the leader that counted it as committed. */
  readonly inTerm: Term;
}

/**
 * What must hold across the cluster (RELIABILITY §3.1, §3.2). It sees what no node sees: every
 * durable image, every message when it leaves, and the history.
 */
export class Judge implements Witness {
  /** The first commitment of each index; ledger[0] is index 1. */
  readonly ledger: Committed[] = [];
  readonly coverage = new Map<string, number>();
  private readonly harness: Harness;
  private readonly leaders = new Map<Term, NodeId>();
  private readonly grants = new Map<string, NodeId>();
  /** What stands at an index with a term, and the term before it: by induction, the whole
   *  prefix. */
  private readonly entries = new Map<string, string>();
  private readonly sentTerm = new Map<NodeId, Term>();

  constructor(harness: Harness) {
    this.harness = harness;
    harness.witness = this;
  }

  count(what: string): void {
    this.coverage.set(what, (this.coverage.get(what) ?? 0) + 1);
  }

  onTrace(node: TestNode, event: TraceEvent): void {
    this.count(event.kind === 'role' ? `role ${event.role}: ${event.reason}` : event.kind);
    if (event.kind === 'role' && event.role === 'leader') this.judgeElection(node, event.term);
    if (event.kind === 'append') this.judgeAppend(node, event.from, event.to);
    if (event.kind === 'commit') this.judgeCommit(node, event.term, event.commitIndex);
  }

  private judgeElection(node: TestNode, term: Term): void {
    const other = this.leaders.get(term);
    assert(other === undefined || other === node.id, `S1: ${other} and ${node.id} lead ${term}`);
    this.leaders.set(term, node.id);
    const { log } = node.up.state;
    for (const [i, committed] of this.ledger.entries()) {
      const holds = log.matches(index(i + 1), committed.term);
      assert(holds || committed.inTerm >= term, `S6: leader ${node.id} of ${term} lacks ${i + 1}`);
    }
  }

  private judgeAppend(node: TestNode, from: Index, to: Index): void {
    const { log } = node.up.state;
    for (let at: number = from; at <= to; at++) {
      const entry = log.entryAt(index(at));
      const key = `${at} of term ${entry.term}`;
      const content = `${log.termAt(index(at - 1))} ${entry.record.join()}`;
      assert.equal(this.entries.get(key) ?? content, content, `S5: entry ${key} differs`);
      this.entries.set(key, content);
    }
  }

  private judgeCommit(node: TestNode, inTerm: Term, commitIndex: Index): void {
    const { log, quorum } = node.up.state;
    for (let at = 1; at <= commitIndex; at++) {
      const term = log.termAt(index(at));
      const known = this.ledger[at - 1];
      if (known !== undefined) {
        assert.equal(term, known.term, `S7: node ${node.id} commits another entry at ${at}`);
        continue;
      }
      this.ledger.push({ term, inTerm });
      const durable = this.durableCopies(at, term);
      assert(durable >= quorum, `S12: ${at} is committed with ${durable} durable copies`);
    }
  }

  /** A suspect counts with what it had before its disk rotted, and not with what it holds now: so
   *  its acknowledgements prove nothing, and once it is reinstated it must hold all that it had. */
  private durableCopies(at: number, term: Term): number {
    return this.harness.nodes.filter(({ image, beforeRot }) => {
      const entries = image.hardState.suspect ? beforeRot : image.entries;
      return entries[at - 1]?.term === term;
    }).length;
  }

  /** S13: what was once committed stays on a majority of the disks. */
  onDurable(): void {
    const last = this.ledger.at(-1);
    if (last === undefined) return;
    const copies = this.durableCopies(this.ledger.length, last.term);
    const quorum = Math.floor(this.harness.nodes.length / 2) + 1;
    assert(copies >= quorum, `S13: ${this.ledger.length} is left on ${copies} disks`);
  }

  onSend(node: TestNode, message: Message): void {
    const { hardState, entries } = node.image;
    const abstains = !hardState.suspect || message.kind === 'SuspectResponse';
    assert(abstains, `D3: suspect ${node.id} sends ${message.kind}`);
    const nobodyHas =
      message.kind === 'PreVote' || (message.kind === 'PreVoteResponse' && message.voteGranted);
    if (!nobodyHas) {
      assert(message.term <= hardState.currentTerm, `S3: ${message.kind} of ${message.term} sent`);
      const sent = this.sentTerm.get(node.id);
      if (sent === undefined || sent < message.term) this.sentTerm.set(node.id, message.term);
    }
    // A promise about an earlier term may leave after a later one has begun: it binds nobody then.
    const binding = message.term === hardState.currentTerm;
    if (message.kind === 'RequestVote') this.judgeVote(node, message.term, node.id, binding);
    if (message.kind === 'RequestVoteResponse' && message.voteGranted) {
      this.judgeVote(node, message.term, message.to, binding);
    }
    const acknowledges =
      message.kind === 'AppendEntriesResponse' || message.kind === 'SuspectResponse';
    if (!acknowledges || !message.success || !binding) return;
    const { matchIndex } = message;
    assert(matchIndex <= entries.length, `D1: ${node.id} acknowledges ${matchIndex}, not durable`);
    const leader = this.harness.node(message.to).raft;
    if (matchIndex === 0 || leader?.role !== 'leader' || leader.currentTerm !== message.term)
      return;
    const { term } = entries[matchIndex - 1]!;
    assert.equal(
      term,
      leader.termAt(matchIndex),
      `S15: ${node.id} has another entry ${matchIndex}`,
    );
  }

  private judgeVote(node: TestNode, term: Term, candidate: NodeId, binding: boolean): void {
    const key = `${node.id} in ${term}`;
    const other = this.grants.get(key) ?? candidate;
    assert.equal(other, candidate, `S2: node ${key} votes for ${other} and ${candidate}`);
    this.grants.set(key, candidate);
    const durable = !binding || node.image.hardState.votedFor === candidate;
    assert(durable, `D1: node ${key} votes for ${candidate} before that is durable`);
  }

  /** D2, at a start: no promise has been forgotten. */
  judgeStart(node: TestNode): void {
    const sent = this.sentTerm.get(node.id) ?? 0;
    const { currentTerm, votedFor } = node.image.hardState;
    assert(currentTerm >= sent, `D2: node ${node.id} forgot term ${sent}`);
    const granted = this.grants.get(`${node.id} in ${currentTerm}`);
    assert(granted === undefined || granted === votedFor, `D2: node ${node.id} forgot its vote`);
  }
}
