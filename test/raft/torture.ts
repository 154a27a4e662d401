import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import { EntryType, unsealedRecord } from '../../src/base/entry.ts';
import { INDEX_ZERO, nodeId } from '../../src/base/ids.ts';
import { Prng } from '../../src/base/prng.ts';
import { applyPersist, Harness, type TestNode } from './harness.ts';
import { Judge } from './judge.ts';

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
  readonly harness: Harness;
  readonly judge: Judge;
  private readonly random: Prng;
  private readonly weights: Weights;
  private readonly total: number;
  /** Messages are taken from anywhere in the queue, or (as TCP would) from its front. */
  private readonly reorders: boolean;

  constructor(seed: number) {
    this.random = new Prng(seed);
    const nodes = this.pick([1, 3, 3, 3, 3, 5, 5, 7]);
    this.harness = new Harness({
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
    this.judge = new Judge(this.harness);
    this.reorders = this.random.chance(0.5);
    this.weights = this.drawWeights();
    this.total = Object.values(this.weights).reduce((sum, weight) => sum + weight, 0);
    for (const node of this.harness.nodes) this.harness.start(node.id);
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

  private anyNode(): TestNode {
    return this.pick(this.harness.nodes);
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

  private readonly actions: Readonly<Record<Action, (node: TestNode) => void>> = {
    deliver: () => this.harness.deliverAt(this.place()),
    duplicate: () => this.repeat(this.place()),
    lose: () => this.harness.messages.splice(this.place(), 1),
    persist: ({ id, raft }) => {
      if (raft !== null) this.harness.persist(id, 1 + this.random.below(3));
    },
    pass: () => this.passTime(),
    propose: () => this.propose(),
    crash: (node) => this.crash(node),
    rot: (node) => this.rot(node),
    start: (node) => this.start(node),
    cut: ({ id }) => this.harness.cutLinks.add(`${id}>${this.anyNode().id}`),
    isolate: ({ id }) => this.harness.isolate(id),
    heal: () => this.harness.heal(),
    connect: (node) => this.connect(node, this.anyNode()),
    gone: (node) => this.processGone(node, this.anyNode()),
    transfer: () => this.transfer(),
    read: (node) => this.answerRead(node),
    apply: ({ id, raft }) => {
      if (raft !== null) this.harness.act(id, (each) => each.applied(each.commitIndex));
    },
  };

  private place(): number {
    return this.reorders ? this.random.below(this.harness.messages.length) : 0;
  }

  private transfer(): void {
    const { harness } = this;
    const to = this.random.chance(0.5) ? null : nodeId(this.anyNode().id);
    for (const leader of harness.leaders()) {
      harness.act(leader, (raft) => raft.transferLeadership(harness.nowMs, to));
    }
  }

  private answerRead({ id, raft, reads }: TestNode): void {
    if (raft === null || reads.length === 0) return;
    this.judge.count('read');
    // Fewer than asked for, or none at all: the read failed.
    this.harness.answerRead(id, this.random.below(4));
  }

  private repeat(place: number): void {
    const message = this.harness.messages[place];
    if (message !== undefined) this.harness.messages.push(message);
  }

  private passTime(): void {
    const { harness, random } = this;
    harness.nowMs += random.chance(0.02) ? random.below(2000) : random.below(60);
    for (const { id, raft } of harness.nodes) {
      const ticks = raft !== null && raft.nextTickMs <= harness.nowMs && random.chance(0.9);
      if (ticks) harness.act(id, (each) => each.tick(harness.nowMs));
    }
  }

  private propose(): void {
    const { harness, random } = this;
    const leaders = harness.leaders();
    if (leaders.length === 0) return;
    harness.act(this.pick(leaders), (raft) => {
      for (let i = random.below(3); i >= 0; i--) {
        const record = unsealedRecord(random.bytes(random.below(60)));
        raft.propose(harness.nowMs, EntryType.Command, record);
      }
    });
  }

  /** Of what was not durable yet, any beginning may have reached the disk: even half a request. */
  private crash(node: TestNode): void {
    if (node.raft === null) return;
    const { random } = this;
    const kept = random.below(node.persists.length + 1);
    const next = node.persists[kept];
    this.judge.count(kept < node.persists.length ? 'crash with a loss' : 'crash');
    this.harness.crash(node.id, kept);
    if (next === undefined) return;
    const parts = random.below(4);
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
  private rot(node: TestNode): void {
    const { nodes } = this.harness;
    const suspects = nodes.filter((each) => each !== node && each.image.hardState.suspect).length;
    if (suspects + 1 > (nodes.length - 1) / 2) return;
    this.crash(node);
    const again = node.image.hardState.suspect ? 'rot of a suspect' : 'rot';
    this.judge.count(again);
    this.harness.rot(node.id, this.random.below(node.image.entries.length + 1));
  }

  private start(node: TestNode): void {
    if (node.raft !== null) return;
    this.judge.judgeStart(node);
    this.harness.start(node.id);
  }

  private connect(node: TestNode, to: TestNode): void {
    if (node.raft === null || to.raft === null || node === to) return;
    const { harness } = this;
    harness.act(node.id, (raft) => raft.peerConnected(harness.nowMs, to.id, to.incarnation));
  }

  private processGone(node: TestNode, peer: TestNode): void {
    if (node.raft === null || node === peer) return;
    const { harness } = this;
    harness.act(node.id, (raft) => raft.peerProcessGone(harness.nowMs, peer.id, peer.incarnation));
  }

  /** Faults stop; within a bound, one leader stands, and every log is the same and committed. */
  converge(): void {
    const { harness } = this;
    harness.heal();
    for (const node of harness.nodes) this.start(node);
    harness.reconnect();
    const converged = () => {
      const { raft } = harness.nodes[0]!;
      return harness.nodes.every(
        (node) =>
          node.up.leaderId !== 0 &&
          node.up.leaderId === raft!.leaderId &&
          node.up.lastIndex === raft!.lastIndex &&
          node.up.commitIndex === raft!.lastIndex &&
          !node.up.isSuspect &&
          node.up.stableIndex === raft!.lastIndex,
      );
    };
    for (let round = 0; round < 100 && !(converged() && round > 10); round++) harness.run(50);
    assert(converged(), `L1, L2, L4: no convergence\n${this.describe()}`);
    const leader = harness.leaders()[0]!;
    const last = harness.propose(leader, 'after the storm');
    harness.run(100);
    for (const { up } of harness.nodes) assert.equal(up.commitIndex, last, 'L2, L4');
  }

  private describe(): string {
    return this.harness.nodes
      .map(({ id, raft }) =>
        raft === null
          ? `${id} down`
          : `${id} ${raft.role} of term ${raft.currentTerm}, follows ${raft.leaderId}, ` +
            `last ${raft.lastIndex}, stable ${raft.stableIndex}, commit ${raft.commitIndex}`,
      )
      .join('\n');
  }
}
