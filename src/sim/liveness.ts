import type { Outcome } from '../client/call.ts';
import { Observer, type SimOperation, Violation } from './observer.ts';
import { Recoverable } from './recoverable.ts';
import type { SimServer } from './server.ts';
import type { World } from './world.ts';

/** A call is told of its deadline by a timer of its own: it comes at that very instant. */
const CALL_SLACK_MS = 1;
const SAMPLE_MS = 250;
/** What a fault that began just before the healing may still hold up: a hung disk. */
const AFTERMATH_MS = 5000;
const ELECTIONS = 10;
const COMMIT_MS = 3000;
const CONVERGE_MS = 8000;
const QUIET_MS = 2000;
/** What a sound disk takes for an operation, and more. */
const DISK_MS = 100;
/** A clock may go at half the speed. */
const SLOWEST_CLOCK = 0.5;

/**
 * Whether something good happens in the end (RELIABILITY §3.4): judged of a core, a majority that is
 * whole and connected, after the faults have stopped; and, of what must hold all the time, that calls
 * end (L6), that a leader without a quorum gives up (L5), and that memory is bounded (L8).
 */
export class Liveness extends Observer {
  private readonly world: World;
  private readonly recoverable: Recoverable;
  private core: readonly SimServer[] = [];
  /** Since when each node has led without a quorum; and what the network was like then. */
  private readonly aloneSince = new Map<SimServer, number>();
  private networkChanges = 0;

  constructor(world: World) {
    super();
    this.world = world;
    this.recoverable = new Recoverable(world);
  }

  override began(): void {
    this.sampleLater();
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    this.recoverable.returned(operation, outcome);
    const tookMs = this.world.nowMs - operation.invokedAtMs;
    if (tookMs <= operation.deadlineMs + CALL_SLACK_MS) return;
    const what = `${operation.args[0]} (${operation.id}) ended as ${outcome.kind} after ${tookMs} ms`;
    throw new Violation('L6', `${what}, its deadline being ${operation.deadlineMs} ms`);
  }

  heal(core: readonly SimServer[]): void {
    this.core = core;
  }

  /** Lets the world go on until all is well. */
  judge(): void {
    const { scheduler, plan, workload } = this.world;
    const electMs = AFTERMATH_MS + ELECTIONS * plan.raftTiming.electionTimeoutMaxMs;
    if (this.core.length > 0) {
      this.within('L1', electMs, 'no leader that the core follows', () => this.leader() !== null);
      this.judgeCommits();
    } else {
      this.judgeRecovery(electMs);
    }
    workload.stop();
    scheduler.run(scheduler.nowMs + plan.workload.deadlineMs + CALL_SLACK_MS);
    if (workload.pending > 0) {
      throw new Violation('L6', `${workload.pending} calls have not ended at their deadlines`);
    }
    if (this.core.length === 0) {
      if (this.world.leader === null) this.recoverable.judgeWords();
      return;
    }
    this.awaitDisks();
    this.judgeConvergence();
    this.judgeMending();
    this.judgeStability();
  }

  /** L11, where more was destroyed than the atlas allows: that may still be a cluster that has all it
   *  needs. Restarts come first, for only a start finds rot. */
  private judgeRecovery(electMs: number): void {
    const { scheduler } = this.world;
    scheduler.run(scheduler.nowMs + electMs);
    this.core = this.recoverable.sound();
    const { coverage } = this.world;
    if (this.core.length > 0) {
      coverage.count('rot everywhere, and a sound majority');
      this.within('L11', electMs, 'a sound majority, and nobody leads it', () => {
        return this.leader() !== null;
      });
      this.judgeCommits();
    } else {
      coverage.count('rot everywhere, and no sound majority');
      this.recoverable.listen();
      scheduler.run(scheduler.nowMs + COMMIT_MS);
    }
  }

  /** L11: suspects that the leader can reach are made whole. As with L4, it takes what it takes. */
  private judgeMending(): void {
    const left = () => {
      const leader = this.leader();
      return leader === null ? null : this.recoverable.suspectsBeside(leader);
    };
    const reached = () => this.knownMatches(this.world.servers).reduce((sum, at) => sum + at, 0);
    let before = reached();
    const getsOn = () => left()?.length === 0 || reached() > before;
    while (left()?.length !== 0) {
      this.within('L11', CONVERGE_MS, 'a suspect is not made whole', getsOn);
      before = reached();
    }
  }

  /**
   * L2. Where it takes a member to commit that is a thousand entries behind, and windows are tiny,
   * nothing is committed for long: before it has the first entry of the term, nothing may be (§5.4.2).
   * But it gets on. What counts is only what of the leader's log, as it was when the faults stopped, a
   * core member has come to be known to hold, more than ever before: that has an end. So a cluster
   * that stands still, goes in circles, or appends without end and never commits, is not excused. Where
   * no client has asked for anything, there was nothing to commit.
   */
  private judgeCommits(): void {
    const { scheduler, workload } = this.world;
    const { asked } = workload;
    const before = this.world.leader?.raftState;
    const committed = before?.commitIndex ?? 0;
    const backlog = before?.log.lastIndex ?? 0;
    const isCommitting = () => (this.world.leader?.raftState?.commitIndex ?? 0) > committed;
    // A leader of the core holds it itself: so whoever leads, it is the same members that count.
    const own = () => (this.core.some((one) => one === this.world.leader) ? backlog : 0);
    const held = () => this.knownMatches().reduce((sum, at) => sum + Math.min(at, backlog), own());
    for (let most = held(); !isCommitting(); most = held()) {
      const untilMs = scheduler.nowMs + AFTERMATH_MS + COMMIT_MS;
      const wasQuiet = () => {
        return scheduler.nowMs >= untilMs && workload.asked === asked && this.isAllCommitted();
      };
      const getsOn = () => isCommitting() || held() > most || wasQuiet();
      this.within('L2', AFTERMATH_MS + COMMIT_MS, 'nothing more is committed', getsOn);
      if (wasQuiet()) return;
    }
  }

  private isAllCommitted(): boolean {
    const state = this.world.leader?.raftState;
    return state != null && state.commitIndex === state.log.lastIndex;
  }

  /** How far the leader knows each of these to have its log. */
  private knownMatches(of = this.core): readonly number[] {
    const { leader } = this.world;
    if (!leader?.raftState) return [];
    const { peers } = leader.raftState;
    const known = peers.filter(({ peer }) => of.some(({ id }) => id === peer));
    return known.map(({ matchIndex }) => matchIndex);
  }

  /** A disk that hung when the faults stopped may hang still, and unseat its leader (L10): there is no
   *  peace before. */
  private awaitDisks(): void {
    const { scheduler, servers } = this.world;
    const busyUntilMs = Math.max(...servers.map((server) => server.diskBusyUntilMs));
    if (busyUntilMs <= scheduler.nowMs + DISK_MS) return;
    scheduler.run(busyUntilMs);
    const { electionTimeoutMaxMs } = this.world.plan.raftTiming;
    const isLed = () => this.leader() !== null;
    this.within('L1', ELECTIONS * electionTimeoutMaxMs, 'no leader that the core follows', isLed);
  }

  /** L4. With small windows and a slow disk, who is far behind needs its time: but it gets on. */
  private judgeConvergence(): void {
    // What a follower has may have to be sent again, before the leader knows that it has it.
    const reached = () => {
      const known = this.world.leader?.raftState?.peers ?? [];
      const matched = known.reduce((sum, { matchIndex }) => sum + matchIndex, 0);
      return this.core.reduce((sum, { machine }) => sum + (machine?.lastApplied ?? 0), matched);
    };
    let before = reached();
    const hasGotOn = () => this.hasConverged() || reached() > before;
    while (!this.hasConverged()) {
      this.within('L4', CONVERGE_MS, 'the core does not converge', hasGotOn);
      before = reached();
    }
  }

  /**
   * L3: nobody outside of the core, and nothing within it, unseats a leader that it follows. Nor does a
   * member that can speak and not hear, and whose log is as good as any: it asks for votes for ever, and
   * comes back in the end.
   */
  private judgeStability(): void {
    const { network, scheduler, servers } = this.world;
    const term = this.leader()?.raftState?.currentTerm;
    const stays = (what: string) => {
      scheduler.run(scheduler.nowMs + QUIET_MS);
      const now = this.leader()?.raftState?.currentTerm;
      if (now === term) return;
      const then = `the core was at peace in term ${term}`;
      throw new Violation('L3', `${then}, ${what}, and now is in ${now}; ${this.describe()}`);
    };
    stays('nothing happened');
    const deaf = this.dispensable();
    if (deaf === null) return;
    const { host } = deaf.member;
    const others = servers.filter((server) => server !== deaf).map(({ member }) => member.host);
    const passed = others.filter((other) => network.passes(other, host));
    for (const other of passed) network.cutOneWay(other, host);
    this.core = this.core.filter((server) => server !== deaf);
    stays(`${deaf.name} could not hear`);
    for (const other of passed) network.healOneWay(other, host);
    stays(`${deaf.name} could not hear for a while`);
  }

  /** A follower without whom the core is a majority still. Null: all of it is needed. */
  private dispensable(): SimServer | null {
    const { leader, servers } = this.world;
    if (this.core.length - 1 <= servers.length / 2) return null;
    return this.core.find((server) => server !== leader) ?? null;
  }

  private within(invariant: string, mostMs: number, what: string, done: () => boolean): void {
    const { scheduler } = this.world;
    const untilMs = scheduler.nowMs + mostMs;
    // Asked now and then, not at each event: it looks at all nodes.
    while (!done()) {
      if (scheduler.nowMs >= untilMs) {
        throw new Violation(invariant, `${what}, ${mostMs} ms later; ${this.describe()}`);
      }
      scheduler.run(scheduler.nowMs + 20);
    }
  }

  /** Whom all of the core follow; null: there is none. */
  private leader(): SimServer | null {
    const { leader, servers } = this.world;
    if (leader === null) return null;
    const isFollowed = this.core.every(({ raftState }) => {
      return raftState !== null && raftState.leaderId === leader.id;
    });
    return isFollowed && servers.includes(leader) ? leader : null;
  }

  private hasConverged(): boolean {
    const leader = this.leader();
    if (leader === null) return false;
    const { lastIndex } = leader.raftState!.log;
    const hash = leader.machine!.hash();
    return this.core.every(({ machine }) => {
      return machine !== null && machine.lastApplied === lastIndex && machine.hash() === hash;
    });
  }

  private sampleLater(): void {
    this.world.scheduler.after(SAMPLE_MS, () => {
      this.sample();
      this.sampleLater();
    });
  }

  private sample(): void {
    const { network, servers } = this.world;
    if (network.changes !== this.networkChanges) this.aloneSince.clear();
    this.networkChanges = network.changes;
    for (const server of servers) {
      const state = server.raftState;
      if (state === null) continue;
      if (server.replica?.view.storageSpace === 'full') this.world.coverage.count('full disk');
      if (state.role !== 'leader') {
        this.aloneSince.delete(server);
        continue;
      }
      this.judgeMemory(server);
      this.judgeLoneliness(server);
    }
  }

  /** L8. The largest entry fits in any bound; a window is trimmed behind what is applied. */
  private judgeMemory({ name, raftState }: SimServer): void {
    const { limits } = this.world.plan;
    const { bytesInMemory } = raftState!.log;
    const { uncommittedBytesMax, logWindowBytesMax, entryBytesMax } = limits;
    const most = uncommittedBytesMax + logWindowBytesMax + 2 * entryBytesMax;
    if (bytesInMemory <= most) return;
    throw new Violation('L8', `${name} holds ${bytesInMemory} bytes of its log, ${most} at most`);
  }

  /** L5: a leader that can't reach a quorum, both ways, gives up within an election timeout or so. */
  private judgeLoneliness(server: SimServer): void {
    const { network, nowMs, plan, servers } = this.world;
    const reaches = (other: SimServer) =>
      other === server ||
      (other.process?.state === 'running' &&
        network.passes(server.member.host, other.member.host) &&
        network.passes(other.member.host, server.member.host));
    const quorum = Math.floor(servers.length / 2) + 1;
    const isPaused = server.isPaused;
    if (isPaused || servers.filter(reaches).length >= quorum) {
      this.aloneSince.delete(server);
      return;
    }
    const sinceMs = this.aloneSince.get(server) ?? nowMs;
    this.aloneSince.set(server, sinceMs);
    const mostMs = (2 * plan.raftTiming.electionTimeoutMaxMs + SAMPLE_MS) / SLOWEST_CLOCK;
    if (nowMs - sinceMs <= mostMs) return;
    throw new Violation('L5', `${server.name} leads without a quorum for ${nowMs - sinceMs} ms`);
  }

  private describe(): string {
    const { nowMs, servers } = this.world;
    const core = this.core.map(({ name }) => name).join(' ');
    const nodes = servers.map(({ name, isUp, raftState, machine }) => {
      if (!isUp) return `${name} is down`;
      if (raftState === null) return `${name} is joining`;
      const { role, currentTerm, leaderId, commitIndex, log } = raftState;
      return (
        `${name} is ${role} in term ${currentTerm}, follows ${leaderId}, ` +
        `has ${log.lastIndex}, committed ${commitIndex}, applied ${machine?.lastApplied}`
      );
    });
    return `at ${nowMs.toFixed(0)} ms, core ${core}: ${nodes.join('; ')}`;
  }
}
