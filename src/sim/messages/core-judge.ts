import { type Index, index, type NodeId, type Term } from '../../base/ids.ts';
import { native } from '../../base/native.ts';
import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { RaftLog } from '../../raft/log.ts';
import type { InstallSnapshot, Message } from '../../raft/messages.ts';
import type { Progress } from '../../raft/progress.ts';
import { majorityOf } from '../../raft/quorum.ts';
import type { RaftState } from '../../raft/state.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Violation } from '../observer.ts';
import type { CoreCluster } from './core-cluster.ts';
import type { CoreNode } from './core-node.ts';
import { type DurableImage, lastIndexOf, termIn } from './durable-image.ts';
import type { Witness } from './witness.ts';

interface Committed {
  readonly term: Term;
  /** The term of the leader that counted it as committed. */
  readonly inTerm: Term;
  /** Of everything up to it: the state of a machine that has applied it. NaN where the judge has not
   *  seen what was appended. */
  readonly hash: number;
}

type Judged = Pick<
  Witness,
  'started' | 'sent' | 'traced' | 'durable' | 'stepped' | 'applied' | 'snapshotTaken'
>;

/**
 * What must hold across a cluster of cores, by the numbers of SPEC.md. It sees what no node sees:
 * every durable image, every message when it leaves, and the history. What one node can see of
 * itself is judged by `raft/invariants.ts`, after each of its turns.
 */
export class CoreJudge implements Judged {
  /** The first commitment of each index; ledger[0] is index 1. */
  readonly ledger: Committed[] = [];
  private readonly cluster: CoreCluster;
  private readonly leaders = new Map<Term, NodeId>();
  private readonly grants = new Map<string, NodeId>();
  /** What stands at an index with a term, and the term before it: by induction, the whole
   *  prefix. */
  private readonly entries = new Map<string, string>();
  private readonly records = new Map<string, Uint8Array>();
  private readonly sentTerm = new Map<NodeId, Term>();

  constructor(cluster: CoreCluster) {
    this.cluster = cluster;
  }

  /** D2: no promise has been forgotten. */
  started({ id, name, image }: CoreNode): void {
    const sent = this.sentTerm.get(id) ?? 0;
    const { currentTerm, votedFor } = image.hardState;
    must(currentTerm >= sent, 'D2', () => `${name} has forgotten term ${sent}`);
    const granted = this.grants.get(voteKey(name, currentTerm));
    const remembers = granted === undefined || granted === votedFor;
    must(remembers, 'D2', () => `${name} has forgotten its vote for n${granted}`);
  }

  traced(node: CoreNode, event: TraceEvent): void {
    if (event.kind === 'role' && event.role === 'leader') this.judgeElection(node, event.term);
    if (event.kind === 'append') this.judgeAppend(node, event.from, event.to);
    if (event.kind === 'commit') this.judgeCommit(node, event.term, event.commitIndex);
  }

  /** S13: what was once committed stays on a majority of the disks. */
  durable(): void {
    const last = this.ledger.at(-1);
    if (last === undefined) return;
    const { length } = this.ledger;
    const copies = this.durableCopies(length, last.term);
    const quorum = majorityOf(this.cluster.nodes.length);
    must(copies >= quorum, 'S13', () => `${length} is left on ${copies} disks`);
  }

  /** S7, S9: its state is that behind a prefix of the ledger. */
  applied({ name, machine }: CoreNode): void {
    this.judgeState(name, machine.index, machine.hash);
  }

  /** S21: so is the state in a snapshot. */
  snapshotTaken({ name }: CoreNode, snapshot: SnapshotInfo): void {
    const { index, term } = snapshot;
    const isThere = this.ledger[index - 1]?.term === term;
    must(isThere, 'S21', () => `${name} takes a snapshot of ${index}, term ${term}`);
    this.judgeState(name, index, this.cluster.snapshots.fileOf(snapshot).hash);
  }

  private judgeState(name: string, index: number, hash: number): void {
    const expected = index === 0 ? 0 : this.ledger[index - 1]?.hash;
    must(expected !== undefined, 'S21', () => `${name} has a state of ${index}, not committed`);
    const isEqual = Number.isNaN(expected) || expected === hash;
    must(isEqual, 'S21', () => `${name} has a state of ${index} that is none of the ledger`);
  }

  /** S19, of every pair with this node in it; and S15, of what it knows if it leads. */
  stepped(node: CoreNode): void {
    const { state } = node.up;
    if (state.role === 'leader') for (const known of state.peers) this.judgeMatch(state, known);
    for (const { raft } of this.cluster.nodes) {
      if (raft === null || raft.state === state) continue;
      this.judgePair(state, raft.state);
      this.judgePair(raft.state, state);
    }
  }

  /**
   * S19: a log that would win against another (§5.4.1) has what the other's node knows to be
   * committed. That holds of a log which has come to the term that committed it: before, as in
   * Figure 8, an entry of an earlier term may be known to be committed and yet lose.
   */
  private judgePair(winner: RaftState, other: RaftState): void {
    const { commitIndex, log } = other;
    const committed = this.ledger[commitIndex - 1];
    if (committed === undefined || log.lastTerm < committed.inTerm) return;
    const { lastTerm, lastIndex } = winner.log;
    const wins =
      lastTerm > log.lastTerm || (lastTerm === log.lastTerm && lastIndex >= log.lastIndex);
    if (!wins) return;
    must(
      winner.log.matches(commitIndex, committed.term),
      'S19',
      () => `n${winner.id} would win against n${other.id}, and lacks ${commitIndex}`,
    );
  }

  /** S15, while both are in one term: later the follower may have been told to cut what matched. What
   *  rot has taken from a follower, its leader need not know before it has heard of its next life. */
  private judgeMatch(leader: RaftState, { peer, matchIndex, incarnation }: Progress): void {
    const { image, incarnation: life, name, raft } = this.cluster.node(peer);
    const { currentTerm, suspect } = image.hardState;
    if (matchIndex === 0 || currentTerm !== leader.currentTerm) return;
    if (suspect && (raft === null || incarnation !== life)) return;
    must(
      this.isSameAt(matchIndex, image, leader.log),
      'S15',
      () => `n${leader.id} takes ${name} to have ${matchIndex}, and it has ${lastIndexOf(image)}`,
    );
  }

  private judgeElection(node: CoreNode, term: Term): void {
    const { name } = node;
    const other = this.leaders.get(term) ?? node.id;
    must(other === node.id, 'S1', () => `n${other} and ${name} lead term ${term}`);
    this.leaders.set(term, node.id);
    const { log } = node.up.state;
    for (const [i, committed] of this.ledger.entries()) {
      const holds = log.matches(index(i + 1), committed.term) || committed.inTerm >= term;
      must(holds, 'S6', () => `${name} leads term ${term}, and lacks ${i + 1}`);
    }
  }

  private judgeAppend(node: CoreNode, from: Index, to: Index): void {
    const { log } = node.up.state;
    for (let at: number = from; at <= to; at++) {
      const entry = log.entryAt(index(at));
      const key = `${at} of term ${entry.term}`;
      const content = `${log.termAt(index(at - 1))} ${entry.record.join()}`;
      const isSame = (this.entries.get(key) ?? content) === content;
      must(isSame, 'S5', () => `entry ${key} of ${node.name} differs from another's`);
      this.entries.set(key, content);
      this.records.set(key, entry.record);
    }
  }

  private judgeCommit(node: CoreNode, inTerm: Term, commitIndex: Index): void {
    const { log, quorum } = node.up.state;
    const first = Math.max(1, log.base.index);
    must(first <= this.ledger.length + 1, 'S21', () => `${node.name} has ${first}, not committed`);
    for (let at = first; at <= commitIndex; at++) {
      const term = log.termAt(index(at));
      const known = this.ledger[at - 1];
      if (known !== undefined) {
        must(term === known.term, 'S7', () => `${node.name} commits another entry at ${at}`);
        continue;
      }
      this.ledger.push({ term, inTerm, hash: this.hashOf(at, term) });
      const copies = this.durableCopies(at, term);
      must(copies >= quorum, 'S12', () => `${at} is committed with ${copies} durable copies`);
      this.judgeLaterLeaders(at, term, inTerm);
    }
  }

  private hashOf(at: number, term: Term): number {
    const before = at === 1 ? 0 : this.ledger[at - 2]!.hash;
    const record = this.records.get(`${at} of term ${term}`);
    if (record === undefined || Number.isNaN(before)) return Number.NaN;
    return native.crc32(record, 0, record.length, before);
  }

  /** S6 again: something was committed in this term, and who leads a later one must have it. */
  private judgeLaterLeaders(at: number, term: Term, inTerm: Term): void {
    for (const { name, raft } of this.cluster.nodes) {
      if (raft?.role !== 'leader' || raft.currentTerm <= inTerm) continue;
      const holds = raft.state.log.matches(index(at), term);
      must(holds, 'S6', () => `${name} leads term ${raft.currentTerm}, and lacks ${at}`);
    }
  }

  /** A suspect counts with what it had before its disk rotted, and not with what it holds now: so
   *  its acknowledgements prove nothing, and once it is reinstated it must hold all that it had. */
  private durableCopies(at: number, term: Term): number {
    return this.cluster.nodes.filter(({ image, beforeRot }) => {
      const log = image.hardState.suspect ? beforeRot : image;
      // What lies behind the base is in a snapshot, of a prefix of the ledger (S21).
      return at < log.base.index || termIn(log, at) === term;
    }).length;
  }

  sent(node: CoreNode, message: Message): void {
    const { kind, term } = message;
    const { hardState } = node.image;
    const promisesNothing = kind === 'SuspectResponse' || kind === 'InstallSnapshotResponse';
    const abstains = !hardState.suspect || promisesNothing;
    must(abstains, 'D3', () => `${node.name}, a suspect, sends ${kind}`);
    const nobodyHas = kind === 'PreVote' || (kind === 'PreVoteResponse' && message.voteGranted);
    if (!nobodyHas) this.judgeTerm(node, message);
    // A promise about an earlier term may leave after a later one has begun: it binds nobody then.
    const binding = term === hardState.currentTerm;
    if (kind === 'RequestVote') this.judgeVote(node, term, node.id, binding);
    if (kind === 'RequestVoteResponse' && message.voteGranted) {
      this.judgeVote(node, term, message.to, binding);
    }
    if (kind === 'InstallSnapshot') this.judgePiece(node, message);
    const acknowledges = kind === 'AppendEntriesResponse' || kind === 'SuspectResponse';
    if (acknowledges && message.success && binding) {
      this.judgeAcknowledgement(node, message.to, term, message.matchIndex);
    }
  }

  /** D4: of the very file that it names, and that is on this node's disk. */
  private judgePiece({ name }: CoreNode, { snapshot, offset, bytes }: InstallSnapshot): void {
    const file = this.cluster.snapshots.fileOf(snapshot).bytes;
    const isTrue = bytes.every((byte, i) => byte === file[offset + i]);
    must(isTrue, 'D4', () => `${name} sends what is not in snapshot ${snapshot.id}`);
  }

  private judgeTerm({ id, name, image }: CoreNode, { kind, term }: Message): void {
    const isDurable = term <= image.hardState.currentTerm;
    must(isDurable, 'S3', () => `${name} sends ${kind} of term ${term}, which is not durable`);
    const sent = this.sentTerm.get(id);
    if (sent === undefined || sent < term) this.sentTerm.set(id, term);
  }

  private judgeVote(node: CoreNode, term: Term, candidate: NodeId, binding: boolean): void {
    const { name, image } = node;
    const key = voteKey(name, term);
    const other = this.grants.get(key) ?? candidate;
    must(other === candidate, 'S2', () => `${key} votes for n${other} and n${candidate}`);
    this.grants.set(key, candidate);
    const isDurable = !binding || image.hardState.votedFor === candidate;
    must(isDurable, 'D1', () => `${key} votes for n${candidate} before that is durable`);
  }

  private judgeAcknowledgement(node: CoreNode, to: NodeId, term: Term, upTo: Index): void {
    const { name, image } = node;
    const isDurable = upTo <= lastIndexOf(image);
    must(isDurable, 'D1', () => `${name} acknowledges ${upTo}, which is not durable`);
    const leader = this.cluster.node(to).raft;
    if (upTo === 0 || leader?.role !== 'leader' || leader.currentTerm !== term) return;
    const isEqual = this.isSameAt(upTo, image, leader.state.log);
    must(isEqual, 'S15', () => `${name} acknowledges ${upTo}, and has another entry there`);
  }

  /** Whether both have the same entry there. What lies behind a base is committed, and known to the
   *  ledger. */
  private isSameAt(at: Index, image: DurableImage, log: RaftLog): boolean {
    const committed = this.ledger[at - 1]?.term;
    const own = at < image.base.index ? committed : termIn(image, at);
    return own === (at < log.base.index ? committed : log.termAt(at));
  }
}

const voteKey = (name: string, term: Term): string => `${name} in term ${term}`;

function must(holds: boolean, invariant: string, say: () => string): asserts holds {
  if (!holds) throw new Violation(invariant, say());
}
