import { nodeId } from '../base/ids.ts';
import { StartError, startServer as startNode } from '../node/server.ts';
import type { Member } from '../raft/configuration.ts';
import { defaultTiming } from '../raft/timing.ts';
import type { MemberAddress } from './members.ts';
import type { StartServer } from './serve-contract.ts';

/** The server behind `dkvs serve`. */
export const startServer: StartServer = async (settings) => {
  const { heartbeatMs, electionTimeoutMs } = settings.timing;
  const server = await startNode({
    name: settings.name,
    members: numbered(settings.members),
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

/** Ids in the order of the names' bytes, so that every node numbers the members alike, in whatever
 *  order its command line names them. Names are ASCII, where that is the order of `<`. */
function numbered(members: readonly MemberAddress[]): readonly Member[] {
  return [...members]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, host, port, peerPort }, at) => ({
      id: nodeId(at + 1),
      name,
      host,
      port,
      peerPort,
    }));
}
