import { StartError, startServer as startNode } from '../node/server.ts';
import { defaultTiming } from '../raft/timing.ts';
import { numberedMembers } from './members.ts';
import type { StartServer } from './serve-contract.ts';

/** The server behind `dkvs serve`. */
export const startServer: StartServer = async (settings) => {
  const { heartbeatMs, electionTimeoutMs } = settings.timing;
  const server = await startNode({
    name: settings.name,
    members: numberedMembers(settings.members),
    dataDirectory: settings.dataDirectory,
    listenClients: settings.listen,
    listenPeers: settings.listenPeers,
    peerSecret: settings.peerSecret,
    limits: settings.limits,
    follower: settings.follower,
    raftTiming: {
      ...defaultTiming,
      heartbeatMs,
      electionTimeoutMinMs: electionTimeoutMs,
      electionTimeoutMaxMs: 2 * electionTimeoutMs,
      processGoneDelayMaxMs: Math.min(defaultTiming.processGoneDelayMaxMs, heartbeatMs - 1),
      lateTickMs: Math.min(defaultTiming.lateTickMs, electionTimeoutMs / 2),
      storageStallMs: Math.max(defaultTiming.storageStallMs, 2 * electionTimeoutMs),
    },
    log: settings.log,
  });
  const failed = server.failure.then((failure) => new StartError(failure));
  return { address: server.address, stop: () => server.stop(), failed };
};
