import type { Outcome } from '../client/call.ts';
import { Observer, type SimOperation, Violation } from './observer.ts';
import type { SimServer } from './server.ts';
import type { World } from './world.ts';

/** A node says why nobody leads once a command has waited for a second (DESIGN §6); before that the
 *  client gives up by itself. */
const SPEAKS_MS = 1500;
const NO_LEADER = /CLUSTERDOWN (\S+) knows of no leader/;

/**
 * L11, what a cluster can be asked for whose nodes have rotted: while a majority of them is sound
 * and connected, every committed entry has a good copy among them (docs/suspect-mode.md, "Why it is
 * safe"), and it has to serve, and to make the others whole. If there is no such majority it serves
 * nobody, and has to say why. `liveness.ts` asks when, and waits.
 */
export class Recoverable extends Observer {
  private readonly world: World;
  /** Since when whoever asks is to be told; Infinity: not yet. */
  private sinceMs = Number.POSITIVE_INFINITY;
  private answers: readonly string[] = [];

  constructor(world: World) {
    super();
    this.world = world;
  }

  /** The most members that nothing is wrong with, and that hear each other; empty: they are no
   *  majority. */
  sound(): readonly SimServer[] {
    const { servers } = this.world;
    const sound = servers.filter(({ raftState, damage }) => {
      return raftState?.isSuspect === false && !damage.log && !damage.lost;
    });
    const connected = sound.filter((one) => sound.every((other) => this.areConnected(one, other)));
    return connected.length > servers.length / 2 ? connected : [];
  }

  /** The suspects that this member hears, and that hear it. */
  suspectsBeside(server: SimServer): readonly SimServer[] {
    return this.world.servers.filter((other) => {
      const isSuspect = other.raftState?.isSuspect === true && !other.damage.lost;
      return isSuspect && this.areConnected(server, other);
    });
  }

  /** From now on whoever asks is to be told why nobody leads. */
  listen(): void {
    this.sinceMs = this.world.nowMs;
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    if (operation.invokedAtMs < this.sinceMs || outcome.kind !== 'unavailable') return;
    this.answers = [...this.answers, outcome.reason];
  }

  /** No majority is sound: what was said since `listen` must name the suspects. */
  judgeWords(): void {
    const { servers, plan } = this.world;
    let told = 0;
    for (const answer of this.answers) {
      const speaker = servers.find(({ name }) => name === NO_LEADER.exec(answer)?.[1]);
      if (speaker === undefined) continue;
      told++;
      for (const { name } of this.suspectsKnownTo(speaker)) {
        if (new RegExp(`rot was found in the log of .*\\b${name}\\b`).test(answer)) continue;
        throw new Violation('L11', `${name} is a suspect, but what a client is told is: ${answer}`);
      }
    }
    const areSuspects = servers.some(({ raftState }) => raftState?.isSuspect === true);
    if (!areSuspects || told > 0 || plan.workload.deadlineMs < SPEAKS_MS) return;
    const count = this.answers.length;
    throw new Violation('L11', `nobody leads, and none of ${count} answers tells a client why`);
  }

  /** Others say that they are suspects when they are asked for a vote; who is one itself asks nobody. */
  private suspectsKnownTo(speaker: SimServer): readonly SimServer[] {
    return speaker.raftState?.isSuspect === true ? [speaker] : this.suspectsBeside(speaker);
  }

  private areConnected(one: SimServer, other: SimServer): boolean {
    const { network } = this.world;
    const [from, to] = [one.member.host, other.member.host];
    return one === other || (network.passes(from, to) && network.passes(to, from));
  }
}
