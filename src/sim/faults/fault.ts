import type { Prng } from '../../base/prng.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import type { Coverage } from '../coverage.ts';
import type { SimNetwork } from '../network.ts';
import type { Observer } from '../observer.ts';
import { pick } from '../plan.ts';
import type { Scheduler } from '../scheduler.ts';
import type { SimServer } from '../server.ts';
import type { Atlas } from './atlas.ts';

/** What the faults have in their hands. */
export interface FaultWorld {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly servers: readonly SimServer[];
  readonly atlas: Atlas;
  readonly coverage: Coverage;
  readonly observer: Observer;
  /** Hosts of the clients there are now. */
  readonly clientHosts: readonly string[];
  /** Whoever has the latest term and leads; null: nobody. */
  readonly leader: SimServer | null;
  /** A supervisor starts the node again after a time drawn. */
  restartLater(server: SimServer): void;
  /** Acts then, unless the faults have stopped by then, and all that lasts was ended. */
  later(afterMs: number, act: () => void): void;
  /** Lets `act` happen right after this node's next transition of this kind. */
  armed: Trigger | null;
}

export interface Trigger {
  readonly kind: TraceEvent['kind'];
  readonly act: (server: SimServer) => void;
}

/** Does one kind of fault. It may find that there is nothing to do it to. */
export type Fault = (world: FaultWorld, random: Prng) => void;

/** One of those that are up; null: nobody is. */
export function anyUp(world: FaultWorld, random: Prng): SimServer | null {
  const up = world.servers.filter((server) => server.isUp);
  return up.length === 0 ? null : pick(random, up);
}

/** Mostly short, sometimes long. */
export function duration(random: Prng, mostMs: number): number {
  return (random.chance(0.5) ? 0.2 : 1) * mostMs * random.float();
}
