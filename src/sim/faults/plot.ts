import type { TraceEvent } from '../../raft/trace.ts';
import type { SimServer } from '../server.ts';
import type { FaultWorld } from './fault.ts';

// What plots are made of: faults that come one after the other, each at the step of the core at which
// it hurts.

/** A step of the plot that has not come by then does not come. */
const STEP_MAX_MS = 2500;
/** The network is whole again after so long, however far the plot has come. */
export const PLOT_MAX_MS = 4500;

/** Acts at the next such step of such a node, unless it takes too long. */
export function once(
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

export const isThis = (server: SimServer) => (other: SimServer) => other === server;

export const isLeaderBut = (not: SimServer) => (server: SimServer) =>
  server !== not && server.raftState?.role === 'leader';

/** From its peers, not from its clients. */
export function cutOff({ network, servers }: FaultWorld, server: SimServer): void {
  for (const other of servers) {
    if (other !== server) network.cut(server.member.host, other.member.host);
  }
}

export function rejoin(
  { network, servers }: FaultWorld,
  server: SimServer,
  not: SimServer[],
): void {
  for (const other of servers) {
    if (other === server || not.includes(other)) continue;
    network.heal(server.member.host, other.member.host);
    // A new stream is quicker than the old one's next try.
    network.breakOff(server.member.host, other.member.host, () => true);
  }
}

export function healServers(world: FaultWorld): void {
  for (const server of world.servers) rejoin(world, server, []);
}

export function restart(server: SimServer): void {
  if (!server.isUp) return;
  server.kill();
  server.startLater(1);
}
