import type { ConnectionCommand } from './connection.ts';
import { ON_CONNECTION } from './info.ts';

export type ClusterCommandName =
  | 'cluster|countkeysinslot'
  | 'cluster|help'
  | 'cluster|info'
  | 'cluster|keyslot'
  | 'cluster|myid'
  | 'cluster|nodes'
  | 'cluster|shards'
  | 'cluster|slots'
  | 'readonly'
  | 'readwrite'
  | 'asking';

const cluster = { ...ON_CONNECTION, flags: [], group: 'cluster' } as const;

/** What clients of Redis Cluster ask for, so that they follow the leader by themselves. */
export const clusterCommands: readonly ConnectionCommand[] = [
  {
    ...cluster,
    name: 'cluster|countkeysinslot',
    complexity: 'O(N) where N is the number of keys',
    arity: 3,
    summary: 'Counts the keys of a hash slot on this node, by looking at every key.',
    syntax: 'CLUSTER COUNTKEYSINSLOT slot',
    inOrder: true,
    remark: 'Goes through all keys, and other clients go on meanwhile.',
  },
  {
    ...cluster,
    name: 'cluster|help',
    arity: 2,
    summary: 'Lists the subcommands of CLUSTER.',
    syntax: 'CLUSTER HELP',
  },
  {
    ...cluster,
    name: 'cluster|info',
    arity: 2,
    summary: 'Returns the state of the cluster in the form of Redis Cluster.',
    syntax: 'CLUSTER INFO',
  },
  {
    ...cluster,
    name: 'cluster|keyslot',
    arity: 3,
    summary: 'Returns the hash slot of a key.',
    syntax: 'CLUSTER KEYSLOT key',
  },
  {
    ...cluster,
    name: 'cluster|myid',
    arity: 2,
    summary: 'Returns the name of this node in the form of Redis Cluster.',
    syntax: 'CLUSTER MYID',
  },
  {
    ...cluster,
    name: 'cluster|nodes',
    arity: 2,
    summary: 'Lists the nodes in the form of Redis Cluster: the leader owns every slot.',
    syntax: 'CLUSTER NODES',
  },
  {
    ...cluster,
    name: 'cluster|shards',
    arity: 2,
    summary: 'Describes the one shard: its leader and its followers.',
    syntax: 'CLUSTER SHARDS',
  },
  {
    ...cluster,
    name: 'cluster|slots',
    arity: 2,
    summary: 'Maps every slot to the leader, the followers behind it.',
    syntax: 'CLUSTER SLOTS',
  },
  {
    ...cluster,
    name: 'readonly',
    arity: 1,
    flags: ['fast'],
    summary: 'Accepted for cluster clients. Every read is linearizable all the same.',
    syntax: 'READONLY',
    remark: 'Changes nothing: a follower redirects reads all the same.',
  },
  {
    ...cluster,
    name: 'readwrite',
    arity: 1,
    flags: ['fast'],
    summary: 'Accepted for cluster clients; takes READONLY back.',
    syntax: 'READWRITE',
  },
  {
    ...cluster,
    name: 'asking',
    arity: 1,
    flags: ['fast'],
    summary: 'Accepted for cluster clients. Slots never move here.',
    syntax: 'ASKING',
  },
];
