import type { Prng } from '../../base/prng.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import type { Fault, FaultWorld } from './fault.ts';
import type { DirectedKind } from './kinds.ts';

// Faults that come one after the other, each at the step of the core at which it hurts: what drawn
// ones would hit once in many thousands of runs.

/** A step of the plot that has not come by then does not come. */
const STEP_MAX_MS = 2500;
/** The network is whole again after so long, however far the plot has come. */
const PLOT_MAX_MS = 4500;

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

export const DIRECTED_FAULTS: Record<DirectedKind, Fault> = {
  'figure-8': figure8,
  'forgotten-vote': forgottenVote,
};

/** Acts at the next such step of such a node, unless it takes too long. */
function once(
  world: FaultWorld,
  kind: TraceEvent['kind'],
  holds: (server: SimServer) => boolean,
  act: (server: SimServer) => void,
): void {
  let isOver = false;
  const arm = () => {
    if (!isOver) world.armed = trigger;
  };
  const trigger = {
    kind,
    act: (server: SimServer) => {
      if (!holds(server)) arm();
      else if (!isOver) {
        isOver = true;
        act(server);
      }
    },
  };
  arm();
  world.later(STEP_MAX_MS, () => {
    isOver = true;
    if (world.armed === trigger) world.armed = null;
  });
}

const isThis = (server: SimServer) => (other: SimServer) => other === server;

const isLeaderBut = (not: SimServer) => (server: SimServer) =>
  server !== not && server.raftState?.role === 'leader';

/** From its peers, not from its clients. */
function cutOff({ network, servers }: FaultWorld, server: SimServer): void {
  for (const other of servers) {
    if (other !== server) network.cut(server.member.host, other.member.host);
  }
}

function rejoin({ network, servers }: FaultWorld, server: SimServer, not: SimServer[]): void {
  for (const other of servers) {
    if (other === server || not.includes(other)) continue;
    network.heal(server.member.host, other.member.host);
    // A new stream is quicker than the old one's next try.
    network.breakOff(server.member.host, other.member.host, () => true);
  }
}

function healServers(world: FaultWorld): void {
  for (const server of world.servers) rejoin(world, server, []);
}

function restart(server: SimServer): void {
  if (!server.isUp) return;
  server.kill();
  server.startLater(1);
}
