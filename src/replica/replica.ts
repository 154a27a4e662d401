import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { checkLimits } from '../base/limits.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import { StateMachine } from '../kv/state-machine.ts';
import type { Member } from '../raft/configuration.ts';
import type { Message } from '../raft/messages.ts';
import type { DiskError } from '../storage/disk.ts';
import { Storage } from '../storage/storage.ts';
import { Admission } from './admission.ts';
import { Alarm } from './alarm.ts';
import { Clients } from './clients.ts';
import type { Clock } from './clock.ts';
import { CoreHost } from './core-host.ts';
import { diskFailed, disowned, emptied, type Failure } from './failure.ts';
import { StorageIdentityBook } from './identity-book.ts';
import { Joining } from './joining.ts';
import { Journal } from './journal.ts';
import type { Address } from './network.ts';
import { openStorage } from './open-storage.ts';
import type { ReplicaOptions } from './options.ts';
import { Peers } from './peers.ts';
import { ReplicaView } from './replica-view.ts';
import { Router } from './router.ts';
import { StartingState } from './starting-state.ts';
import { Upkeep } from './upkeep.ts';

/** At a stop: for the leadership to be handed over and for the last answers to leave. */
const DRAIN_MS = 1000;

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
  private readonly router: Router;
  private readonly peers: Peers;
  private readonly clients: Clients;
  private readonly joining: Joining;
  private readonly upkeep: Upkeep;
  private readonly journal: Journal;
  private readonly alarm: Alarm;
  /** Null while joining: a node that may not vote has no core to do it. */
  private core: CoreHost | null = null;
  private turnAsked = false;
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
    const isTakingSnapshot = () => this.core?.snapshots.isTaking ?? false;
    const known = { self, members, storage, machine, clock, elections, host };
    this.view = new ReplicaView({ ...known, clientCount, isTakingSnapshot });
    const askForTurn = () => this.askForTurn();
    const forwarding = options.follower === 'proxy' ? { network, clock, askForTurn } : null;
    this.router = new Router(this.view, limits, options.requestTiming, forwarding);
    const others = members.filter((member) => member !== self);
    this.joining = this.makeJoining(new Admission(others, storage.state.admitted));
    this.upkeep = new Upkeep(storage);
    this.peers = this.makePeers(others);
    this.clients = new Clients({
      network,
      limits,
      view: this.view,
      router: this.router,
      clock,
      askForTurn,
    });
    this.alarm = new Alarm(clock, () => this.nextDeadlineMs, askForTurn);
    storage.onPersisted = (sequence) => {
      this.core?.persisted(sequence);
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
    if (this.storage.state.established) this.startCore();
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
    this.core?.raft.transferLeadership(this.clock.now(), null);
    this.askForTurn();
  }

  get clientAddress(): Address {
    return this.clients.address;
  }

  // The start.

  /** The node may vote and acknowledge from now on, and has a log to append to. */
  private startCore(): void {
    if (this.closed) return;
    const { options, view, storage, machine, hashKey, router, peers, journal } = this;
    const parts = { options, view, storage, machine, hashKey, router, peers, journal };
    const core = new CoreHost(parts, {
      askForTurn: () => this.askForTurn(),
      fail: (failure) => this.fail(failure),
    });
    this.core = core;
    view.raft = core.raft;
    this.clients.backups.open({
      files: storage.snapshots,
      want: (index) => core.snapshots.want(index),
    });
    options.probe?.coreStarted(core.raft.state);
    if (view.phase === 'joining') view.phase = 'running';
    router.open(core);
    this.askForTurn();
  }

  private makeJoining(admission: Admission): Joining {
    return new Joining(this.storage, admission, {
      waiting: (names) => this.journal.joining(names),
      identityChanged: () => this.peers.identityChanged(),
      established: () => {
        // The core first, so that it hears of every link.
        this.startCore();
        this.peers.identityChanged();
      },
      emptied: (by) => this.fail(emptied(this.view.self.name, this.memberOf(by).name)),
    });
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
          this.core?.raft.peerConnected(clock.now(), peer, incarnation);
          this.askForTurn();
        },
        onDisconnected: () => {},
        onProcessGone: (peer, incarnation) => {
          this.core?.raft.peerProcessGone(clock.now(), peer, incarnation);
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
    this.core?.raft.step(this.clock.now(), message);
    this.heardSomething();
  }

  /** Most of what is heard, as that a follower is there, changes nothing that wants a turn; unless a
   *  client waits for it (WAIT does, for every acknowledgement). */
  private heardSomething(): void {
    const isIdle =
      this.core !== null &&
      this.whenStopped === null &&
      !this.clients.hasDeferred &&
      !this.core.wantsTurn;
    if (isIdle) this.alarm.set();
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
    if (this.core !== null) {
      this.core.noticeLeader();
      this.core.carryOut();
      // The disk may have failed meanwhile, and nothing comes after that (D5).
      if (this.closed) return;
      this.core.work(nowMs);
      this.core.carryOut();
    }
    this.clients.flush();
    if (this.whenStopped !== null) this.continueStopping(nowMs);
    this.alarm.set();
  }

  private runTimers(nowMs: number): void {
    this.core?.tick(nowMs);
    if (this.router.nextDeadlineMs <= nowMs) this.router.expire(nowMs);
    this.upkeep.run(nowMs);
  }

  private get nextDeadlineMs(): number {
    return Math.min(
      this.core?.nextDeadlineMs ?? Number.POSITIVE_INFINITY,
      this.router.nextDeadlineMs,
      this.clients.nextDeadlineMs,
      this.upkeep.nextDeadlineMs,
      this.stopDeadlineMs,
    );
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
    this.alarm.close();
    this.core?.close();
    this.clients.close();
    this.router.close();
    this.peers.close();
  }

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
