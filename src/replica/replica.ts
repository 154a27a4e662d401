import { assert } from '../base/assert.ts';
import { hex } from '../base/bytes.ts';
import { type Entry, EntryType } from '../base/entry.ts';
import { INDEX_ZERO, type Index, NOBODY, type NodeId, type Term } from '../base/ids.ts';
import { checkLimits, type Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { Reply } from '../kv/reply.ts';
import { StateMachine } from '../kv/state-machine.ts';
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type Member,
} from '../raft/configuration.ts';
import type { Effects, ReadEntries } from '../raft/effects.ts';
import type { Message } from '../raft/messages.ts';
import { Raft } from '../raft/raft.ts';
import type { RaftTiming } from '../raft/timing.ts';
import type { TraceEvent } from '../raft/trace.ts';
import { type Disk, DiskError } from '../storage/disk.ts';
import { Storage } from '../storage/storage.ts';
import { Admission, type Testimony } from './admission.ts';
import { Applier } from './applier.ts';
import { Clients } from './clients.ts';
import type { Clock, Timer } from './clock.ts';
import { type Failure, failureOf } from './failure.ts';
import { membersImage, StorageIdentityBook } from './identity-book.ts';
import type { Log } from './log-line.ts';
import type { Address, Network } from './network.ts';
import { Peers } from './peers.ts';
import { Promises } from './promises.ts';
import { type RequestTiming, Router } from './router.ts';
import type { FollowerView, NodeView, Phase } from './status.ts';

export interface ReplicaOptions {
  /** This node's name, one of the members'. */
  readonly name: string;
  /** The cluster's first members, in the order of their ids; the same on every node. */
  readonly members: readonly Member[];
  /** Where to bind; what others connect to is the member's own address. */
  readonly listenClients: Address;
  readonly listenPeers: Address;
  readonly disk: Disk;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Prng;
  /** 16 unpredictable bytes each, used only if the directory is new. */
  readonly freshDirectoryId: Uint8Array;
  readonly freshClusterId: Uint8Array;
  readonly limits: Limits;
  readonly raftTiming: RaftTiming;
  readonly requestTiming: RequestTiming;
  readonly log: Log;
  /** Hears every transition of the core; null costs nothing. */
  readonly trace: ((event: TraceEvent) => void) | null;
  /** The node can't go on: the process must end, with this sentence. Called at most once. */
  readonly onFatal: (reason: Failure) => void;
}

/** Idle for this long, the log gets a mark that covers its last batch. */
const MARK_AFTER_IDLE_MS = 100;
const RETRY_ALLOCATION_MS = 500;
/** At a stop: for the leadership to be handed over and for the last answers to leave. */
const DRAIN_MS = 1000;

/**
 * One replica: the consensus core, the log on disk and the state machine, driven by one loop.
 * Inputs (peers' messages, clients' commands, completions, the clock) only change the core's state
 * and ask for a turn; a turn takes the core's effects, carries them out, applies what is committed,
 * and writes what it has produced: one batch, one AppendEntries a follower, one write a socket.
 */
export class Replica implements NodeView {
  readonly self: Member;
  readonly members: readonly Member[];
  private readonly options: ReplicaOptions;
  private readonly clock: Clock;
  private readonly storage: Storage;
  private readonly machine: StateMachine;
  private readonly applier: Applier;
  private readonly router: Router;
  private readonly promises: Promises;
  private readonly peers: Peers;
  private readonly clientServer: Clients;
  private readonly admission: Admission;
  /** Null while joining: a node that may not vote has no core to do it. */
  private raft: Raft | null = null;
  private phaseNow: Phase = 'joining';
  private knownLeader: NodeId = NOBODY;
  private turnAsked = false;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private markAtMs = Number.POSITIVE_INFINITY;
  private retryAtMs = Number.POSITIVE_INFINITY;
  private failed = false;
  private closed = false;
  private whenStopped: (() => void) | null = null;
  private stopDeadlineMs = Number.POSITIVE_INFINITY;

  /** Opens the data directory, or creates it when it is empty. Nothing is served before `start`. */
  static open(options: ReplicaOptions): Replica | Failure {
    checkLimits(options.limits);
    const self = options.members.find((member) => member.name === options.name);
    assert(self !== undefined, () => `${options.name} is not a member`);
    const image = membersImage(options.members);
    if (Storage.isEmpty(options.disk)) {
      Storage.create(options.disk, options.limits, {
        nodeId: self.id,
        name: self.name,
        directoryId: options.freshDirectoryId,
        membersImage: image,
      });
    }
    const storage = Storage.open(options.disk, options.limits);
    if (!(storage instanceof Storage)) return failureOf(storage);
    const mismatch = StorageIdentityBook.mismatch(storage, self, options.members);
    return mismatch ?? new Replica(options, self, storage);
  }

  private constructor(options: ReplicaOptions, self: Member, storage: Storage) {
    this.options = options;
    this.self = self;
    this.members = options.members;
    this.clock = options.clock;
    this.storage = storage;
    this.machine = new StateMachine();
    this.router = new Router(this, options.limits, options.requestTiming);
    this.applier = new Applier({
      entriesInMemory: (from, bytesMax, to) => this.raft!.entriesInMemory(from, bytesMax, to),
      readFromDisk: (from, to, bytesMax, done) => this.readFromDisk(from, to, bytesMax, done),
      apply: (entry) => this.machine.apply(entry),
      applied: (entry, reply) => this.onApplied(entry, reply),
      wake: () => this.askForTurn(),
    });
    const others = options.members.filter((member) => member !== self);
    this.admission = new Admission(others);
    this.peers = this.makePeers(others);
    this.promises = new Promises((message) => this.peers.send(message));
    this.clientServer = new Clients({
      network: options.network,
      limits: options.limits,
      view: this,
      router: this.router,
      clock: options.clock,
      askForTurn: () => this.askForTurn(),
      log: options.log,
    });
    storage.onPersisted = (sequence) => {
      this.promises.persisted(sequence);
      this.raft?.persisted(this.clock.now(), sequence);
      this.markAtMs = this.clock.now() + MARK_AFTER_IDLE_MS;
      this.askForTurn();
    };
    storage.onFatal = (error) =>
      this.fail({
        code: 'disk',
        message: `the disk failed: ${error.message}`,
        remedy: 'what was acknowledged is safe on the other members; check the disk, then restart',
      });
  }

  /** Listens for peers and clients. `done` gets null, or why it can't. */
  start(done: (error: string | null) => void): void {
    this.logRecovery();
    // Before the first link opens, so that the core hears of every one.
    if (this.storage.state.admitted) this.startRaft();
    this.peers.start(this.options.listenPeers, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.clientServer.listen(this.options.listenClients, (clientError) => {
        if (clientError === null) this.join();
        done(clientError);
      });
    });
  }

  /**
   * Hands leadership over, answers what is pending, closes everything in order. Calls back once.
   */
  stop(done: () => void): void {
    assert(this.whenStopped === null, () => 'stop is called once');
    this.whenStopped = done;
    this.phaseNow = 'stopping';
    this.stopDeadlineMs = this.clock.now() + DRAIN_MS;
    this.clientServer.stopListening();
    this.raft?.transferLeadership(this.clock.now(), null);
    this.askForTurn();
  }

  get clientAddress(): Address {
    return this.clientServer.address;
  }

  // What the node knows of itself and of the cluster.

  get phase(): Phase {
    return this.phaseNow;
  }

  get leader(): Member | null {
    const leaderId = this.raft?.leaderId ?? NOBODY;
    return leaderId === NOBODY ? null : this.memberOf(leaderId);
  }

  get role() {
    return this.raft?.role ?? 'follower';
  }

  get term(): Term {
    return this.raft?.currentTerm ?? this.storage.state.currentTerm;
  }

  get commitIndex(): Index {
    return this.raft?.commitIndex ?? INDEX_ZERO;
  }

  get lastApplied(): Index {
    return this.applier.lastApplied;
  }

  get lastIndex(): Index {
    return this.raft?.lastIndex ?? this.storage.recovered.lastIndex;
  }

  get clusterId(): string {
    return hex(this.storage.state.clusterId);
  }

  get revision(): number {
    return this.machine.revision;
  }

  get keys(): number {
    return this.machine.size;
  }

  /** Equal on replicas that have applied the same. */
  get stateHash(): number {
    return this.machine.hash();
  }

  get clients(): number {
    return this.clientServer.count;
  }

  get storageSpace(): 'ok' | 'full' {
    return this.storage.space;
  }

  get followers(): readonly FollowerView[] {
    const raft = this.raft;
    if (raft === null || raft.role !== 'leader') return [];
    const nowMs = this.clock.now();
    return this.members
      .filter((member) => member !== this.self)
      .map((member) => {
        const progress = raft.progressOf(member.id);
        const heard = progress !== null && progress.lastHeardMs > Number.NEGATIVE_INFINITY;
        return {
          id: member.id,
          matchIndex: progress?.matchIndex ?? INDEX_ZERO,
          lastHeardMs: heard ? Math.round(nowMs - progress.lastHeardMs) : null,
          state: progress?.state ?? 'probe',
        };
      });
  }

  // The start.

  private join(): void {
    if (this.storage.state.admitted) return;
    if (this.admission.granted) {
      this.admit();
      return;
    }
    this.options.log({
      level: 'info',
      event: 'joining',
      message: `first start: waiting for ${this.admission.waitingFor.join(', ')}`,
      fields: { members: this.members.length },
    });
    this.askForTurn();
  }

  private onAdmission(from: NodeId, testimony: Testimony): void {
    if (this.storage.state.admitted || this.failed) return;
    if (!this.admission.heard(from, testimony)) {
      this.fail({
        code: 'emptied',
        message:
          `${this.memberOf(from).name} knows ${this.self.name} with another data directory: this ` +
          'one is new or was emptied, and has forgotten what the old one promised',
        remedy:
          `start ${this.self.name} with its old data directory; an empty one may never vote ` +
          'under a name that has voted before',
      });
      return;
    }
    if (this.admission.granted) this.admit();
  }

  /** Durable before the first vote: after a crash, "never bound" may no longer be true. */
  private admit(): void {
    this.storage.saveIdentity({ admitted: true }, () => {
      this.peers.identityChanged();
      if (this.raft === null) this.startRaft();
    });
  }

  private startRaft(): void {
    if (this.failed || this.closed) return;
    const { recovered, state } = this.storage;
    const firstConfiguration: Configuration = {
      clusterId: this.options.freshClusterId,
      members: this.members,
    };
    this.raft = new Raft({
      id: this.self.id,
      voters: this.members.map((member) => member.id),
      hardState: { currentTerm: state.currentTerm, votedFor: state.votedFor },
      log: { lastIndex: recovered.lastIndex, termRuns: recovered.termRuns },
      commitIndex: recovered.commitIndex,
      firstConfiguration: encodeConfiguration(firstConfiguration),
      timing: this.options.raftTiming,
      limits: this.options.limits,
      random: this.options.random.fork(),
      trace: (event) => this.onTrace(event),
      nowMs: this.clock.now(),
    });
    const raft = this.raft;
    this.router.open({
      propose: (record) => raft.propose(this.clock.now(), EntryType.Command, record),
      get currentTerm() {
        return raft.currentTerm;
      },
    });
    if (this.phaseNow === 'joining') this.phaseNow = 'running';
    this.askForTurn();
  }

  private makePeers(others: readonly Member[]): Peers {
    const { options } = this;
    return new Peers({
      network: options.network,
      clock: options.clock,
      random: options.random.fork(),
      limits: options.limits,
      identity: new StorageIdentityBook(this.storage),
      members: others,
      events: {
        onMessage: (message) => this.onMessage(message),
        onConnected: (peer, incarnation) => {
          this.raft?.peerConnected(this.clock.now(), peer, incarnation);
          this.askForTurn();
        },
        onDisconnected: () => {},
        onProcessGone: (peer, incarnation) => {
          this.raft?.peerProcessGone(this.clock.now(), peer, incarnation);
          this.askForTurn();
        },
        onAdmission: (peer, testimony) => this.onAdmission(peer, testimony),
        onRefused: (peer, code, text) => this.logPeer('peer-refused', peer, text, code),
        onNotice: (peer, text) => this.logPeer('peer-notice', peer, text, null),
      },
    });
  }

  // The loop.

  private onMessage(message: Message): void {
    this.raft?.step(this.clock.now(), message);
    this.askForTurn();
  }

  private askForTurn(): void {
    if (this.turnAsked || this.closed) return;
    this.turnAsked = true;
    this.clock.soon(() => this.turn());
  }

  private turn(): void {
    this.turnAsked = false;
    if (this.failed || this.closed) return;
    const nowMs = this.clock.now();
    this.clientServer.beginTurn();
    this.runTimers(nowMs);
    if (this.raft !== null) {
      this.noticeLeader(this.raft);
      this.carryOut(this.raft);
      this.applier.run();
      this.carryOut(this.raft);
    }
    this.clientServer.flush();
    if (this.whenStopped !== null) this.continueStopping(nowMs);
    this.armTimer();
  }

  private noticeLeader(raft: Raft): void {
    if (raft.leaderId === this.knownLeader) return;
    this.knownLeader = raft.leaderId;
    this.router.leaderMayHaveChanged();
  }

  private carryOut(raft: Raft): void {
    for (
      let effects = raft.takeEffects(this.clock.now());
      effects !== null;
      effects = raft.takeEffects(this.clock.now())
    ) {
      this.carryOutOne(effects);
      this.noticeLeader(raft);
    }
  }

  private carryOutOne(effects: Effects): void {
    for (const message of effects.messages) this.peers.send(message);
    if (effects.persist !== null) this.storage.persist(effects.persist);
    this.promises.hold(effects.promisesAfter, effects.promises);
    this.applier.committed(effects.commitIndex);
    for (const read of effects.reads) this.readForFollower(read);
  }

  private runTimers(nowMs: number): void {
    if (this.raft !== null && this.raft.nextTickMs <= nowMs) this.raft.tick(nowMs);
    if (this.router.nextDeadlineMs <= nowMs) this.router.expire(nowMs);
    if (this.markAtMs <= nowMs) {
      this.markAtMs = Number.POSITIVE_INFINITY;
      if (this.storage.dirtySinceMark) this.storage.writeMark();
    }
    this.retryAllocation(nowMs);
  }

  /** Asks a disk without room for the next segment again from time to time: also after a start at
   *  which nothing could be made durable at all. */
  private retryAllocation(nowMs: number): void {
    if (this.storage.space === 'ok') {
      this.retryAtMs = Number.POSITIVE_INFINITY;
    } else if (this.retryAtMs === Number.POSITIVE_INFINITY) {
      this.retryAtMs = nowMs + RETRY_ALLOCATION_MS;
    } else if (this.retryAtMs <= nowMs) {
      this.storage.retryAllocation();
      this.retryAtMs = nowMs + RETRY_ALLOCATION_MS;
    }
  }

  /** One timer for everything. It is only moved forward in time when it must ring earlier. */
  private armTimer(): void {
    if (this.closed) return;
    const atMs = Math.min(
      this.raft?.nextTickMs ?? Number.POSITIVE_INFINITY,
      this.router.nextDeadlineMs,
      this.markAtMs,
      this.retryAtMs,
      this.stopDeadlineMs,
    );
    if (atMs >= this.timerAtMs || atMs === Number.POSITIVE_INFINITY) return;
    this.timer?.cancel();
    this.timerAtMs = atMs;
    this.timer = this.clock.timer(atMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.askForTurn();
    });
  }

  // Entries from disk, and what becomes of them.

  private readForFollower(read: ReadEntries): void {
    const raft = this.raft!;
    const done = (entries: readonly Entry[]) => {
      raft.entriesRead(this.clock.now(), read, entries);
      this.askForTurn();
    };
    this.readFromDisk(read.from, read.to, read.bytesMax, done);
  }

  private readFromDisk(
    from: Index,
    to: Index,
    bytesMax: number,
    done: (entries: readonly Entry[]) => void,
  ): void {
    const raft = this.raft!;
    this.storage.readEntries(
      from,
      to,
      bytesMax,
      (at) => raft.termAt(at),
      (result) => {
        if (this.failed || this.closed) return;
        if (!(result instanceof DiskError)) {
          done(result);
          return;
        }
        this.fail({
          code: 'disk',
          message: `entry ${from} of the log can't be read back: ${result.message}`,
          remedy: 'what was acknowledged is safe on the other members; check the disk',
        });
      },
    );
  }

  private onApplied(entry: Entry, reply: Reply): void {
    if (entry.type === EntryType.Configuration) this.onConfiguration(entry);
    this.router.settle(entry, reply);
    this.raft!.applied(entry.index);
  }

  /** The first configuration is committed: from now on the cluster has its id, on this node too. */
  private onConfiguration(entry: Entry): void {
    const configuration = decodeConfiguration(entry.payload);
    assert(configuration !== null, () => `entry ${entry.index} is no configuration`);
    if (this.clusterId === hex(configuration.clusterId)) return;
    this.storage.saveIdentity({ clusterId: configuration.clusterId }, () => {
      this.peers.identityChanged();
    });
  }

  // The end.

  private continueStopping(nowMs: number): void {
    const handedOver =
      this.raft === null || this.raft.role !== 'leader' || this.members.length === 1;
    if (handedOver) this.router.refuseParked(`${this.self.name} is stopping; nothing was appended`);
    const drained = handedOver && this.router.unanswered === 0;
    if (!drained && nowMs < this.stopDeadlineMs) return;
    this.stopDeadlineMs = Number.POSITIVE_INFINITY;
    this.router.refuseParked(`${this.self.name} is stopping; nothing was appended`);
    this.clientServer.flush();
    this.close();
    this.storage.close(() => this.whenStopped!());
  }

  private close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.clientServer.close();
    this.peers.close();
  }

  private fail(reason: Failure): void {
    if (this.failed || this.closed) return;
    this.failed = true;
    this.close();
    this.options.onFatal(reason);
  }

  // Talk.

  private memberOf(id: NodeId): Member {
    const member = this.members[id - 1];
    assert(member !== undefined && member.id === id, () => `no member ${id}`);
    return member;
  }

  private onTrace(event: TraceEvent): void {
    this.options.trace?.(event);
    if (event.kind !== 'role' && event.kind !== 'leader') return;
    const { log } = this.options;
    if (event.kind === 'role') {
      const { role, term, reason } = event;
      const message = `${role} in term ${term}: ${reason}`;
      log({ level: 'info', event: 'role', message, fields: { role, term, reason } });
    } else if (event.leader !== NOBODY) {
      const leader = this.memberOf(event.leader).name;
      const message = `${leader} leads term ${event.term}`;
      log({ level: 'info', event: 'leader', message, fields: { leader, term: event.term } });
    }
  }

  private logPeer(event: string, peer: NodeId, message: string, code: string | null): void {
    const name = peer === NOBODY ? null : this.memberOf(peer).name;
    this.options.log({ level: 'warn', event, message, fields: { peer: name, code } });
  }

  private logRecovery(): void {
    const { recovered, state } = this.storage;
    this.options.log({
      level: recovered.tornBytes > 0 ? 'warn' : 'info',
      event: 'recovered',
      message:
        `log of ${recovered.lastIndex} entries, term ${state.currentTerm}, start ${state.incarnation}` +
        (recovered.tornBytes > 0
          ? `; cut a torn tail of ${recovered.tornBytes} bytes that nobody was promised`
          : ''),
      fields: {
        lastIndex: recovered.lastIndex,
        commitIndex: recovered.commitIndex,
        term: state.currentTerm,
        incarnation: state.incarnation,
        tornBytes: recovered.tornBytes,
      },
    });
  }
}
