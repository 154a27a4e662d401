import { bytesOf } from '../../base/bytes.ts';
import { EntryType, unsealedRecord } from '../../base/entry.ts';
import { INDEX_ZERO, nodeId } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import type { Message } from '../../raft/messages.ts';
import type { EventLog } from '../event-log.ts';
import { Violation } from '../observer.ts';
import { CoreCluster } from './core-cluster.ts';
import { CoreCoverage } from './core-coverage.ts';
import { CoreJudge } from './core-judge.ts';
import { CoreLog } from './core-log.ts';
import { applyPersist, type CoreNode } from './core-node.ts';
import type { Witness } from './witness.ts';

type Action =
  | 'deliver'
  | 'duplicate'
  | 'lose'
  | 'persist'
  | 'pass'
  | 'propose'
  | 'crash'
  | 'rot'
  | 'start'
  | 'cut'
  | 'isolate'
  | 'heal'
  | 'connect'
  | 'gone'
  | 'transfer'
  | 'read'
  | 'apply';

/** How often each thing happens. Every seed draws its own, so that some runs are all partitions and
 *  others all crashes. */
type Weights = Readonly<Record<Action, number>>;

/** One random run: anything may happen at any step. Throws when something forbidden does. */
export class Torture {
  readonly cluster: CoreCluster;
  readonly coverage = new CoreCoverage();
  /** How many entries leaders were asked to append. */
  proposals = 0;
  /** By node: its last acknowledgement. */
  private readonly acknowledged = new Map<CoreNode, Message>();
  private readonly log: CoreLog;
  private readonly random: Prng;
  private readonly weights: Weights;
  private readonly total: number;
  /** Messages are taken from anywhere in the queue, or (as TCP would) from its front. */
  private readonly reorders: boolean;

  constructor(seed: number, log: EventLog) {
    this.random = new Prng(seed);
    const nodes = this.pick([1, 3, 3, 3, 3, 5, 5, 7]);
    this.cluster = new CoreCluster({
      nodes,
      seed,
      limits: {
        logWindowBytesMax: this.pick([0, 300, 100_000]),
        appendEntriesBytesMax: this.pick([60, 500, 100_000]),
        inflightMessagesMax: this.pick([1, 3, 64]),
        inflightBytesMax: this.pick([100, 1000, 1_000_000]),
      },
      firstConfiguration: this.random.chance(0.5) ? bytesOf('members') : null,
    });
    this.log = new CoreLog(this.cluster, log);
    const { acknowledged } = this;
    const remember: Partial<Witness> = {
      sent(node, message) {
        const isIt = message.kind === 'AppendEntriesResponse' && message.success;
        if (isIt) acknowledged.set(node, message);
      },
    };
    this.cluster.witnesses.push(this.log, this.coverage, new CoreJudge(this.cluster), remember);
    this.reorders = this.random.chance(0.5);
    this.weights = this.drawWeights();
    this.total = Object.values(this.weights).reduce((sum, weight) => sum + weight, 0);
    for (const node of this.cluster.nodes) this.cluster.start(node.id);
  }

  private drawWeights(): Weights {
    const upTo = (most: number) => (this.random.chance(0.3) ? 0 : this.random.float() * most);
    return {
      deliver: 60,
      duplicate: upTo(6),
      lose: upTo(10),
      persist: 4 + this.random.float() * 30,
      pass: 10 + this.random.float() * 40,
      propose: 5 + this.random.float() * 10,
      crash: upTo(1.5),
      rot: upTo(0.8),
      start: 1.5,
      cut: upTo(1.5),
      isolate: upTo(1),
      heal: upTo(2),
      connect: upTo(4),
      gone: upTo(2),
      transfer: upTo(2),
      read: 8,
      apply: 8,
    };
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)]!;
  }

  private anyNode(): CoreNode {
    return this.pick(this.cluster.nodes);
  }

  step(): void {
    let at = this.random.float() * this.total;
    for (const [action, weight] of Object.entries(this.weights)) {
      at -= weight;
      if (at >= 0) continue;
      this.actions[action as Action](this.anyNode());
      return;
    }
  }

  private readonly actions: Readonly<Record<Action, (node: CoreNode) => void>> = {
    deliver: () => this.cluster.deliverAt(this.place()),
    duplicate: () => this.cluster.duplicateAt(this.place()),
    lose: () => this.cluster.loseAt(this.place()),
    persist: ({ id, raft }) => {
      if (raft !== null) this.cluster.persist(id, 1 + this.random.below(3));
    },
    pass: () => this.passTime(),
    propose: () => this.propose(),
    crash: (node) => this.crash(node),
    rot: (node) => this.rot(node),
    start: (node) => this.start(node),
    cut: (node) => this.cut(node, this.anyNode()),
    isolate: (node) => this.isolate(node),
    heal: () => this.heal(),
    connect: (node) => this.connect(node, this.anyNode()),
    gone: (node) => this.processGone(node, this.anyNode()),
    transfer: () => this.transfer(),
    read: (node) => this.answerRead(node),
    apply: ({ id, raft }) => {
      if (raft !== null) this.cluster.act(id, (each) => each.applied(each.commitIndex));
    },
  };

  private place(): number {
    return this.reorders ? this.random.below(this.cluster.messages.length) : 0;
  }

  private transfer(): void {
    const { cluster } = this;
    const to = this.random.chance(0.5) ? null : nodeId(this.anyNode().id);
    for (const leader of cluster.leaders()) {
      cluster.act(leader, (raft) => raft.transferLeadership(cluster.nowMs, to));
    }
  }

  private answerRead({ id, raft, reads }: CoreNode): void {
    if (raft === null || reads.length === 0) return;
    // Fewer than asked for, or none at all: the read failed.
    this.cluster.answerRead(id, this.random.below(4));
  }

  private cut(from: CoreNode, to: CoreNode): void {
    if (from === to) return;
    this.cluster.cutLinks.add(`${from.id}>${to.id}`);
    this.did(from, 'one-way cut', `is cut off from ${to.name}, one way`);
  }

  private isolate(node: CoreNode): void {
    this.cluster.isolate(node.id);
    this.did(node, 'isolation', 'is isolated');
  }

  private heal(): void {
    this.cluster.heal();
    this.did(null, 'network healed', 'no link is cut any more');
  }

  private did(node: CoreNode | null, what: string, line: string): void {
    this.coverage.count(what);
    this.log.did(node?.name ?? '  ', line);
  }

  private passTime(): void {
    const { cluster, random } = this;
    cluster.nowMs += random.chance(0.02) ? random.below(2000) : random.below(60);
    for (const { id, raft } of cluster.nodes) {
      const ticks = raft !== null && raft.nextTickMs <= cluster.nowMs && random.chance(0.9);
      if (ticks) cluster.act(id, (each) => each.tick(cluster.nowMs));
    }
  }

  private propose(): void {
    const { cluster, random } = this;
    const leaders = cluster.leaders();
    if (leaders.length === 0) return;
    cluster.act(this.pick(leaders), (raft) => {
      for (let i = random.below(3); i >= 0; i--) {
        const record = unsealedRecord(random.bytes(random.below(60)));
        this.proposals++;
        raft.propose(cluster.nowMs, EntryType.Command, record);
      }
    });
  }

  /** Of what was not durable yet, any beginning may have reached the disk: even half a request. */
  private crash(node: CoreNode): void {
    if (node.raft === null) return;
    const { random } = this;
    const kept = random.below(node.persists.length + 1);
    const next = node.persists[kept];
    this.cluster.crash(node.id, kept);
    if (next === undefined) return;
    const parts = random.below(4);
    if (parts > 0) this.did(node, 'crash within a request to the disk', 'has begun one more');
    applyPersist(node.image, {
      sequence: next.sequence,
      hardState: parts >= 1 ? next.hardState : null,
      truncateFrom: parts >= 2 ? next.truncateFrom : INDEX_ZERO,
      entries: parts >= 3 ? next.entries.slice(0, random.below(next.entries.length + 1)) : [],
      commitIndex: node.image.commitIndex,
    });
  }

  /** A node crashes, and its next start finds rot. Fewer than a majority are suspects at a time: who
   *  else could make them whole? */
  private rot(node: CoreNode): void {
    const { nodes } = this.cluster;
    const suspects = nodes.filter((each) => each !== node && each.image.hardState.suspect).length;
    if (suspects + 1 > (nodes.length - 1) / 2) return;
    this.crash(node);
    this.cluster.rot(node.id, this.random.below(node.image.entries.length + 1));
  }

  /** What it acknowledged in an earlier life may arrive only now, when it may be true no more. */
  private start(node: CoreNode): void {
    if (node.raft !== null) return;
    this.cluster.start(node.id);
    const said = this.acknowledged.get(node);
    if (said === undefined || !this.reorders) return;
    this.did(node, 'word of an earlier life', 'is heard once more from before its start');
    this.cluster.repeat(said);
  }

  private connect(node: CoreNode, to: CoreNode): void {
    if (node.raft === null || to.raft === null || node === to) return;
    const { cluster } = this;
    this.did(node, 'connection', `has a stream to ${to.name}`);
    cluster.act(node.id, (raft) => raft.peerConnected(cluster.nowMs, to.id, to.incarnation));
  }

  private processGone(node: CoreNode, peer: CoreNode): void {
    if (node.raft === null || node === peer) return;
    const { cluster } = this;
    this.did(node, 'process gone', `finds the process of ${peer.name} gone`);
    cluster.act(node.id, (raft) => raft.peerProcessGone(cluster.nowMs, peer.id, peer.incarnation));
  }

  /** Faults stop; within a bound, one leader stands, and every log is the same and committed. */
  converge(): void {
    const { cluster } = this;
    this.heal();
    for (const node of cluster.nodes) this.start(node);
    cluster.reconnect();
    // Some rounds for what was under way: a leader of that moment may yet be unseated.
    for (let round = 0; round < 100 && !(this.hasConverged() && round > 10); round++) {
      cluster.run(50);
    }
    const leader = cluster.leaders()[0];
    if (leader === undefined) throw new Violation('L1', `nobody leads\n${this.describe()}`);
    if (!this.hasConverged()) throw new Violation('L4', `no convergence\n${this.describe()}`);
    const last = cluster.propose(leader, 'after the storm');
    cluster.run(100);
    if (cluster.nodes.every(({ up }) => up.commitIndex === last)) return;
    throw new Violation('L2', `${last} is not committed everywhere\n${this.describe()}`);
  }

  private hasConverged(): boolean {
    const { nodes } = this.cluster;
    const { leaderId, lastIndex } = nodes[0]!.up;
    return nodes.every(
      ({ up }) =>
        up.leaderId !== 0 &&
        up.leaderId === leaderId &&
        up.lastIndex === lastIndex &&
        up.commitIndex === lastIndex &&
        up.stableIndex === lastIndex &&
        !up.isSuspect,
    );
  }

  private describe(): string {
    return this.cluster.nodes
      .map(
        ({ name, up }) =>
          `${name} ${up.role} of term ${up.currentTerm}, follows n${up.leaderId}, ` +
          `last ${up.lastIndex}, stable ${up.stableIndex}, commit ${up.commitIndex}`,
      )
      .join('\n');
  }
}
