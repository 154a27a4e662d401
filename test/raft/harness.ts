import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  incarnation,
  index,
  NOBODY,
  type NodeId,
  nodeId,
  TERM_ZERO,
  type Term,
  term,
  type WalSequence,
} from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import type { HardState, Persist } from '../../src/base/persist.ts';
import { Prng } from '../../src/base/prng.ts';
import type { TermRun } from '../../src/base/term-runs.ts';
import type { Effects, PromiseMessage, ReadEntries } from '../../src/raft/effects.ts';
import { checkState, checkTransition, checkWindow, observe } from '../../src/raft/invariants.ts';
import type { Message } from '../../src/raft/messages.ts';
import { Raft } from '../../src/raft/raft.ts';
import { defaultTiming, type RaftTiming } from '../../src/raft/timing.ts';
import type { TraceEvent } from '../../src/raft/trace.ts';

/** What a crash would leave: the judge of everything that was promised. */
export interface DurableImage {
  hardState: HardState;
  entries: Entry[];
  commitIndex: Index;
}

export interface HeldPromise {
  readonly after: WalSequence;
  readonly message: PromiseMessage;
}

/** One node: the core, and a host that does nothing by itself. */
export class TestNode {
  readonly id: NodeId;
  /** Null while the process is down. */
  raft: Raft | null = null;
  incarnation: Incarnation = incarnation(0);
  image: DurableImage = {
    hardState: { currentTerm: TERM_ZERO, votedFor: NOBODY, suspect: false },
    entries: [],
    commitIndex: INDEX_ZERO,
  };
  /** The durable log as it was when the node last was no suspect: what it may have acknowledged. */
  beforeRot: Entry[] = [];
  /** Handed out and not yet durable, oldest first. */
  persists: Persist[] = [];
  promises: HeldPromise[] = [];
  reads: ReadEntries[] = [];
  durableSequence = 0;
  effectsCommitIndex: Index = INDEX_ZERO;

  constructor(id: NodeId) {
    this.id = id;
  }

  get up(): Raft {
    assert(this.raft !== null, `node ${this.id} is down`);
    return this.raft;
  }
}

/** Looks on while a cluster runs, and fails the test when it sees something forbidden. */
export interface Witness {
  onSend(node: TestNode, message: Message): void;
  onTrace(node: TestNode, event: TraceEvent): void;
  onDurable(node: TestNode): void;
}

export interface HarnessOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly limits?: Partial<Limits>;
  readonly timing?: Partial<RaftTiming>;
  readonly firstConfiguration?: Uint8Array | null;
}

/**
 * A cluster of cores on a table: every message, every completion of a disk and every tick happens
 * when the test says so, and the invariants are checked after each of them.
 */
export class Harness {
  nowMs = 0;
  readonly nodes: TestNode[] = [];
  /** On their way, in the order of sending. */
  messages: Message[] = [];
  /** Directed links that lose everything: "from>to". */
  readonly cutLinks = new Set<string>();
  readonly trace: TraceEvent[] = [];
  /** Also told of every trace event and message. */
  witness: Witness | null = null;
  readonly limits: Limits;
  readonly timing: RaftTiming;
  private readonly random: Prng;
  private readonly firstConfiguration: Uint8Array | null;

  constructor(options: HarnessOptions = {}) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.timing = { ...defaultTiming, ...options.timing };
    this.random = new Prng(options.seed ?? 1);
    this.firstConfiguration = options.firstConfiguration ?? null;
    for (let id = 1; id <= (options.nodes ?? 3); id++) this.nodes.push(new TestNode(nodeId(id)));
  }

  /** A cluster whose nodes have just been started for the first time. */
  static started(options: HarnessOptions = {}): Harness {
    const harness = new Harness(options);
    for (const node of harness.nodes) harness.start(node.id);
    return harness;
  }

  /** A cluster that comes up with these logs, given as the terms of their entries. */
  static withLogs(logs: readonly (readonly number[])[], options: HarnessOptions = {}): Harness {
    const harness = new Harness({ ...options, nodes: logs.length });
    for (const [i, terms] of logs.entries()) {
      harness.nodes[i]!.image = imageOf(terms, Math.max(0, ...logs.flat()));
      harness.start(i + 1);
    }
    return harness;
  }

  node(id: number): TestNode {
    const node = this.nodes[id - 1];
    assert(node !== undefined, `there is no node ${id}`);
    return node;
  }

  raft(id: number): Raft {
    return this.node(id).up;
  }

  /** Starts a node from its durable image. */
  start(id: number): void {
    const node = this.node(id);
    assert(node.raft === null, `node ${id} runs`);
    node.incarnation = incarnation(node.incarnation + 1);
    node.durableSequence = 0;
    node.effectsCommitIndex = INDEX_ZERO;
    node.raft = new Raft({
      id: node.id,
      incarnation: node.incarnation,
      voters: this.nodes.map((each) => each.id),
      hardState: node.image.hardState,
      log: { lastIndex: index(node.image.entries.length), termRuns: runsOf(node.image.entries) },
      commitIndex: node.image.commitIndex,
      firstConfiguration: this.firstConfiguration,
      timing: this.timing,
      limits: this.limits,
      random: this.random.fork(),
      trace: (event) => {
        this.trace.push(event);
        this.witness?.onTrace(node, event);
      },
      nowMs: this.nowMs,
    });
    this.act(id, () => {});
  }

  /** kill -9 and loss of power at once: of what was not yet durable, the first `kept` requests
   *  happen to have reached the disk. */
  crash(id: number, kept = 0): void {
    const node = this.node(id);
    for (const persist of node.persists.slice(0, kept)) applyPersist(node.image, persist);
    node.raft = null;
    node.persists = [];
    node.promises = [];
    node.reads = [];
  }

  /** What a start makes of rot: the log is cut to its last good entry, and before that the node is a
   *  suspect, durably. */
  rot(id: number, keep: number): void {
    const node = this.node(id);
    assert(node.raft === null, `node ${id} runs: only a start finds rot`);
    const { image } = node;
    if (!image.hardState.suspect) node.beforeRot = image.entries.slice();
    image.hardState = { ...image.hardState, suspect: true };
    image.entries.length = Math.min(image.entries.length, keep);
    image.commitIndex = index(Math.min(image.commitIndex, image.entries.length));
  }

  /** One turn of a node: inputs, then whatever effects they have; then the invariants. */
  act(id: number, turn: (raft: Raft) => void): void {
    const node = this.node(id);
    const { state } = node.up;
    const before = observe(state);
    turn(node.up);
    const effects = node.up.takeEffects(this.nowMs);
    if (effects !== null) this.carryOut(node, effects);
    assert.equal(node.up.takeEffects(this.nowMs), null, 'one call takes all effects');
    checkState(state);
    checkWindow(state);
    checkTransition(before, observe(state));
  }

  private carryOut(node: TestNode, effects: Effects): void {
    assert(effects.commitIndex >= node.effectsCommitIndex, 'the commitIndex of effects only grows');
    node.effectsCommitIndex = effects.commitIndex;
    for (const message of effects.messages) this.send(node, message);
    if (effects.persist !== null) node.persists.push(effects.persist);
    for (const message of effects.promises) {
      node.promises.push({ after: effects.promisesAfter, message });
    }
    node.reads.push(...effects.reads);
    this.releasePromises(node);
  }

  private send(node: TestNode, message: Message): void {
    this.witness?.onSend(node, message);
    if (!this.cutLinks.has(`${message.from}>${message.to}`)) this.messages.push(message);
  }

  private releasePromises(node: TestNode): void {
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
    this.witness?.onDurable(node);
    this.releasePromises(node);
    this.act(id, (raft) => raft.persisted(this.nowMs, last.sequence));
  }

  /** Answers the node's oldest read from its durable image, with `count` entries at most. */
  answerRead(id: number, count = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    const read = node.reads.shift();
    if (read === undefined) return;
    const to = Math.min(read.to, read.from + count - 1);
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of node.image.entries.slice(read.from - 1, to)) {
      entries.push(entry);
      bytes += entry.record.length;
      if (bytes >= read.bytesMax) break;
    }
    this.act(id, (raft) => raft.entriesRead(this.nowMs, read, entries));
  }

  /** Delivers the message at this place of the queue, or loses it if its receiver is down. */
  deliverAt(at: number): void {
    const [message] = this.messages.splice(at, 1);
    if (message !== undefined) this.deliver(message);
  }

  deliver(message: Message): void {
    if (this.node(message.to).raft === null) return;
    this.act(message.to, (raft) => raft.step(this.nowMs, message));
  }

  /** Delivers everything that is on its way now and matches; not what it brings forth. */
  deliverAll(matches: (message: Message) => boolean = () => true): void {
    const now = this.messages.filter(matches);
    this.messages = this.messages.filter((message) => !matches(message));
    for (const message of now) this.deliver(message);
  }

  /** Loses everything that is on its way and matches. */
  drop(matches: (message: Message) => boolean = () => true): void {
    this.messages = this.messages.filter((message) => !matches(message));
  }

  /** Messages, disks and reads do their work until nothing is left to do; no time passes. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      this.deliverAll();
      for (const node of this.nodes) {
        if (node.raft === null) continue;
        this.persist(node.id);
        while (node.reads.length > 0) this.answerRead(node.id);
      }
      if (this.messages.length === 0 && this.nodes.every((node) => node.persists.length === 0)) {
        return;
      }
    }
    assert.fail('the cluster does not come to rest');
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

  /** One node's timer runs out, exactly on time. The clock of all moves there if it is ahead. */
  timeout(id: number): void {
    this.nowMs = Math.max(this.nowMs, this.raft(id).nextTickMs);
    this.act(id, (raft) => raft.tick(this.nowMs));
  }

  /** Makes a node the leader by the ordinary way, in a cluster at rest without a living leader. */
  elect(id: number): void {
    this.forgetLeaders();
    this.timeout(id);
    // The first tick was a late one if the timer ran out while time was passing.
    if (this.raft(id).role === 'follower') this.timeout(id);
    this.settle();
    assert.equal(this.raft(id).role, 'leader', `node ${id} is elected`);
  }

  /** Lets enough time pass without any tick that nobody is loyal to an earlier leader. */
  forgetLeaders(): void {
    this.nowMs += this.timing.electionTimeoutMaxMs;
  }

  propose(id: number, text: string): Index {
    let result: ReturnType<Raft['propose']> = 'not-leader';
    this.act(id, (raft) => {
      result = raft.propose(this.nowMs, EntryType.Command, unsealedRecord(bytesOf(text)));
    });
    assert.equal(typeof result, 'number', `proposal: ${result}`);
    return result as unknown as Index;
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

  /** Repeats the step until the condition holds; a test must not wait for ever. */
  until(holds: () => boolean, step: () => void): void {
    for (let i = 0; i < 1000; i++) {
      if (holds()) return;
      step();
    }
    assert.fail(`never: ${holds}`);
  }

  /** A node's log in memory, as the terms of its entries. */
  terms(id: number): number[] {
    const raft = this.raft(id);
    return Array.from({ length: raft.lastIndex }, (_, i) => raft.termAt(index(i + 1)));
  }

  leaders(): number[] {
    return this.nodes.filter(({ raft }) => raft?.role === 'leader').map(({ id }) => id);
  }
}

/** Writes to the image what a host's disk does, in the order that `Persist` promises. */
export function applyPersist(image: DurableImage, persist: Persist): void {
  if (persist.hardState !== null) image.hardState = persist.hardState;
  if (persist.truncateFrom !== 0) image.entries.length = persist.truncateFrom - 1;
  for (const entry of persist.entries) {
    assert.equal(entry.index, image.entries.length + 1, 'entries follow the durable log');
    image.entries.push(entry);
  }
  assert(persist.commitIndex <= image.entries.length, 'the commit hint is within the log');
  image.commitIndex = persist.commitIndex;
}

/** An image whose log has these terms, as after a history that the test does not tell. */
export function imageOf(terms: readonly number[], currentTerm: number, votedFor = 0): DurableImage {
  return {
    hardState: { currentTerm: term(currentTerm), votedFor: nodeId(votedFor), suspect: false },
    entries: terms.map((t, i) => entryOf(i + 1, t)),
    commitIndex: INDEX_ZERO,
  };
}

export function entryOf(at: number, ofTerm: number, text = `${ofTerm}.${at}`): Entry {
  return sealEntry(unsealedRecord(bytesOf(text)), EntryType.Command, term(ofTerm), index(at));
}

function runsOf(entries: readonly Entry[]): TermRun[] {
  const runs: TermRun[] = [];
  let last: Term = TERM_ZERO;
  for (const entry of entries) {
    if (entry.term !== last) runs.push({ term: entry.term, from: entry.index });
    last = entry.term;
  }
  return runs;
}
