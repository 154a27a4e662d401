import { assert } from '../base/assert.ts';
import { hex } from '../base/bytes.ts';
import { type Entry, EntryType } from '../base/entry.ts';
import { type Index, NOBODY, type NodeId, TERM_ZERO } from '../base/ids.ts';
import { checkLimits } from '../base/limits.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { Reply } from '../kv/reply.ts';
import { StateMachine } from '../kv/state-machine.ts';
import { decodeConfiguration, encodeConfiguration, type Member } from '../raft/configuration.ts';
import type { Effects, ReadEntries } from '../raft/effects.ts';
import type { Message } from '../raft/messages.ts';
import { Raft } from '../raft/raft.ts';
import { DiskError } from '../storage/disk.ts';
import { Storage } from '../storage/storage.ts';
import { Admission } from './admission.ts';
import { Applier } from './applier.ts';
import { Clients } from './clients.ts';
import type { Clock, Timer } from './clock.ts';
import { diskFailed, disowned, emptied, type Failure, unreadable } from './failure.ts';
import { isKnown } from './identity.ts';
import { StorageIdentityBook } from './identity-book.ts';
import { Joining } from './joining.ts';
import { Journal } from './journal.ts';
import type { Address } from './network.ts';
import { openStorage } from './open-storage.ts';
import type { ReplicaOptions } from './options.ts';
import { Peers } from './peers.ts';
import { Promises } from './promises.ts';
import { ReplicaView } from './replica-view.ts';
import { Router } from './router.ts';
import { Snapshots } from './snapshots.ts';
import { StartingState } from './starting-state.ts';
import { Upkeep } from './upkeep.ts';

/** At a stop: for the leadership to be handed over and for the last answers to leave. */
const DRAIN_MS = 1000;
/** Of the order of keys that a start has postponed, in looks at a key: a millisecond or two. */
const ARRANGE_WORK_PER_TURN = 20_000;

/**
 * One replica: the consensus core, the log on disk and the state machine, driven by one loop.
 * Inputs (peers' messages, clients' commands, completions, the clock) only change the core's state
 * and ask for a turn, where it would find something to do; a turn takes the core's effects, carries
 * them out, applies what is committed, and writes what it has produced: one batch, one AppendEntries
 * a follower, one write a socket.
 */
export class Replica {
  /** What the node knows of itself and of the cluster. */
  readonly view: ReplicaView;
  private readonly options: ReplicaOptions;
  private readonly clock: Clock;
  private readonly storage: Storage;
  private readonly machine: StateMachine;
  private readonly hashKey: HashKey;
  private readonly applier: Applier;
  private readonly router: Router;
  private readonly promises: Promises;
  private readonly peers: Peers;
  private readonly clients: Clients;
  private readonly joining: Joining;
  private readonly upkeep: Upkeep;
  private readonly journal: Journal;
  /** Null while joining. */
  private raft: Raft | null = null;
  private snapshots: Snapshots | null = null;
  private knownLeader: NodeId = NOBODY;
  private turnAsked = false;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  /** Set once, by `stop` or by a failure: nothing is heard or done any more. */
  private closed = false;
  private whenStopped: (() => void) | null = null;
  private stopDeadlineMs = Number.POSITIVE_INFINITY;

  /** Opens the data directory, or creates it when it is empty. Nothing is served before `start`. */
  static open(options: ReplicaOptions): Replica | Failure {
    checkLimits(options.limits);
    const self = options.members.find((member) => member.name === options.name);
    assert(self !== undefined, () => `${options.name} is not a member`);
    const hashKey = { low: options.random.u32() | 0, high: options.random.u32() | 0 };
    const state = new StartingState(hashKey);
    const storage = openStorage(options, self, state);
    if (!(storage instanceof Storage)) return storage;
    const machine = new StateMachine(hashKey);
    machine.postponeOrder();
    const failure = state.restore(storage.recovered.snapshot, machine);
    return failure ?? new Replica(options, self, storage, machine, hashKey);
  }

  private constructor(
    options: ReplicaOptions,
    self: Member,
    storage: Storage,
    machine: StateMachine,
    hashKey: HashKey,
  ) {
    const { clock, limits, members, network } = options;
    this.options = options;
    this.clock = clock;
    this.storage = storage;
    this.machine = machine;
    this.hashKey = hashKey;
    this.journal = new Journal(options.log, members);
    const clientCount = () => this.clients.count;
    const { elections } = this.journal;
    const host = options.host ?? null;
    const isTakingSnapshot = () => this.snapshots?.isTaking ?? false;
    const known = { self, members, storage, machine, clock, elections, host };
    this.view = new ReplicaView({ ...known, clientCount, isTakingSnapshot });
    const askForTurn = () => this.askForTurn();
    const forwarding = options.follower === 'proxy' ? { network, clock, askForTurn } : null;
    this.router = new Router(this.view, limits, options.requestTiming, forwarding);
    this.applier = new Applier(machine, {
      entriesInMemory: (from, bytesMax, to) => this.raft!.entriesInMemory(from, bytesMax, to),
      readFromDisk: (from, to, bytesMax, done) => this.readFromDisk(from, to, bytesMax, done),
      applied: (entry, reply) => this.onApplied(entry, reply),
      wake: () => this.askForTurn(),
    });
    const others = members.filter((member) => member !== self);
    this.joining = this.makeJoining(new Admission(others, storage.state.admitted));
    this.upkeep = new Upkeep(storage);
    this.peers = this.makePeers(others);
    this.promises = new Promises((message) => this.send(message));
    this.clients = new Clients({
      network,
      limits,
      view: this.view,
      router: this.router,
      clock,
      askForTurn,
    });
    storage.onPersisted = (sequence) => {
      this.promises.persisted(sequence);
      this.raft?.persisted(clock.now(), sequence);
      this.upkeep.wrote(clock.now());
      this.heardSomething();
    };
    storage.onFatal = (error) => this.fail(brokenDisk(error));
    options.probe?.opened(storage, machine);
  }

  /** Listens for peers and clients. `done` gets null, or why it can't. */
  start(done: (error: string | null) => void): void {
    this.journal.recovered(this.storage);
    // Before the first link opens, so that the core hears of every one.
    if (this.storage.state.established) this.startRaft();
    this.peers.start(this.options.listenPeers, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.clients.listen(this.options.listenClients, (clientError) => {
        if (clientError === null) this.joining.begin();
        done(clientError);
      });
    });
  }

  /** Hands leadership over, answers what is pending, closes everything in order. Calls back once. */
  stop(done: () => void): void {
    assert(this.whenStopped === null, () => 'stop is called once');
    this.whenStopped = done;
    this.view.phase = 'stopping';
    this.stopDeadlineMs = this.clock.now() + DRAIN_MS;
    this.clients.stopListening();
    this.raft?.transferLeadership(this.clock.now(), null);
    this.askForTurn();
  }

  get clientAddress(): Address {
    return this.clients.address;
  }

  // The start.

  /**
   * This directory is an old copy. The mark is durable before the process ends, so that the next start
   * is refused without asking: were it counted, an old copy that a supervisor starts again and again
   * would outgrow the history by which the others know it. Nothing is said or heard meanwhile, and a
   * disk that fails now changes nothing.
   */
  private onDisowned(from: NodeId, text: string): void {
    if (this.closed) return;
    this.close();
    const end = () => {
      this.storage.onFatal = () => {};
      this.options.onFatal(disowned(this.memberOf(from).name, text));
    };
    this.storage.onFatal = end;
    this.storage.saveIdentity({ disowned: true }, end);
  }

  private startRaft(): void {
    if (this.closed) return;
    const { options, clock } = this;
    const { recovered, state } = this.storage;
    const raft = new Raft({
      id: this.view.self.id,
      voters: this.view.members.map((member) => member.id),
      hardState: {
        currentTerm: state.currentTerm,
        votedFor: state.votedFor,
        suspect: state.suspect,
      },
      incarnation: state.incarnation,
      log: {
        base: recovered.base,
        lastIndex: recovered.lastIndex,
        termRuns: recovered.termRuns,
      },
      snapshot: recovered.snapshot,
      commitIndex: recovered.commitIndex,
      firstConfiguration: encodeConfiguration({
        // Members that have lost all of their log still know the cluster that they are in.
        clusterId: isKnown(state.clusterId) ? state.clusterId : options.freshClusterId,
        members: options.members,
      }),
      timing: options.raftTiming,
      limits: options.limits,
      random: options.random.fork(),
      trace: this.journal.following(options.trace),
      nowMs: clock.now(),
    });
    this.raft = raft;
    this.view.raft = raft;
    this.snapshots = this.makeSnapshots(raft);
    options.probe?.coreStarted(raft.state);
    if (this.view.phase === 'joining') this.view.phase = 'running';
    this.router.open({
      propose: (record) => raft.propose(clock.now(), EntryType.Command, record),
      get currentTerm() {
        return raft.currentTerm;
      },
    });
    this.askForTurn();
  }

  private makeJoining(admission: Admission): Joining {
    return new Joining(this.storage, admission, {
      waiting: (names) => this.journal.joining(names),
      identityChanged: () => this.peers.identityChanged(),
      established: () => {
        // The core first, so that it hears of every link.
        this.startRaft();
        this.peers.identityChanged();
      },
      emptied: (by) => this.fail(emptied(this.view.self.name, this.memberOf(by).name)),
    });
  }

  private makeSnapshots(raft: Raft): Snapshots {
    const { machine, storage, hashKey, clock, journal } = this;
    const { limits, probe } = this.options;
    const random = this.options.random.fork();
    const parts = { raft, storage, machine, hashKey, limits, random, clock };
    const snapshots = new Snapshots(parts, {
      taken: (info, tookMs) => {
        journal.snapshotTaken(info, tookMs);
        probe?.snapshotTaken(info);
        this.askForTurn();
      },
      postponed: (error) => journal.snapshotPostponed(error.message),
      installing: (info) => {
        journal.snapshotReceived(info);
        this.applier.hold();
      },
      installed: (info) => this.onInstalled(raft, info),
      fail: (failure) => this.fail(failure),
      askForTurn: () => this.askForTurn(),
    });
    this.clients.backups.open({
      files: storage.snapshots,
      want: (index) => snapshots.want(index),
    });
    const { snapshot } = storage.recovered;
    if (snapshot !== null) snapshots.configuration = snapshot.configuration;
    return snapshots;
  }

  private makePeers(others: readonly Member[]): Peers {
    const { options, clock, journal } = this;
    return new Peers({
      network: options.network,
      clock,
      random: options.random.fork(),
      limits: options.limits,
      identity: new StorageIdentityBook(this.storage),
      auth: options.peerAuth,
      members: others,
      events: {
        onMessage: (message) => this.onMessage(message),
        onConnected: (peer, incarnation) => {
          this.raft?.peerConnected(clock.now(), peer, incarnation);
          this.askForTurn();
        },
        onDisconnected: () => {},
        onProcessGone: (peer, incarnation) => {
          this.raft?.peerProcessGone(clock.now(), peer, incarnation);
          this.askForTurn();
        },
        onAdmission: (peer, testimony) => {
          if (!this.closed) this.joining.heard(peer, testimony);
        },
        onDisowned: (peer, text) => this.onDisowned(peer, text),
        onRefused: (peer, code, text) => journal.peer('peer-refused', peer, text, code),
        onNotice: (peer, text) => journal.peer('peer-notice', peer, text, ''),
      },
    });
  }

  // The loop.

  private onMessage(message: Message): void {
    this.raft?.step(this.clock.now(), message);
    this.heardSomething();
  }

  /** Most of what is heard, as that a follower is there, changes nothing that wants a turn; unless a
   *  client waits for it (WAIT does, for every acknowledgement). */
  private heardSomething(): void {
    const { raft } = this;
    const isIdle =
      raft !== null &&
      this.whenStopped === null &&
      raft.leaderId === this.knownLeader &&
      !this.clients.hasDeferred &&
      this.snapshots?.isAtWork !== true &&
      !raft.wantsTurn;
    if (isIdle) this.armTimer();
    else this.askForTurn();
  }

  private askForTurn(): void {
    if (this.turnAsked || this.closed) return;
    this.turnAsked = true;
    this.clock.soon(() => this.turn());
  }

  private turn(): void {
    this.turnAsked = false;
    if (this.closed) return;
    const nowMs = this.clock.now();
    this.clients.beginTurn();
    this.runTimers(nowMs);
    if (this.raft !== null) {
      this.noticeLeader(this.raft);
      this.carryOut(this.raft);
      // The disk may have failed meanwhile, and nothing comes after that (D5).
      if (this.closed) return;
      this.snapshots!.run(nowMs);
      this.applier.run();
      // A replay is through: what it has left undone is done a slice a turn.
      if (this.applier.isIdle && this.machine.arrange(ARRANGE_WORK_PER_TURN)) this.askForTurn();
      this.carryOut(this.raft);
    }
    this.clients.flush();
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
    for (const message of effects.messages) this.send(message);
    if (effects.persist !== null) {
      // The followers begin while this node writes the same to its own disk (dissertation §10.2.1).
      if (effects.messages.length > 0) this.peers.flush();
      this.storage.persist(effects.persist);
    }
    this.promises.hold(effects.promisesAfter, effects.promises);
    this.applier.committed(effects.commitIndex);
    for (const read of effects.reads) this.readForFollower(read);
    this.snapshots!.carryOut(effects);
  }

  private send(message: Message): void {
    this.options.probe?.sent(message);
    this.peers.send(message);
  }

  private runTimers(nowMs: number): void {
    if (this.raft !== null && this.raft.nextTickMs <= nowMs) this.raft.tick(nowMs);
    if (this.router.nextDeadlineMs <= nowMs) this.router.expire(nowMs);
    this.upkeep.run(nowMs);
  }

  private get nextDeadlineMs(): number {
    return Math.min(
      this.raft?.nextTickMs ?? Number.POSITIVE_INFINITY,
      this.router.nextDeadlineMs,
      this.clients.nextDeadlineMs,
      this.upkeep.nextDeadlineMs,
      this.snapshots?.nextDeadlineMs ?? Number.POSITIVE_INFINITY,
      this.stopDeadlineMs,
    );
  }

  /** One timer for everything. It is only moved when it must ring earlier: a deadline that was put
   *  off, as every heartbeat does, costs no system call, only a ring for nothing. */
  private armTimer(): void {
    if (this.closed) return;
    const atMs = this.nextDeadlineMs;
    if (atMs >= this.timerAtMs) return;
    this.timer?.cancel();
    this.timerAtMs = atMs;
    this.timer = this.clock.timer(atMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      if (this.nextDeadlineMs <= this.clock.now()) this.askForTurn();
      else this.armTimer();
    });
  }

  // Entries from disk, and what becomes of them.

  private readForFollower(read: ReadEntries): void {
    const raft = this.raft!;
    this.readFromDisk(read.from, read.to, read.bytesMax, (entries) => {
      raft.entriesRead(this.clock.now(), read, entries);
      this.askForTurn();
    });
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
      // What was compacted meanwhile is of no term that the reader would look for.
      (at) => (at < raft.base.index ? TERM_ZERO : raft.termAt(at)),
      (result) => {
        if (this.closed) return;
        if (result instanceof DiskError) {
          this.fail(unreadable(from, result.message));
        } else {
          done(result);
        }
      },
    );
  }

  private onApplied(entry: Entry, reply: Reply): void {
    this.options.probe?.applied(entry, reply);
    if (entry.type === EntryType.Configuration) this.onConfiguration(entry.index, entry.payload);
    this.router.settle(entry, reply);
    this.raft!.applied(entry.index);
  }

  /** The machine has jumped to a snapshot: what was applied on the way there, nobody here knows. */
  private onInstalled(raft: Raft, info: SnapshotInfo): void {
    this.journal.snapshotInstalled(info);
    this.options.probe?.snapshotInstalled(info);
    this.onConfiguration(info.index, this.storage.snapshots.newest!.configuration);
    this.router.jump(info);
    raft.applied(info.index);
    this.applier.release();
  }

  /** The first configuration is committed: from now on the cluster has its id, on this node too. */
  private onConfiguration(at: Index, payload: Uint8Array): void {
    const configuration = decodeConfiguration(payload);
    assert(configuration !== null, () => `entry ${at} is no configuration`);
    this.snapshots!.configuration = payload;
    if (this.view.clusterId === hex(configuration.clusterId)) return;
    this.storage.saveIdentity({ clusterId: configuration.clusterId }, () => {
      this.peers.identityChanged();
    });
  }

  // The end.

  private continueStopping(nowMs: number): void {
    const { members, role, self } = this.view;
    const reason = `${self.name} is stopping`;
    const handedOver = role !== 'leader' || members.length === 1;
    if (handedOver) this.router.refuseParked(reason);
    const drained = handedOver && this.router.unanswered === 0;
    if (!drained && nowMs < this.stopDeadlineMs) return;
    this.router.refuseParked(reason);
    this.close();
    // Its last writes may fail, too: whoever waits for the end must not wait for ever.
    this.storage.onFatal = (error) => this.options.onFatal(brokenDisk(error));
    this.storage.close(() => this.whenStopped!());
  }

  private close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.snapshots?.close();
    this.clients.close();
    this.router.close();
    this.peers.close();
  }

  /** Fail-stop: after this no promise leaves the node before a successful restart (D5). */
  private fail(reason: Failure): void {
    if (this.closed) return;
    this.close();
    this.options.onFatal(reason);
  }

  private memberOf(id: NodeId): Member {
    const member = this.view.members[id - 1];
    assert(member !== undefined && member.id === id, () => `no member ${id}`);
    return member;
  }
}

function brokenDisk(error: DiskError): Failure {
  return diskFailed(`the disk failed: ${error.message}`);
}
