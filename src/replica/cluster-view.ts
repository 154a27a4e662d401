import { array, bulk, integer, map, type Reply, verbatim } from '../kv/reply.ts';
import { SLOTS } from '../protocol/slots.ts';
import type { Member } from '../raft/configuration.ts';
import { isSilent, type NodeView } from './status.ts';

/**
 * The cluster as Redis Cluster clients want to see it: one shard that owns every slot, its primary
 * the leader, its replicas the followers. It must be right before the first MOVED is sent: some
 * clients ignore MOVED's address and ask for the slots again. While no leader is known, the slots
 * are said to be owned by the node that is asked: what is sent to it waits for the election there.
 * (None would do no less than wreck node-redis: it throws away all it knows, and never asks again.)
 */
export function clusterSlots(view: NodeView): Reply {
  const nodes = inOrder(view).map((member) =>
    array([bulk(member.host), integer(member.port), bulk(nodeName(view, member)), array([])]),
  );
  return array([array([integer(0), integer(SLOTS - 1), ...nodes])]);
}

export function clusterShards(view: NodeView): Reply {
  const nodes = inOrder(view).map((member) =>
    named([
      ['id', bulk(nodeName(view, member))],
      ['port', integer(member.port)],
      ['ip', bulk(member.host)],
      ['endpoint', bulk(member.host)],
      ['role', bulk(member === ownerOf(view) ? 'master' : 'replica')],
      ...offsetOf(view, member),
      ['health', bulk(looksDown(view, member) ? 'failed' : 'online')],
    ]),
  );
  return array([
    named([
      ['slots', array([integer(0), integer(SLOTS - 1)])],
      ['nodes', array(nodes)],
    ]),
  ]);
}

/** One line a node, in the format of Redis Cluster's nodes.conf. */
export function clusterNodes(view: NodeView): Reply {
  const owner = ownerOf(view);
  const lines = inOrder(view).map((member) => {
    const myself = member.id === view.self.id ? 'myself,' : '';
    const primary = member === owner;
    const of = primary ? '-' : nodeName(view, owner);
    const slots = primary ? ` 0-${SLOTS - 1}` : '';
    const link = looksDown(view, member) ? 'disconnected' : 'connected';
    return (
      `${nodeName(view, member)} ${member.host}:${member.port}@${member.peerPort} ` +
      `${myself}${primary ? 'master' : 'slave'} ${of} 0 0 ${view.term} ${link}${slots}\n`
    );
  });
  return verbatim(lines.join(''));
}

export function clusterInfo(view: NodeView): Reply {
  const slots = view.leader === null ? 0 : SLOTS;
  const lines = [
    `cluster_state:${view.leader === null ? 'fail' : 'ok'}`,
    `cluster_slots_assigned:${slots}`,
    `cluster_slots_ok:${slots}`,
    'cluster_slots_pfail:0',
    'cluster_slots_fail:0',
    `cluster_known_nodes:${view.members.length}`,
    'cluster_size:1',
    `cluster_current_epoch:${view.term}`,
    `cluster_my_epoch:${view.term}`,
  ];
  return verbatim(`${lines.join('\r\n')}\r\n`);
}

/** 40 hexadecimal digits, as Redis Cluster's names are: the cluster's id and the member's. */
export function nodeName(view: NodeView, member: Member): string {
  return view.clusterId + member.id.toString(16).padStart(8, '0');
}

/** Who is to be asked for everything: the leader, or this node while it knows of none. */
const ownerOf = (view: NodeView): Member => view.leader ?? view.self;

/** The owner first: clients take the first node of a slot range for its primary. */
function inOrder(view: NodeView): readonly Member[] {
  const owner = ownerOf(view);
  return [owner, ...view.members.filter((member) => member !== owner)];
}

/** An index of the log: how far a node has applied it, or a follower is known to hold it. Absent
 *  where this node does not know. */
function offsetOf(view: NodeView, member: Member): readonly (readonly [string, Reply])[] {
  const offset =
    member.id === view.self.id
      ? view.lastApplied
      : view.followers.find(({ id }) => id === member.id)?.matchIndex;
  return offset === undefined ? [] : [['replication-offset', integer(offset)]];
}

/** A leader knows when a follower has died or is cut off. Nobody else knows of it. */
function looksDown(view: NodeView, member: Member): boolean {
  return view.followers.some((follower) => follower.id === member.id && isSilent(follower));
}

const named = (fields: readonly (readonly [string, Reply])[]): Reply =>
  map(fields.map(([name, value]) => [bulk(name), value]));
