// One real process with Peers in it, for test/node/peers.test.ts: it echoes every message.
// Arguments: its node id, the peer ports of all nodes, how often it was started before.
import { NodeClock } from '../../src/node/clock.ts';
import { NodeNetwork } from '../../src/node/network.ts';
import type { Message } from '../../src/raft/messages.ts';
import { Directory, EventLog, startPeers, timeoutNow } from '../replica/peer-world.ts';
import { membersAt } from './peer-ports.ts';

const [id, ports, starts] = process.argv.slice(2).map((text) => text.split(',').map(Number));
const all = membersAt(ports!);
const member = all[id![0]! - 1]!;
const directory = new Directory(member.id);
for (let start = 0; start < starts![0]!; start++) directory.start();

const events = new EventLog();
events.onMessage = (message: Message) => {
  peers.send(timeoutNow(member.id, message.from, message.term));
};
const host = {
  network: new NodeNetwork((error) => {
    throw error;
  }),
  clock: new NodeClock(),
};
const peers = startPeers(host, member, all, directory, events);
peers.start({ host: member.host, port: member.peerPort }, (error) => {
  if (error !== null) throw new Error(error);
});
