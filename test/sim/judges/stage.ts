import assert from 'node:assert/strict';
import { bytesOf, concatBytes } from '../../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../../src/base/entry.ts';
import { incarnation, index, type NodeId, nodeId, type Term, term } from '../../../src/base/ids.ts';
import { defaultLimits } from '../../../src/base/limits.ts';
import { native } from '../../../src/base/native.ts';
import { Prng } from '../../../src/base/prng.ts';
import { LOG_START, type SnapshotInfo } from '../../../src/base/snapshot.ts';
import { TermRuns } from '../../../src/base/term-runs.ts';
import type { Outcome } from '../../../src/client/call.ts';
import { type Command, encodeCommand } from '../../../src/kv/command.ts';
import type { Reply } from '../../../src/kv/reply.ts';
import { StateMachine } from '../../../src/kv/state-machine.ts';
import type { Message } from '../../../src/raft/messages.ts';
import { RaftState } from '../../../src/raft/state.ts';
import { defaultTiming } from '../../../src/raft/timing.ts';
import type { TraceEvent } from '../../../src/raft/trace.ts';
import { Chronicle } from '../../../src/sim/judges/chronicle.ts';
import {
  type Observer,
  type SimNode,
  type SimOperation,
  type SimRecovery,
  Violation,
} from '../../../src/sim/observer.ts';
import { observers } from '../../../src/sim/observers.ts';
import { BatchBuilder, directorySalt } from '../../../src/storage/batch.ts';
import { encodeSlot, firstImage } from '../../../src/storage/hard-state.ts';
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from '../../../src/storage/segment.ts';
import {
  encodeSnapshotFooter,
  encodeSnapshotHeader,
  SNAPSHOT_FOOTER_BYTES,
  snapshotName,
} from '../../../src/storage/snapshot-file.ts';

const SEGMENT_BYTES = 16 * 1024;

/** One member, moved by hand. */
export class Actor implements SimNode {
  readonly id: NodeId;
  readonly name: string;
  run = 0;
  raftState: RaftState | null = null;
  machine: StateMachine | null = null;
  readonly disk = null as never;
  readonly damage = { log: false, hardState: false, lost: false };
  clockRate = 1;

  constructor(id: number) {
    this.id = nodeId(id);
    this.name = `n${id}`;
  }

  get isUp(): boolean {
    return this.raftState !== null;
  }
}

/** The durable files of one member, written as the storage would. */
class Files {
  term = 0;
  votedFor = 0;
  readonly directoryId: Uint8Array;
  readonly chain = { sequence: 0, headerCrc: 0 };
  place = { segmentId: 1, offset: SEGMENT_HEADER_BYTES };
  entries: Entry[] = [];
  private sequence = 1;

  constructor(id: number) {
    this.directoryId = new Uint8Array(16).fill(id);
  }

  startAnew(): void {
    this.chain.sequence = 0;
    this.chain.headerCrc = 0;
    this.place = { segmentId: 1, offset: SEGMENT_HEADER_BYTES };
    this.entries = [];
  }

  slot(): Uint8Array {
    const image = firstImage({
      nodeId: nodeId(1),
      name: 'some-name',
      directoryId: this.directoryId,
      membersImage: new Uint8Array(3),
    });
    const { state } = image;
    this.sequence++;
    return encodeSlot({
      ...image,
      sequence: this.sequence,
      state: { ...state, currentTerm: term(this.term), votedFor: nodeId(this.votedFor) },
    });
  }
}

/** A play of a few events, written by hand, in front of one judge. */
export class Stage {
  readonly actors: readonly Actor[];
  readonly chronicle = new Chronicle();
  /** True time, in milliseconds. */
  nowMs = 0;
  private readonly judges: Observer;
  private readonly files: readonly Files[];
  private operations = 0;
  private readonly names = new Map([
    ['state.0', 1],
    ['state.1', 2],
    [segmentName(1), 3],
  ]);

  constructor(size: number, judge: (chronicle: Chronicle) => Observer) {
    this.judges = observers([this.chronicle, judge(this.chronicle)]);
    this.actors = Array.from({ length: size }, (_, i) => new Actor(i + 1));
    this.files = this.actors.map(({ id }) => new Files(id));
    const { actors } = this;
    const now = () => this.nowMs;
    this.judges.began({
      seed: 1,
      get nowMs() {
        return now();
      },
      nodes: actors,
      limits: defaultLimits,
    });
    for (const { id } of this.actors) this.createDirectory(id);
    for (const { id } of this.actors) this.start(id);
  }

  actor(id: number): Actor {
    return this.actors[id - 1]!;
  }

  state(id: number): RaftState {
    return this.actor(id).raftState!;
  }

  // A process.

  /** With what is durable, or with what a start makes of it when something is wrong. */
  start(
    id: number,
    wrong: { lastIndex?: number; term?: number; votedFor?: number } = {},
    suspect = false,
  ): void {
    const actor = this.actor(id);
    const { entries, term: durableTerm, votedFor } = this.files[id - 1]!;
    const known = entries.slice(0, wrong.lastIndex ?? entries.length);
    const runs = new TermRuns();
    for (const entry of known) runs.append(entry.index, entry.term);
    const hardState = {
      currentTerm: term(wrong.term ?? durableTerm),
      votedFor: nodeId(wrong.votedFor ?? votedFor),
      suspect,
    };
    const log = { base: LOG_START, lastIndex: index(known.length), termRuns: runs.copy() };
    actor.run++;
    actor.machine = new StateMachine();
    actor.raftState = new RaftState({
      id: actor.id,
      voters: this.actors.map((other) => other.id),
      hardState,
      incarnation: incarnation(actor.run),
      log,
      snapshot: null,
      commitIndex: index(0),
      firstConfiguration: null,
      timing: defaultTiming,
      limits: defaultLimits,
      random: new Prng(1),
      trace: null,
      nowMs: 0,
    });
    const recovered = { ...log, commitIndex: index(0) } as Partial<SimRecovery['recovered']>;
    this.judges.started(actor, { recovered, state: hardState } as SimRecovery);
  }

  stop(id: number): void {
    const actor = this.actor(id);
    actor.raftState = null;
    actor.machine = null;
    this.judges.stopped(actor, 'power', null);
  }

  // The core.

  trace(id: number, event: TraceEvent): void {
    this.judges.traced(this.actor(id), event);
  }

  enterTerm(id: number, newTerm: number, votedFor = 0): void {
    const state = this.state(id);
    state.hardState = {
      ...state.hardState,
      currentTerm: term(newTerm),
      votedFor: nodeId(votedFor),
    };
    state.role = 'follower';
    this.trace(id, { kind: 'term', node: nodeId(id), term: term(newTerm) });
  }

  lead(id: number): void {
    const state = this.state(id);
    state.role = 'leader';
    const { currentTerm } = state;
    this.trace(id, {
      kind: 'role',
      node: nodeId(id),
      term: currentTerm,
      role: 'leader',
      reason: '',
    });
  }

  /** Entries of these terms behind what is there. */
  append(id: number, ...terms: readonly number[]): void {
    this.appendEntries(
      id,
      terms.map((each, i) => entryOf(this.state(id).log.lastIndex + 1 + i, each)),
    );
  }

  appendEntries(id: number, entries: readonly Entry[]): void {
    const state = this.state(id);
    for (const entry of entries) state.log.append(entry);
    const [from, to] = [entries[0]!.index, entries.at(-1)!.index];
    this.trace(id, { kind: 'append', node: nodeId(id), term: state.currentTerm, from, to });
  }

  truncate(id: number, from: number): void {
    const state = this.state(id);
    state.log.truncate(index(from));
    const event = { node: nodeId(id), term: state.currentTerm, from: index(from) };
    this.trace(id, { kind: 'truncate', ...event });
  }

  commit(id: number, commitIndex: number): void {
    const state = this.state(id);
    state.commitIndex = index(commitIndex);
    const event = { node: nodeId(id), term: state.currentTerm, commitIndex: index(commitIndex) };
    this.trace(id, { kind: 'commit', ...event });
  }

  /** The log begins anew behind a snapshot. */
  reset(id: number, at: number, itsTerm: number): void {
    const { currentTerm } = this.state(id);
    const point = { index: index(at), snapshotTerm: term(itsTerm) };
    this.trace(id, { kind: 'snapshot', node: nodeId(id), term: currentTerm, ...point });
  }

  /** A leader has made the suspect whole. */
  reinstate(id: number): void {
    const { currentTerm } = this.state(id);
    this.trace(id, { kind: 'reinstated', node: nodeId(id), term: currentTerm });
  }

  step(id: number): void {
    this.judges.stepped(this.actor(id));
  }

  send(id: number, message: Partial<Message> & { kind: Message['kind'] }): void {
    const { currentTerm } = this.state(id);
    const whole = {
      from: nodeId(id),
      to: nodeId((id % this.actors.length) + 1),
      term: currentTerm,
    };
    this.judges.sent(this.actor(id), { ...whole, ...message } as Message);
  }

  acknowledge(id: number, matchIndex: number, inTerm = this.state(id).currentTerm): void {
    this.send(id, {
      kind: 'AppendEntriesResponse',
      success: true,
      matchIndex: index(matchIndex),
      term: inTerm as Term,
    });
  }

  grant(id: number, candidate: number): void {
    this.send(id, { kind: 'RequestVoteResponse', voteGranted: true, to: nodeId(candidate) });
  }

  /** Applies what is at this index, truly. */
  apply(id: number, at: number): void {
    const entry = this.state(id).log.entryAt(index(at));
    this.applyEntry(id, entry, this.actor(id).machine!.apply(entry));
  }

  applyEntry(id: number, entry: Entry, reply: Reply): void {
    this.judges.applied(this.actor(id), entry, reply);
  }

  takeSnapshot(id: number, at: number, itsTerm = 1): void {
    this.judges.snapshotTaken(this.actor(id), infoOf(at, itsTerm));
  }

  installSnapshot(id: number, at: number, itsTerm = 1): void {
    this.judges.snapshotInstalled(this.actor(id), infoOf(at, itsTerm));
  }

  heal(): void {
    this.judges.healed(this.actors);
  }

  // The disk.

  /** A snapshot becomes durable, as a file. */
  saveSnapshot(id: number, at: number, itsTerm = 1): void {
    const meta = { index: index(at), term: term(itsTerm), id: 77, configuration: EMPTY };
    const header = encodeSnapshotHeader(meta, 512);
    const fileCrc = native.crc32(header, 0, header.length, 0);
    const bytes = header.length + SNAPSHOT_FOOTER_BYTES;
    const footer = encodeSnapshotFooter({ fileCrc, blocks: 0, bytes });
    const inode = 10 + at;
    this.names.set(snapshotName(index(at)), inode);
    this.judges.directory(this.actor(id), this.names);
    this.writeDurably(id, inode, 0, concatBytes([header, footer]), bytes);
  }

  private createDirectory(id: number): void {
    const files = this.files[id - 1]!;
    this.judges.directory(this.actor(id), this.names);
    this.saveState(id, 0, 0);
    const header = encodeSegmentHeader({
      segmentId: 1,
      directoryId: files.directoryId,
      segmentBytes: SEGMENT_BYTES,
      firstSequence: 1,
      previousCrc: 0,
      lastIndex: index(0),
      lastTerm: term(0),
    });
    this.writeDurably(id, 3, 0, header, SEGMENT_BYTES);
  }

  /** Makes term and vote durable, in both slots or in these. */
  saveState(
    id: number,
    newTerm: number,
    votedFor: number,
    slots: readonly number[] = [1, 2],
  ): void {
    const files = this.files[id - 1]!;
    files.term = newTerm;
    files.votedFor = votedFor;
    const slot = files.slot();
    for (const inode of slots) this.writeDurably(id, inode, 0, slot, slot.length);
  }

  /** Makes all of the log in memory durable, as one batch. */
  sync(id: number): void {
    const files = this.files[id - 1]!;
    const { log } = this.state(id);
    const builder = new BatchBuilder();
    builder.begin(SEGMENT_BYTES);
    let same = 0;
    while (same < files.entries.length && log.matches(index(same + 1), files.entries[same]!.term)) {
      same++;
    }
    if (same < files.entries.length) builder.addTruncation(index(same + 1));
    files.entries.length = same;
    for (let at = same + 1; at <= log.lastIndex; at++) {
      const entry = log.entryAt(index(at));
      builder.addEntry(entry.record);
      files.entries.push(entry);
    }
    const { bytes, headerCrc } = builder.seal(
      files.place,
      files.chain,
      directorySalt(files.directoryId),
      index(0),
    );
    this.writeDurably(id, 3, files.place.offset, bytes, SEGMENT_BYTES);
    files.chain.sequence++;
    files.chain.headerCrc = headerCrc;
    files.place = { segmentId: 1, offset: files.place.offset + bytes.length };
  }

  /** Rot, in the log's first batch. */
  rot(id: number): void {
    const actor = this.actor(id);
    actor.damage.log = true;
    this.judges.damaged(actor, { what: 'rot', path: segmentName(1), offset: 600, length: 8 });
    this.files[id - 1]!.startAnew();
    const garbage = new Uint8Array(8).fill(0xee);
    this.writeDurably(id, 3, SEGMENT_HEADER_BYTES + 88, garbage, SEGMENT_BYTES, 'damage');
  }

  /** Every batch is gone, as if there had never been one. */
  eraseLog(id: number): void {
    this.files[id - 1]!.startAnew();
    const zeros = new Uint8Array(SEGMENT_BYTES - SEGMENT_HEADER_BYTES);
    this.writeDurably(id, 3, SEGMENT_HEADER_BYTES, zeros, SEGMENT_BYTES);
  }

  /** Bytes become durable as they are. */
  writeDurably(
    id: number,
    inode: number,
    offset: number,
    bytes: Uint8Array,
    size: number,
    cause: 'sync' | 'crash' | 'damage' = 'sync',
  ): void {
    this.judges.durable(this.actor(id), { inode, path: '', offset, bytes, size, cause });
  }

  // The clients.

  invoke(text: string, client = 1): SimOperation {
    this.operations++;
    const operation = {
      id: this.operations,
      client,
      args: text.split(' '),
      deadlineMs: 1000,
      invokedAtMs: 0,
    };
    this.judges.invoked(operation);
    return operation;
  }

  return(operation: SimOperation, outcome: Outcome): void {
    this.judges.returned(operation, outcome);
  }

  answer(operation: SimOperation, text: string): void {
    this.return(operation, { kind: 'reply', value: respOf(text) });
  }

  end(): void {
    this.judges.ended();
  }

  // Whole scenes.

  /** Node 1 leads term 1, and everybody has its entries, durably. Only it knows of the commit. */
  beginTerm(entries: readonly Entry[] = [entryOf(1, 1)]): void {
    for (const { id } of this.actors) {
      this.enterTerm(id, 1, 1);
      this.saveState(id, 1, 1);
    }
    this.lead(1);
    for (const { id } of this.actors) {
      this.appendEntries(id, entries);
      this.sync(id);
    }
    this.commit(1, entries.length);
  }
}

export function entryOf(at: number, itsTerm: number, payload = ''): Entry {
  return sealEntry(unsealedRecord(bytesOf(payload)), EntryType.Noop, term(itsTerm), index(at));
}

export function commandEntry(at: number, itsTerm: number, command: Command): Entry {
  return sealEntry(encodeCommand(command), EntryType.Command, term(itsTerm), index(at));
}

const EMPTY = new Uint8Array(0);

export function infoOf(at: number, itsTerm: number): SnapshotInfo {
  return { index: index(at), term: term(itsTerm), id: 77, bytes: 1000 };
}

export function setEntry(at: number, itsTerm: number, key: string, value: string): Entry {
  return commandEntry(at, itsTerm, {
    kind: 'set',
    key: bytesOf(key),
    value: bytesOf(value),
    condition: 'none',
    comparand: EMPTY,
    get: false,
  });
}

function respOf(text: string): Extract<Outcome, { kind: 'reply' }>['value'] {
  if (text === '(nil)') return { kind: 'null' };
  if (text.startsWith('+')) return { kind: 'simple', text: text.slice(1) };
  if (text.startsWith(':')) return { kind: 'integer', value: Number(text.slice(1)) };
  return { kind: 'bulk', bytes: bytesOf(text.slice(1)) };
}

/** The judge must object, for this reason. */
export function catches(invariant: string, story: () => void, words: RegExp = /./): void {
  assert.throws(story, (error) => {
    assert.ok(error instanceof Violation, String(error));
    assert.equal(error.invariant, invariant, error.message);
    assert.match(error.text, words);
    return true;
  });
}
