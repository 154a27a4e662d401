import { assert } from '../base/assert.ts';
import { hex } from '../base/bytes.ts';
import { type Entry, EntryType } from '../base/entry.ts';
import {
  type Index,
  NOBODY,
  type NodeId,
  TERM_ZERO,
  type Term,
  type WalSequence,
} from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { Reply } from '../kv/reply.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { decodeConfiguration } from '../raft/configuration.ts';
import type { Effects, ReadEntries } from '../raft/effects.ts';
import type { Message } from '../raft/messages.ts';
import type { Raft } from '../raft/raft.ts';
import { DiskError } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';
import { Applier } from './applier.ts';
import type { Clock } from './clock.ts';
import { type Failure, unreadable } from './failure.ts';
import type { Journal } from './journal.ts';
import type { ReplicaOptions } from './options.ts';
import type { Peers } from './peers.ts';
import type { Probe } from './probe.ts';
import { Promises } from './promises.ts';
import { recoveredRaft } from './recovered-raft.ts';
import type { ReplicaView } from './replica-view.ts';
import type { Proposer, Router } from './router.ts';
import { Snapshots } from './snapshots.ts';

/** What the core's effects act upon. */
export interface CoreHostParts {
  readonly options: ReplicaOptions;
  readonly view: ReplicaView;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly hashKey: HashKey;
  readonly router: Router;
  readonly peers: Peers;
  readonly journal: Journal;
}

export interface CoreHostEvents {
  askForTurn(): void;
  /** The node can't go on. */
  fail(failure: Failure): void;
}

/** Of the order of keys that a start has postponed, in looks at a key: a millisecond or two. */
const ARRANGE_WORK_PER_TURN = 20_000;

/**
 * The consensus core of a node that may vote, and the host that it needs (raft/effects.ts): what it
 * asks for goes to the disk, to the peers and to the state machine, and what became of it goes back.
 */
export class CoreHost implements Proposer {
  readonly raft: Raft;
  readonly snapshots: Snapshots;
  private readonly clock: Clock;
  private readonly probe: Probe | null;
  private readonly parts: CoreHostParts;
  private readonly events: CoreHostEvents;
  private readonly applier: Applier;
  private readonly promises: Promises;
  private knownLeader: NodeId = NOBODY;
  private closed = false;

  constructor(parts: CoreHostParts, events: CoreHostEvents) {
    const { options, view, storage, journal } = parts;
    this.clock = options.clock;
    this.probe = options.probe;
    this.parts = parts;
    this.events = events;
    const trace = journal.following(options.trace);
    this.raft = recoveredRaft(options, view.self, storage, trace);
    this.promises = new Promises((message) => this.send(message));
    this.applier = new Applier(parts.machine, {
      entriesInMemory: (from, bytesMax, to) => this.raft.entriesInMemory(from, bytesMax, to),
      readFromDisk: (from, to, bytesMax, done) => this.readFromDisk(from, to, bytesMax, done),
      applied: (entry, reply) => this.onApplied(entry, reply),
      wake: () => events.askForTurn(),
    });
    this.snapshots = this.makeSnapshots();
  }

  private makeSnapshots(): Snapshots {
    const { clock, raft, probe, events } = this;
    const { options, storage, machine, hashKey, journal } = this.parts;
    const { limits } = options;
    const random = options.random.fork();
    const parts = { raft, storage, machine, hashKey, limits, random, clock };
    const snapshots = new Snapshots(parts, {
      taken: (info, tookMs) => {
        journal.snapshotTaken(info, tookMs);
        probe?.snapshotTaken(info);
        events.askForTurn();
      },
      postponed: (error) => journal.snapshotPostponed(error.message),
      installing: (info) => {
        journal.snapshotReceived(info);
        this.applier.hold();
      },
      installed: (info) => this.onInstalled(info),
      fail: (failure) => events.fail(failure),
      askForTurn: () => events.askForTurn(),
    });
    const { snapshot } = storage.recovered;
    if (snapshot !== null) snapshots.configuration = snapshot.configuration;
    return snapshots;
  }

  /** For good. */
  close(): void {
    this.closed = true;
    this.snapshots.close();
  }

  // What goes in.

  propose(record: Uint8Array): ReturnType<Proposer['propose']> {
    return this.raft.propose(this.clock.now(), EntryType.Command, record);
  }

  get currentTerm(): Term {
    return this.raft.currentTerm;
  }

  /** Everything up to this sequence is durable. */
  persisted(sequence: WalSequence): void {
    this.promises.persisted(sequence);
    this.raft.persisted(this.clock.now(), sequence);
  }

  tick(nowMs: number): void {
    if (this.raft.nextTickMs <= nowMs) this.raft.tick(nowMs);
  }

  get nextDeadlineMs(): number {
    return Math.min(this.raft.nextTickMs, this.snapshots.nextDeadlineMs);
  }

  // What comes out.

  /** Whether a turn would find something to do. */
  get wantsTurn(): boolean {
    const { raft } = this;
    return raft.leaderId !== this.knownLeader || this.snapshots.isAtWork || raft.wantsTurn;
  }

  /** What clients wait for may depend on who leads. */
  noticeLeader(): void {
    const { leaderId } = this.raft;
    if (leaderId === this.knownLeader) return;
    this.knownLeader = leaderId;
    this.parts.router.leaderMayHaveChanged();
  }

  /** Takes the core's effects and carries them out, until it has no more. */
  carryOut(): void {
    for (
      let effects = this.raft.takeEffects(this.clock.now());
      effects !== null;
      effects = this.raft.takeEffects(this.clock.now())
    ) {
      this.carryOutOne(effects);
      this.noticeLeader();
    }
  }

  private carryOutOne(effects: Effects): void {
    const { storage, peers } = this.parts;
    for (const message of effects.messages) this.send(message);
    if (effects.persist !== null) {
      // The followers begin while this node writes the same to its own disk (dissertation §10.2.1).
      if (effects.messages.length > 0) peers.flush();
      storage.persist(effects.persist);
    }
    this.promises.hold(effects.promisesAfter, effects.promises);
    this.applier.committed(effects.commitIndex);
    for (const read of effects.reads) this.readForFollower(read);
    this.snapshots.carryOut(effects);
  }

  private send(message: Message): void {
    this.probe?.sent(message);
    this.parts.peers.send(message);
  }

  /** A turn's part of what takes longer: snapshots, and applying what is committed. */
  work(nowMs: number): void {
    this.snapshots.run(nowMs);
    this.applier.run();
    // A replay is through: what it has left undone is done a slice a turn.
    if (this.applier.isIdle && this.parts.machine.arrange(ARRANGE_WORK_PER_TURN)) {
      this.events.askForTurn();
    }
  }

  // Entries from disk, and what becomes of them.

  private readForFollower(read: ReadEntries): void {
    this.readFromDisk(read.from, read.to, read.bytesMax, (entries) => {
      this.raft.entriesRead(this.clock.now(), read, entries);
      this.events.askForTurn();
    });
  }

  private readFromDisk(
    from: Index,
    to: Index,
    bytesMax: number,
    done: (entries: readonly Entry[]) => void,
  ): void {
    const { raft } = this;
    this.parts.storage.readEntries(
      from,
      to,
      bytesMax,
      // What was compacted meanwhile is of no term that the reader would look for.
      (at) => (at < raft.base.index ? TERM_ZERO : raft.termAt(at)),
      (result) => {
        if (this.closed) return;
        if (result instanceof DiskError) {
          this.events.fail(unreadable(from, result.message));
        } else {
          done(result);
        }
      },
    );
  }

  private onApplied(entry: Entry, reply: Reply): void {
    this.probe?.applied(entry, reply);
    if (entry.type === EntryType.Configuration) this.onConfiguration(entry.index, entry.payload);
    this.parts.router.settle(entry, reply);
    this.raft.applied(entry.index);
  }

  /** The machine has jumped to a snapshot: what was applied on the way there, nobody here knows. */
  private onInstalled(info: SnapshotInfo): void {
    const { journal, router, storage } = this.parts;
    journal.snapshotInstalled(info);
    this.probe?.snapshotInstalled(info);
    this.onConfiguration(info.index, storage.snapshots.newest!.configuration);
    router.jump(info);
    this.raft.applied(info.index);
    this.applier.release();
  }

  /** The first configuration is committed: from now on the cluster has its id, on this node too. */
  private onConfiguration(at: Index, payload: Uint8Array): void {
    const { peers, storage, view } = this.parts;
    const configuration = decodeConfiguration(payload);
    assert(configuration !== null, () => `entry ${at} is no configuration`);
    this.snapshots.configuration = payload;
    if (view.clusterId === hex(configuration.clusterId)) return;
    storage.saveIdentity({ clusterId: configuration.clusterId }, () => peers.identityChanged());
  }
}
