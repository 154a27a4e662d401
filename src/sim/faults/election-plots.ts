import type { Prng } from '../../base/prng.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import type { Fault, FaultWorld } from './fault.ts';
import type { ElectionPlot } from './kinds.ts';
import {
  cutOff,
  healServers,
  isLeaderBut,
  isThis,
  once,
  PLOT_MAX_MS,
  rejoin,
  restart,
} from './plot.ts';

// Plots around elections: what drawn faults would hit once in many thousands of runs.

/**
 * Figure 8 of the paper. A leader appends, and is cut off before anybody has the entry; another is
 * elected, and is cut off as soon as it has begun its term; the first is elected again, and is cut
 * off once it commits; and the second, whose term is later than that of the old entry, comes back.
 */
function figure8(world: FaultWorld): void {
  const first = world.leader;
  if (first === null) return;
  world.coverage.count('Figure 8');
  once(world, 'append', isThis(first), () => {
    cutOff(world, first);
    once(world, 'role', isLeaderBut(first), (second) => {
      cutOff(world, second);
      rejoin(world, first, [second]);
      once(world, 'commit', isThis(first), () => {
        cutOff(world, first);
        rejoin(world, second, [first]);
      });
    });
  });
  world.later(PLOT_MAX_MS, () => healServers(world));
}

/**
 * Voters end right after they have elected a leader, come back at once, and are asked for their
 * vote in the same term again: by a node that was cut off while the first election took place.
 */
function forgottenVote(world: FaultWorld, random: Prng): void {
  const { leader, servers } = world;
  const others = servers.filter((server) => server !== leader && server.isUp);
  if (leader === null || others.length === 0) return;
  world.coverage.count('votes asked for again');
  const late = pick(random, others);
  cutOff(world, late);
  restart(leader);
  once(world, 'role', isLeaderBut(late), (elected) => {
    for (const voter of servers) if (voter !== elected && voter !== late) restart(voter);
    cutOff(world, elected);
    rejoin(world, late, [elected]);
    const isAnother = (server: SimServer) => server !== elected;
    once(world, 'commit', isAnother, () => healServers(world));
  });
  world.later(PLOT_MAX_MS, () => healServers(world));
}

export const ELECTION_PLOTS: Record<ElectionPlot, Fault> = {
  'figure-8': figure8,
  'forgotten-vote': forgottenVote,
};
