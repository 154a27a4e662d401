import { Prng } from '../../base/prng.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { Observer, type SimNode } from '../observer.ts';
import type { PlannedFault } from '../plan.ts';
import { DISK_FAULTS } from './disk-faults.ts';
import { DISK_PLOTS } from './disk-plots.ts';
import { ELECTION_PLOTS } from './election-plots.ts';
import type { Fault, FaultWorld } from './fault.ts';
import type { FaultKind } from './kinds.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';

const FAULTS: Record<FaultKind, Fault> = {
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...ELECTION_PLOTS,
  ...DISK_PLOTS,
};

/** Carries out the faults of a plan, each at its time, until told to stop. */
export class Nemesis extends Observer {
  private readonly world: FaultWorld;
  private isOver = false;

  constructor(world: FaultWorld, faults: readonly PlannedFault[]) {
    super();
    this.world = world;
    for (const fault of faults) {
      world.scheduler.at(fault.atMs, () => {
        if (!this.isOver) FAULTS[fault.kind](world, new Prng(fault.seed));
      });
    }
  }

  /** No more faults begin; those that last are ended by who heals. */
  stop(): void {
    this.isOver = true;
    this.world.armed = null;
  }

  override traced(node: SimNode, event: TraceEvent): void {
    const { armed, scheduler, servers } = this.world;
    if (armed === null || armed.kind !== event.kind) return;
    this.world.armed = null;
    const server = servers[node.id - 1]!;
    const { run } = server;
    scheduler.after(0, () => {
      if (server.run === run && server.isUp && !this.isOver) armed.act(server);
    });
  }
}
