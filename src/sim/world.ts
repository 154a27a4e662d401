import { nodeId } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { Member } from '../raft/configuration.ts';
import type { Failure } from '../replica/failure.ts';
import { Coverage } from './coverage.ts';
import { Atlas } from './faults/atlas.ts';
import { isEstablished } from './faults/durable-state.ts';
import type { FaultWorld, Trigger } from './faults/fault.ts';
import { Nemesis } from './faults/nemesis.ts';
import { Liveness } from './liveness.ts';
import { SimNetwork } from './network.ts';
import {
  Observer,
  type SimNode,
  type SimRecovery,
  type SimWorldView,
  type StopKind,
  Violation,
} from './observer.ts';
import { observers } from './observers.ts';
import { type Plan, pick } from './plan.ts';
import { Scheduler } from './scheduler.ts';
import { type ServerWorld, SimServer } from './server.ts';
import { Workload } from './workload.ts';

const CLIENT_PORT = 7001;
const PEER_PORT = 17_001;
/** A supervisor lets so much time pass before it starts a process again, at the most. */
const RESTART_MAX_MS = 2500;
/** A start that is refused is tried again so often. */
const REFUSALS_MAX = 2;

/**
 * A whole cluster and its clients, in one process and from one seed: real replicas, connections,
 * codecs and client on a simulated disk, network and clock, with whatever a plan lets go wrong, and
 * observers who see all of it.
 */
export class World implements SimWorldView, ServerWorld, FaultWorld {
  readonly plan: Plan;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly observer: Observer;
  readonly coverage = new Coverage();
  readonly members: readonly Member[];
  readonly servers: readonly SimServer[];
  readonly atlas: Atlas;
  readonly workload: Workload;
  armed: Trigger | null = null;
  private readonly random: Prng;
  private readonly nemesis: Nemesis;
  private readonly liveness: Liveness;
  private readonly refusals = new Map<string, number>();
  /** The faults have stopped: what ends is started again at once. */
  private healing = false;

  constructor(plan: Plan, judges: readonly Observer[]) {
    this.plan = plan;
    this.scheduler = new Scheduler(plan.seed);
    this.random = this.scheduler.random.fork();
    this.network = new SimNetwork(this.scheduler, plan.pipe);
    this.members = Array.from({ length: plan.nodes }, (_, i) => {
      const name = `n${i + 1}`;
      return { id: nodeId(i + 1), name, host: name, port: CLIENT_PORT, peerPort: PEER_PORT };
    });
    this.servers = this.makeServers();
    this.atlas = new Atlas(this.servers, plan.anythingGoes);
    this.liveness = new Liveness(this);
    this.nemesis = new Nemesis(this, plan.faults);
    const own = [this.coverage, this.liveness, this.nemesis, new Supervisor(this)];
    this.observer = observers([...judges, ...own]);
    const addresses = this.members.map(({ host, port }) => `${host}:${port}`);
    const { scheduler, network, observer } = this;
    this.workload = new Workload(
      { scheduler, network, observer, addresses, turns: plan.turns },
      plan.workload,
    );
  }

  get seed(): number {
    return this.plan.seed;
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  get nodes(): readonly SimNode[] {
    return this.servers;
  }

  get limits(): Limits {
    return this.plan.limits;
  }

  get clientHosts(): readonly string[] {
    return this.workload.hosts;
  }

  get leader(): SimServer | null {
    let leader: SimServer | null = null;
    for (const server of this.servers) {
      const state = server.raftState;
      if (state?.role !== 'leader') continue;
      const latest = leader?.raftState?.currentTerm ?? 0;
      if (state.currentTerm > latest) leader = server;
    }
    return leader;
  }

  /** The whole run: faults, healing, and the end. Throws what a judge throws. */
  run(): void {
    this.observer.began(this);
    for (const server of this.servers) server.startLater(this.random.float() * 200);
    this.workload.start();
    this.scheduler.run(this.plan.healAtMs);
    this.heal();
    this.liveness.judge();
    this.coverage.count('redirect', this.workload.redirects);
    this.observer.ended();
  }

  later(afterMs: number, act: () => void): void {
    this.scheduler.after(afterMs, () => {
      if (!this.healing) act();
    });
  }

  restartLater(server: SimServer): void {
    if (this.healing) server.startLater(1);
    else
      server.startLater((this.random.chance(0.5) ? 0.2 : 1) * RESTART_MAX_MS * this.random.float());
  }

  /** A process has ended: by a fault, which sees to it itself, or otherwise. */
  ended(server: SimServer, how: StopKind, failure: Failure | null): void {
    if (failure !== null) this.judgeFailure(server, failure);
    if (how === 'killed' || server.abandoned) return;
    this.restartLater(server);
  }

  /** Nothing goes wrong any more; a majority is made whole, and must serve. Of the others each is down,
   *  cut off, or among them too. */
  private heal(): void {
    this.nemesis.stop();
    const { network, random, servers } = this;
    network.healAll();
    network.calm();
    this.healing = true;
    const core = this.drawCore();
    // Who is still at its first start needs nearly everybody (docs/admission.md).
    const needAll = !core.every(isEstablished);
    for (const server of servers) {
      const isCore = core.includes(server);
      server.calm();
      const fate =
        isCore || needAll ? 'in' : pick(random, ['in', 'down', 'cut', 'one-way'] as const);
      if (fate === 'down') {
        server.abandoned = true;
        server.kill();
      } else {
        server.process?.resume();
        if (!server.isUp) this.restartLater(server);
      }
      if (fate === 'cut' || fate === 'one-way') {
        for (const other of servers) {
          if (other === server) continue;
          network.cutOneWay(server.member.host, other.member.host);
          if (fate === 'cut') network.cutOneWay(other.member.host, server.member.host);
        }
      }
    }
    this.liveness.heal(core);
    this.observer.healed(core);
  }

  /** A random majority of what the atlas has left whole; empty when it is no majority. */
  private drawCore(): readonly SimServer[] {
    const whole = this.atlas.whole().slice();
    const majority = Math.floor(this.servers.length / 2) + 1;
    if (whole.length < majority) return [];
    const size = majority + this.random.below(whole.length - majority + 1);
    while (whole.length > size) whole.splice(this.random.below(whole.length), 1);
    return whole;
  }

  private makeServers(): readonly SimServer[] {
    return this.members.map((member) => new SimServer(this, member));
  }

  /** Every end has its reason in the plan, or is a bug. */
  private judgeFailure(server: SimServer, { code, message }: Failure): void {
    const { damage } = server;
    const reasons: Readonly<Record<string, boolean>> = {
      disk: server.erred || damage.log,
      // Rot is only cut off where there is room to keep a copy of it.
      io: server.erred || server.disk.capacityBytes < Number.POSITIVE_INFINITY,
      rot: damage.log || server.erred,
      missing: damage.lost,
      state: damage.hardState || damage.log || server.erred,
      stale: damage.lost,
      emptied: damage.lost,
    };
    if (reasons[code] !== true) {
      throw new Violation('D2', `${server.name} ended without a reason: ${code}, ${message}`);
    }
    // The next start may find all of it readable again.
    if (code === 'disk' || code === 'io' || server.erred) return;
    const refusals = (this.refusals.get(server.name) ?? 0) + 1;
    this.refusals.set(server.name, refusals);
    if (code !== 'emptied') damage.lost = true;
    if (refusals > REFUSALS_MAX) server.abandoned = true;
  }
}

/** Starts again what has ended by itself, and asks why a node is a suspect. */
class Supervisor extends Observer {
  private readonly world: World;

  constructor(world: World) {
    super();
    this.world = world;
  }

  override started(node: SimNode, { state }: SimRecovery): void {
    if (!state.suspect || this.world.atlas.isHarmed(this.world.servers[node.id - 1]!)) return;
    throw new Violation('D2', `${node.name} is a suspect without a reason`);
  }

  override stopped(node: SimNode, how: StopKind, failure: Failure | null): void {
    this.world.ended(this.world.servers[node.id - 1]!, how, failure);
  }
}
