import type { Prng } from '../base/prng.ts';
import { START_ID_BYTES } from '../base/start-history.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { CLUSTER_ID_BYTES, type Member } from '../raft/configuration.ts';
import type { RaftState } from '../raft/state.ts';
import type { Failure } from '../replica/failure.ts';
import type { Probe } from '../replica/probe.ts';
import { Replica } from '../replica/replica.ts';
import { SimClock } from './clock.ts';
import { PowerCut, SimDisk } from './disk.ts';
import type { SimNetwork } from './network.ts';
import {
  type Observer,
  type SimDamage,
  type SimNode,
  type StopKind,
  Violation,
} from './observer.ts';
import type { DiskDelay, Plan } from './plan.ts';
import { type ProcessHost, SimProcess } from './process.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

/** What a server lives in. */
export interface ServerWorld {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly observer: Observer;
  readonly plan: Plan;
  readonly members: readonly Member[];
}

/** A replica threw. Nothing may: it is a bug, whoever meant well. */
export class ReplicaCrash extends Error {
  override readonly name = 'ReplicaCrash';

  constructor(node: string, cause: unknown) {
    super(`${node}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** After its process lets go of the sockets, the kernel has so long to send what they hold. */
const LINGER_MS = 2;

/**
 * One member's machine: a disk, a clock, a place in the network, and one process after the other
 * that runs a replica on them, as node/server.ts does. A supervisor starts the next one when a
 * process has ended.
 */
export class SimServer implements SimNode, ProcessHost {
  readonly member: Member;
  readonly disk: SimDisk;
  readonly damage: SimDamage = { log: false, hardState: false, lost: false };
  run = 0;
  raftState: RaftState | null = null;
  machine: StateMachine | null = null;
  replica: Replica | null = null;
  process: SimProcess | null = null;
  clock: SimClock | null = null;
  /** Why the last run ended itself, or could not begin. */
  failure: Failure | null = null;
  /** Nobody starts it any more. */
  abandoned = false;
  readonly usualDiskDelay: DiskDelay;
  diskDelay: DiskDelay;
  /** Its disk has reported an error since it was last started. */
  erred = false;
  /** No operation on the disk ends before. */
  diskHangsUntilMs = 0;
  /** When the last of those that have begun will have ended. */
  diskBusyUntilMs = 0;
  clockRate: number;
  private readonly world: ServerWorld;
  private readonly random: Prng;
  private restart: Scheduled | null = null;

  constructor(world: ServerWorld, member: Member) {
    this.world = world;
    this.member = member;
    this.random = world.scheduler.random.fork();
    this.usualDiskDelay = world.plan.diskDelay;
    this.diskDelay = this.usualDiskDelay;
    this.clockRate = world.plan.clockRates[member.id - 1]!;
    this.disk = new SimDisk((callback) => this.diskLater(callback), {
      durable: (change) => world.observer.durable(this, change),
      directory: (names) => world.observer.directory(this, names),
    });
    this.disk.onPowerCut = () => {
      const { run } = this;
      world.scheduler.after(0, () => {
        if (this.run === run && this.isUp) this.powerOff();
      });
    };
  }

  get id() {
    return this.member.id;
  }

  get name(): string {
    return this.member.name;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  get isPaused(): boolean {
    return this.process?.state === 'paused';
  }

  /** Starts, or is refused. */
  start(): void {
    if (this.isUp) return;
    this.restart?.cancel();
    const { scheduler, network } = this.world;
    this.run++;
    this.failure = null;
    this.erred = false;
    this.process = new SimProcess(scheduler, this, this.world.plan.turns);
    const offsetMs = this.random.below(1_000_000);
    this.clock = new SimClock(scheduler, this.process, { offsetMs, rate: 1 });
    if (this.clockRate !== 1) this.clock.setRate(this.clockRate);
    try {
      const opened = this.open(this.process, this.clock, network);
      if (opened instanceof Replica) this.replica = opened;
      else this.fail(opened);
    } catch (thrown) {
      this.threw(thrown);
      return;
    }
    this.replica?.start((error) => {
      if (error !== null) throw new Error(`${this.name} can't listen: ${error}`);
    });
  }

  /** kill -9: what was written stays in the page cache. */
  kill(): void {
    if (this.isUp) this.end('killed', null);
  }

  /** The power goes: any subset of what was not synced is lost. */
  powerOff(): void {
    if (this.isUp) this.end('power', null);
    this.disk.crash(this.random);
  }

  /** SIGTERM: hands over, drains, closes. */
  stop(): void {
    const { replica, run } = this;
    if (replica === null || replica.view.phase === 'stopping') return;
    replica.stop(() => {
      this.world.scheduler.after(LINGER_MS, () => {
        if (this.run === run && this.isUp) this.end('stopped', null);
      });
    });
  }

  /** What a supervisor does some time after the process has ended. */
  startLater(afterMs: number): void {
    if (this.abandoned) return;
    this.restart?.cancel();
    this.restart = this.world.scheduler.after(afterMs, () => this.start());
  }

  /** The disk and the clock behave, from now on. */
  calm(): void {
    const { disk, usualDiskDelay, world } = this;
    disk.faults = null;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    disk.cutPowerAt = Number.POSITIVE_INFINITY;
    this.diskDelay = { ...usualDiskDelay, longChance: 0 };
    this.diskHangsUntilMs = 0;
    this.clockRate = world.plan.clockRates[this.id - 1]!;
    this.clock?.setRate(this.clockRate);
  }

  ran(): void {
    this.world.observer.stepped(this);
  }

  threw(thrown: unknown): void {
    if (thrown instanceof Violation) throw thrown;
    if (!(thrown instanceof PowerCut)) throw new ReplicaCrash(this.name, thrown);
    this.powerOff();
  }

  private open(process: SimProcess, clock: SimClock, network: SimNetwork): Replica | Failure {
    const { plan, members, observer } = this.world;
    const { name, host, port, peerPort } = this.member;
    return Replica.open({
      name,
      members,
      listenClients: { host, port },
      listenPeers: { host, port: peerPort },
      disk: this.disk,
      network: network.attach(host, process),
      clock,
      random: this.random.fork(),
      freshDirectoryId: this.random.bytes(16),
      freshClusterId: this.random.bytes(CLUSTER_ID_BYTES),
      freshStartId: this.random.bytes(START_ID_BYTES),
      peerAuth: null,
      limits: plan.limits,
      raftTiming: plan.raftTiming,
      requestTiming: plan.requestTiming,
      log: () => {},
      trace: (event) => observer.traced(this, event),
      probe: this.probe(process, observer),
      onFatal: (failure) => {
        if (this.process === process) this.fail(failure);
      },
    });
  }

  private probe(process: SimProcess, observer: Observer): Probe {
    return {
      opened: ({ recovered, state }, machine) => {
        this.machine = machine;
        observer.started(this, { recovered, state });
      },
      coreStarted: (state) => {
        this.raftState = state;
      },
      // A process that has ended may still be on its way out of a call: nobody hears it any more.
      sent: (message) => {
        if (this.process === process) observer.sent(this, message);
      },
      applied: (entry, reply) => {
        if (this.process === process) observer.applied(this, entry, reply);
      },
      snapshotTaken: (info) => {
        if (this.process === process) observer.snapshotTaken(this, info);
      },
      snapshotInstalled: (info) => {
        if (this.process === process) observer.snapshotInstalled(this, info);
      },
    };
  }

  private fail(failure: Failure): void {
    this.failure = failure;
    this.end('failed', failure);
  }

  private end(how: StopKind, failure: Failure | null): void {
    const { process } = this;
    this.process = null;
    this.replica = null;
    this.raftState = null;
    this.machine = null;
    process?.kill();
    this.disk.kill();
    this.world.network.resetAll(this.member.host);
    this.world.observer.stopped(this, how, failure);
  }

  private diskLater(callback: () => void): void {
    const { process, world } = this;
    const { scheduler } = world;
    const { minMs, maxMs, longChance, longMs } = this.diskDelay;
    const upToMs = longChance > 0 && this.random.chance(longChance) ? longMs : maxMs;
    const atMs = scheduler.nowMs + minMs + this.random.float() * (upToMs - minMs);
    const doneMs = Math.max(atMs, this.diskHangsUntilMs);
    if (doneMs > this.diskBusyUntilMs) this.diskBusyUntilMs = doneMs;
    // Of a process that has ended, nothing comes back: only the disk's time has passed.
    scheduler.at(doneMs, callback, process);
  }
}
