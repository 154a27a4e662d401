import { setFlagsFromString } from 'node:v8';
import { StartError, startServer as startNode } from '../node/server.ts';
import { defaultTiming } from '../raft/timing.ts';
import { numberedMembers } from './members.ts';
import type { StartServer } from './serve-contract.ts';

/**
 * How far V8's heap may grow until all of it is collected, in percent of what lived through the last
 * time. The keys and values of a node are not in that heap, which is small for it (20 MiB for a
 * million keys), but the bytes that pass through count as if they were. So by default a busy
 * node collected everything two to four times a second, for 20 MiB of garbage.
 */
const HEAP_GROWING_PERCENT = 500;

/** The server behind `dkvs serve`. */
export const startServer: StartServer = async (settings) => {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
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
