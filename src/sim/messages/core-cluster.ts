import { AssertionError, assert } from '../../base/assert.ts';
import { bytesOf } from '../../base/bytes.ts';
import { type Entry, EntryType, unsealedRecord } from '../../base/entry.ts';
import { type Index, incarnation, index, nodeId } from '../../base/ids.ts';
import { defaultLimits, type Limits } from '../../base/limits.ts';
import { Prng } from '../../base/prng.ts';
import { LOG_START } from '../../base/snapshot.ts';
import type { Effects } from '../../raft/effects.ts';
import { checkState, checkTransition, checkWindow, observe } from '../../raft/invariants.ts';
import type { Message } from '../../raft/messages.ts';
import { Raft } from '../../raft/raft.ts';
import { defaultTiming, type RaftTiming } from '../../raft/timing.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Violation } from '../observer.ts';
import { CoreNode } from './core-node.ts';
import { CoreSnapshots } from './core-snapshots.ts';
import { applyPersist, lastIndexOf, recover, termRunsOf } from './durable-image.ts';
import type { Loss, Witness } from './witness.ts';

export interface CoreClusterOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly limits?: Partial<Limits>;
  readonly timing?: Partial<RaftTiming>;
  readonly firstConfiguration?: Uint8Array | null;
}

/**
 * A cluster of cores on a table: every message, every completion of a disk and every tick happens
 * when its owner says so, and the invariants are checked after each of them.
 */
export class CoreCluster {
  nowMs = 0;
  readonly nodes: CoreNode[] = [];
  /** On their way, in the order of sending. */
  messages: Message[] = [];
  /** Directed links that lose everything: "from>to". */
  readonly cutLinks = new Set<string>();
  readonly trace: TraceEvent[] = [];
  /** Told of everything that happens. */
  readonly witnesses: Partial<Witness>[] = [];
  readonly limits: Limits;
  readonly timing: RaftTiming;
  readonly snapshots = new CoreSnapshots(this);
  private readonly random: Prng;
  private readonly firstConfiguration: Uint8Array | null;

  constructor(options: CoreClusterOptions = {}) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.timing = { ...defaultTiming, ...options.timing };
    this.random = new Prng(options.seed ?? 1);
    this.firstConfiguration = options.firstConfiguration ?? null;
    for (let id = 1; id <= (options.nodes ?? 3); id++) this.nodes.push(new CoreNode(nodeId(id)));
  }

  node(id: number): CoreNode {
    const node = this.nodes[id - 1];
    assert(node !== undefined, () => `there is no node ${id}`);
    return node;
  }

  raft(id: number): Raft {
    return this.node(id).up;
  }

  /** Starts a node from its durable image. */
  start(id: number): void {
    const node = this.node(id);
    assert(node.raft === null, () => `node ${id} runs`);
    node.incarnation = incarnation(node.incarnation + 1);
    const { image } = node;
    recover(image);
    node.machine = this.snapshots.restored(node);
    node.raft = new Raft({
      id: node.id,
      incarnation: node.incarnation,
      voters: this.nodes.map((each) => each.id),
      hardState: image.hardState,
      log: { base: image.base, lastIndex: lastIndexOf(image), termRuns: termRunsOf(image) },
      snapshot: image.snapshots.at(-1) ?? null,
      commitIndex: image.commitIndex,
      firstConfiguration: this.firstConfiguration,
      timing: this.timing,
      limits: this.limits,
      random: this.random.fork(),
      trace: (event) => {
        this.trace.push(event);
        for (const witness of this.witnesses) witness.traced?.(node, event);
      },
      nowMs: this.nowMs,
    });
    for (const witness of this.witnesses) witness.started?.(node);
    this.act(id, () => {});
  }

  /** kill -9 and loss of power at once: of what was not yet durable, the first `kept` requests
   *  happen to have reached the disk. */
  crash(id: number, kept = 0): void {
    const node = this.node(id);
    const requests = node.persists.length;
    for (const witness of this.witnesses) witness.crashing?.(node);
    for (const persist of node.persists.slice(0, kept)) applyPersist(node.image, persist);
    node.forget();
    for (const witness of this.witnesses) witness.crashed?.(node, requests, kept);
  }

  /** What a start makes of rot: the log is cut to its last good entry, `keep` of those behind its base,
   *  and before that the node is a suspect, durably. */
  rot(id: number, keep: number): void {
    const node = this.node(id);
    assert(node.raft === null, () => `node ${id} runs: only a start finds rot`);
    const { image } = node;
    const again = image.hardState.suspect;
    if (!again) node.beforeRot = { base: image.base, entries: image.entries.slice() };
    image.hardState = { ...image.hardState, suspect: true };
    image.entries.length = Math.min(image.entries.length, keep);
    image.commitIndex = index(Math.min(image.commitIndex, lastIndexOf(image)));
    for (const witness of this.witnesses) witness.rotted?.(node, again);
  }

  /** The newest snapshot has rotted, or all of them. The log covers from the one before, or the node
   *  has nothing left that it could begin with. */
  rotSnapshots(id: number, all: boolean): void {
    const { image } = this.node(id);
    const left = all ? [] : image.snapshots.slice(0, -1);
    const newest = left.at(-1)?.index ?? 0;
    if (newest < image.base.index) {
      this.rot(id, 0);
      image.base = LOG_START;
      image.commitIndex = index(0);
      image.snapshots = [];
    } else {
      image.snapshots = left;
    }
  }

  /** One turn of a node: inputs, then whatever effects they have; then the invariants. */
  act(id: number, turn: (raft: Raft) => void): void {
    const node = this.node(id);
    const { state } = node.up;
    judged(() => {
      const before = observe(state);
      turn(node.up);
      const effects = node.up.takeEffects(this.nowMs);
      if (effects !== null) this.carryOut(node, effects);
      assert(node.up.takeEffects(this.nowMs) === null, () => 'one call takes all effects');
      checkState(state);
      checkWindow(state);
      checkTransition(before, observe(state));
    });
    for (const witness of this.witnesses) witness.stepped?.(node);
  }

  private carryOut(node: CoreNode, effects: Effects): void {
    assert(effects.commitIndex >= node.effectsCommitIndex, () => 'the told commitIndex decreases');
    node.effectsCommitIndex = effects.commitIndex;
    for (const message of effects.messages) this.send(node, message);
    if (effects.persist !== null) node.persists.push(effects.persist);
    for (const message of effects.promises) {
      node.promises.push({ after: effects.promisesAfter, message });
    }
    node.reads.push(...effects.reads);
    node.snapshotReads.push(...effects.snapshotReads);
    node.chunks.push(...effects.chunks);
    if (effects.install !== null) {
      // What it was writing is of a state that is left behind.
      node.unpublished = null;
      node.install = effects.install;
    }
    this.releasePromises(node);
  }

  private send(node: CoreNode, message: Message): void {
    for (const witness of this.witnesses) witness.sent?.(node, message);
    if (this.cutLinks.has(`${message.from}>${message.to}`)) this.lose(message, 'cut');
    else this.messages.push(message);
  }

  private releasePromises(node: CoreNode): void {
    while (node.promises.length > 0 && node.promises[0]!.after <= node.durableSequence) {
      this.send(node, node.promises.shift()!.message);
    }
  }

  /** The node's disk finishes its `count` oldest requests, and says so once, for the last. */
  persist(id: number, count = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    const done = node.persists.splice(0, count);
    const last = done.at(-1);
    if (last === undefined) return;
    for (const each of done) applyPersist(node.image, each);
    node.durableSequence = last.sequence;
    for (const witness of this.witnesses) witness.durable?.(node);
    this.releasePromises(node);
    this.act(id, (raft) => raft.persisted(this.nowMs, last.sequence));
  }

  /** The message at this place of the queue is lost. */
  loseAt(at: number): void {
    const [message] = this.messages.splice(at, 1);
    if (message !== undefined) this.lose(message, 'dropped');
  }

  private lose(message: Message, why: Loss): void {
    for (const witness of this.witnesses) witness.lost?.(message, why);
  }

  /** The message at this place of the queue will arrive once more, behind all others. */
  duplicateAt(at: number): void {
    const message = this.messages[at];
    if (message !== undefined) this.repeat(message);
  }

  /** A message that left long ago arrives once more. */
  repeat(message: Message): void {
    this.messages.push(message);
    for (const witness of this.witnesses) witness.duplicated?.(message);
  }

  /** Answers the node's oldest read from its durable image, with `count` entries at most. */
  answerRead(id: number, count = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    const read = node.reads.shift();
    if (read === undefined) return;
    const to = Math.min(read.to, read.from + count - 1);
    const entries: Entry[] = [];
    let bytes = 0;
    const { base } = node.image;
    const first = read.from - base.index - 1;
    for (const entry of first < 0 ? [] : node.image.entries.slice(first, to - base.index)) {
      entries.push(entry);
      bytes += entry.record.length;
      if (bytes >= read.bytesMax) break;
    }
    for (const witness of this.witnesses) witness.read?.(node, entries.length);
    this.act(id, (raft) => raft.entriesRead(this.nowMs, read, entries));
  }

  /** Delivers the message at this place of the queue, or loses it if its receiver is down. */
  deliverAt(at: number): void {
    const [message] = this.messages.splice(at, 1);
    if (message === undefined) return;
    const earlier = this.messages.findIndex(
      ({ from, to }) => from === message.from && to === message.to,
    );
    if (earlier >= 0 && earlier < at) {
      for (const witness of this.witnesses) witness.overtook?.(message);
    }
    this.deliver(message);
  }

  deliver(message: Message): void {
    if (this.node(message.to).raft === null) {
      this.lose(message, 'down');
      return;
    }
    for (const witness of this.witnesses) witness.delivered?.(message, this.node(message.to));
    this.act(message.to, (raft) => raft.step(this.nowMs, message));
  }

  /** Delivers everything that is on its way now and matches; not what it brings forth. */
  deliverAll(matches: (message: Message) => boolean = () => true): void {
    const now = this.messages.filter(matches);
    this.messages = this.messages.filter((message) => !matches(message));
    for (const message of now) this.deliver(message);
  }

  /** Messages, disks and reads do their work until nothing is left to do; no time passes. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      this.deliverAll();
      for (const node of this.nodes) {
        if (node.raft === null) continue;
        this.persist(node.id);
        while (node.reads.length > 0) this.answerRead(node.id);
        if (this.snapshots.areSlow) continue;
        while (node.snapshotReads.length > 0) this.snapshots.answerRead(node.id);
        while (node.chunks.length > 0) this.snapshots.takeChunk(node.id);
      }
      if (this.messages.length === 0 && this.nodes.every((node) => node.persists.length === 0)) {
        return;
      }
    }
    throw new AssertionError('the cluster does not come to rest');
  }

  /** Time passes; nodes tick when they want to; everything is delivered at once. */
  run(ms: number, afterEach: () => void = () => {}): void {
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nextTickMs());
      this.tickDue();
      this.settle();
      afterEach();
    }
  }

  private nextTickMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { raft } of this.nodes) if (raft !== null) next = Math.min(next, raft.nextTickMs);
    return Math.max(next, this.nowMs);
  }

  tickDue(): void {
    for (const { id, raft } of this.nodes) {
      if (raft !== null && raft.nextTickMs <= this.nowMs) this.act(id, (r) => r.tick(this.nowMs));
    }
  }

  propose(id: number, text: string): Index {
    let result: ReturnType<Raft['propose']> = 'not-leader';
    this.act(id, (raft) => {
      result = raft.propose(this.nowMs, EntryType.Command, unsealedRecord(bytesOf(text)));
    });
    assert(typeof result === 'number', () => `proposal: ${result}`);
    return result;
  }

  /** Both directions between the two lose everything. */
  cut(a: number, b: number): void {
    this.cutLinks.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  isolate(id: number): void {
    for (const other of this.nodes) if (other.id !== id) this.cut(id, other.id);
  }

  heal(): void {
    this.cutLinks.clear();
  }

  /** Streams between all nodes that run stand anew. */
  reconnect(): void {
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (a !== b && a.raft !== null && b.raft !== null) {
          this.act(a.id, (raft) => raft.peerConnected(this.nowMs, b.id, b.incarnation));
        }
      }
    }
  }

  leaders(): number[] {
    return this.nodes.filter(({ raft }) => raft?.role === 'leader').map(({ id }) => id);
  }
}

/** An assertion of the core that names an invariant is a judge's word, like any other. */
function judged(act: () => void): void {
  try {
    act();
  } catch (thrown) {
    const text = thrown instanceof AssertionError ? thrown.message : '';
    const [, invariant] = /\b([SDL]\d{1,2})\b/.exec(text) ?? [];
    throw invariant === undefined ? thrown : new Violation(invariant, text);
  }
}
