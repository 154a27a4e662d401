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
import type { CoreNode } from './core-node.ts';
import { applyPersist, rename } from './durable-image.ts';
import { type Action, drawWeights, type Weights } from './weights.ts';
import type { Witness } from './witness.ts';

/** Of a request that is carried out in part: the snapshot has its name, and the log is the old one. */
const RENAMED = 2;
/** So many of the last pieces of snapshots may be repeated late. */
const PIECES_MAX = 4;

/** One random run: anything may happen at any step. Throws when something forbidden does. */
export class Torture {
  readonly cluster: CoreCluster;
  readonly coverage = new CoreCoverage();
  /** How many entries leaders were asked to append. */
  proposals = 0;
  /** By node: its last acknowledgement. */
  private readonly acknowledged = new Map<CoreNode, Message>();
  private readonly log: CoreLog;
  private readonly pieces: Message[] = [];
  private readonly random: Prng;
  private readonly weights: Weights;
  private readonly total: number;
  /** Messages are taken from anywhere in the queue, or (as TCP would) from its front. */
  private readonly reorders: boolean;
  /** A node takes a snapshot when it has applied so many entries since the last. */
  private readonly snapshotEvery: number;
  /** So many entries, at most, are proposed at a time. */
  private readonly burst: number;

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
        snapshotChunkBytesMax: this.pick([20, 60, 100_000]),
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
    this.cluster.witnesses.push({ sent: (_node, message) => this.keepPiece(message) });
    this.reorders = this.random.chance(0.5);
    this.snapshotEvery = this.pick([5, 5, 10, 20, 40, 100]);
    this.burst = this.pick([3, 10, 20]);
    this.weights = drawWeights(this.random);
    this.total = Object.values(this.weights).reduce((sum, weight) => sum + weight, 0);
    for (const node of this.cluster.nodes) this.cluster.start(node.id);
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
      if (raft !== null) this.cluster.snapshots.apply(id);
    },
    snapshot: (node) => this.snapshot(node),
    compact: (node) => this.compact(node),
    readSnapshot: (node) => this.readSnapshot(node),
    absence: (node) => this.absence(node),
    chunk: (node) => this.takeChunk(node),
    replay: () => this.replay(),
    calm: () => this.calm(),
  };

  /** A piece of a snapshot arrives once more, long after. */
  private replay(): void {
    if (this.pieces.length > 0) this.cluster.messages.push(this.pick(this.pieces));
  }

  private keepPiece(message: Message): void {
    if (message.kind !== 'InstallSnapshot' || message.bytes.length === 0) return;
    this.pieces.push(message);
    if (this.pieces.length > PIECES_MAX) this.pieces.shift();
  }

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

  /** One that waits for the log to be durable is published; else another is written when it is time. */
  private snapshot({ id, raft, machine, image, unpublished }: CoreNode): void {
    if (raft === null) return;
    const { snapshots } = this.cluster;
    const last = image.snapshots.at(-1)?.index ?? 0;
    if (unpublished !== null) snapshots.publish(id);
    else if (machine.index - last >= this.snapshotEvery) {
      snapshots.write(id, 1 + this.random.below(this.pick([30, 300])));
      if (this.random.chance(0.7)) snapshots.publish(id);
    }
  }

  private compact({ id, raft }: CoreNode): void {
    if (raft !== null) this.cluster.snapshots.compact(id, this.random.chance(0.5));
  }

  private readSnapshot({ id, raft, snapshotReads }: CoreNode): void {
    if (raft === null || snapshotReads.length === 0) return;
    // All that was asked for, some blocks of it, or none at all: the read failed.
    const { snapshots, limits } = this.cluster;
    const some = this.random.chance(0.3) ? 0 : 1 + this.random.below(100);
    snapshots.answerRead(id, this.random.chance(0.2) ? limits.snapshotChunkBytesMax : some);
  }

  /** A crash is likelier here than elsewhere, between the pieces and before the reset is durable. */
  private takeChunk(node: CoreNode): void {
    if (node.raft === null || node.chunks.length === 0) return;
    this.cluster.snapshots.takeChunk(node.id);
    const resets = node.persists.some(({ reset }) => reset !== null);
    if (this.random.chance(resets ? 0.5 : 0.08)) this.crash(node);
  }

  /** The others go on for a while without one node, until their logs no longer hold what it needs. */
  private absence(node: CoreNode): void {
    const { cluster, random } = this;
    cluster.snapshots.areSlow = true;
    if (random.chance(0.7)) {
      this.heal();
      for (const each of cluster.nodes) this.start(each);
      cluster.run(random.below(1500));
    }
    if (node.raft !== null && random.chance(0.4)) this.crash(node);
    else this.part(node);
    for (let rounds = 1 + random.below(8); rounds > 0; rounds--) {
      if (random.chance(0.6)) this.propose();
      cluster.run(random.below(400));
      this.snapshots(node);
    }
    cluster.snapshots.areSlow = false;
    if (random.chance(0.2)) return;
    this.heal();
    for (const leader of cluster.leaders()) this.connect(cluster.node(leader), node);
  }

  /** It may have heard more than the others before it is isolated, and what it answers is lost: then a
   *  snapshot may be taken of what its log holds, unknown to anybody. */
  private part(node: CoreNode): void {
    const { cluster, random } = this;
    const hears = node.raft !== null && node.raft.role !== 'leader' && random.chance(0.7);
    if (hears) {
      this.propose();
      cluster.deliverAll();
      this.propose();
      for (let at = cluster.messages.length - 1; at >= 0; at--) {
        if (cluster.messages[at]!.to === node.id) cluster.deliverAt(at);
        else cluster.loseAt(at);
      }
    }
    this.isolate(node);
    // Cut off, a leader appends what nobody will ever have.
    for (let i = random.below(6); i > 0 && node.raft?.role === 'leader'; i--) this.propose();
    if (!hears) return;
    for (let at = cluster.messages.length - 1; at >= 0; at--) cluster.loseAt(at);
    for (const { id, raft } of cluster.nodes) if (raft !== null) cluster.persist(id);
    cluster.deliverAll();
    this.snapshots(node);
  }

  private snapshots(but: CoreNode): void {
    for (const node of this.cluster.nodes) {
      if (node === but || node.raft === null) continue;
      this.cluster.snapshots.apply(node.id);
      this.snapshot(node);
      this.compact(node);
    }
  }

  /** Everybody works for a while and little is lost, so that what takes many steps is on its way when
   *  the next thing happens. */
  private calm(): void {
    const { cluster, random } = this;
    // A disk may be slow for all of it.
    const reads = random.chance(0.7);
    for (let turns = random.below(30); turns > 0; turns--) {
      cluster.nowMs += random.below(30);
      cluster.tickDue();
      for (let left = cluster.messages.length; left > 0; left--) {
        if (random.chance(0.05)) cluster.loseAt(0);
        else cluster.deliverAt(0);
      }
      for (const node of cluster.nodes) {
        if (node.raft !== null && random.chance(0.5)) cluster.persist(node.id, 1);
        if (node.raft !== null) this.answerRead(node);
        if (reads) this.readSnapshot(node);
        this.takeChunk(node);
      }
    }
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
      for (let i = random.below(this.burst); i >= 0; i--) {
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
    const parts = next.reset !== null && random.chance(0.4) ? RENAMED : random.below(5);
    if (parts > 0) this.did(node, 'crash within a request to the disk', 'has begun one more');
    applyPersist(node.image, {
      sequence: next.sequence,
      hardState: parts >= 1 ? next.hardState : null,
      reset: parts >= 3 ? next.reset : null,
      truncateFrom: parts >= 3 ? next.truncateFrom : INDEX_ZERO,
      entries: parts >= 4 ? next.entries.slice(0, random.below(next.entries.length + 1)) : [],
      commitIndex: node.image.commitIndex,
    });
    if (parts !== RENAMED || next.reset === null) return;
    rename(node.image, next.reset);
    this.did(node, 'install interrupted behind the rename', 'had renamed what it was sent');
  }

  /** A node crashes, and its next start finds rot. Fewer than a majority are suspects at a time: who
   *  else could make them whole? */
  private rot(node: CoreNode): void {
    const { nodes } = this.cluster;
    const suspects = nodes.filter((each) => each !== node && each.image.hardState.suspect).length;
    if (suspects + 1 > (nodes.length - 1) / 2) return;
    this.crash(node);
    const { snapshots, entries } = node.image;
    if (snapshots.length > 0 && this.random.chance(0.4)) {
      this.cluster.rotSnapshots(node.id, this.random.chance(0.5));
      this.did(node, 'rot of a snapshot', 'has lost a snapshot to rot');
    } else {
      this.cluster.rot(node.id, this.random.below(entries.length + 1));
    }
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
    for (const { id } of cluster.nodes) cluster.snapshots.apply(id);
    const reached = ({ up, machine }: CoreNode) =>
      up.commitIndex === last && machine.index === last;
    if (cluster.nodes.every(reached)) return;
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
