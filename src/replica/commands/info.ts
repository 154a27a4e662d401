import { byteString } from '../../base/bytes.ts';
import { REDIS_VERSION, VERSION } from '../../base/version.ts';
import { verbatim } from '../../kv/reply.ts';
import type { ConnectionHandler, ConnectionService } from '../connection.ts';
import { addressOf, isSilent, type NodeView } from '../status.ts';

/** One "name:value" of INFO. What is not known is not among them. */
type Fields = readonly (readonly [string, string | number])[];

/** The sections in their order. Redis's names where Redis has the figure, and what it means there
 *  is what it means here; a replication offset is an index of the log. */
const sections: readonly (readonly [string, (service: ConnectionService) => Fields])[] = [
  ['Server', serverFields],
  ['Clients', clientFields],
  ['Memory', memoryFields],
  ['Persistence', persistenceFields],
  ['Stats', statsFields],
  ['Replication', replicationFields],
  ['CPU', cpuFields],
  ['Cluster', () => [['cluster_enabled', 1]]],
  ['Raft', raftFields],
  ['Keyspace', keyspaceFields],
];

const EVERYTHING = ['default', 'all', 'everything'];

/** INFO [section …]: each section once and in their own order, as Redis has it. */
export const info: ConnectionHandler = (_connection, service, args) => {
  const asked = new Set(args.slice(1).map((arg) => byteString(arg).toLowerCase()));
  const all = asked.size === 0 || EVERYTHING.some((word) => asked.has(word));
  const texts = sections
    .filter(([name]) => all || asked.has(name.toLowerCase()))
    .map(([name, fields]) => {
      const lines = fields(service).map(([field, value]) => `${field}:${value}\r\n`);
      return `# ${name}\r\n${lines.join('')}`;
    });
  return verbatim(texts.join('\r\n'));
};

function serverFields({ view }: ConnectionService): Fields {
  const seconds = Math.floor(view.uptimeMs / 1000);
  const { host } = view;
  return [
    ['redis_version', REDIS_VERSION],
    ['server_name', 'dkvs'],
    ['dkvs_version', VERSION],
    ['redis_mode', 'cluster'],
    ...(host === null
      ? []
      : ([
          ['os', host.system],
          ['runtime', host.runtime],
          ['process_id', host.processId],
        ] as const)),
    ['tcp_port', view.self.port],
    ['server_time_usec', Math.floor(view.wallMs * 1000)],
    ['uptime_in_seconds', seconds],
    ['uptime_in_days', Math.floor(seconds / 86_400)],
  ];
}

function clientFields({ view, limits, connections }: ConnectionService): Fields {
  let blocked = 0;
  for (const connection of connections) if (connection.isBlocked) blocked++;
  return [
    ['connected_clients', view.clients],
    ['maxclients', limits.clientsMax],
    ['blocked_clients', blocked],
  ];
}

function memoryFields({ view }: ConnectionService): Fields {
  const limit: Fields = [
    ['maxmemory', 0],
    ['maxmemory_policy', 'noeviction'],
  ];
  if (view.host === null) return limit;
  const { usedBytes, residentBytes, residentPeakBytes } = view.host.memory();
  return [
    ['used_memory', usedBytes],
    ['used_memory_human', humanBytes(usedBytes)],
    ['used_memory_rss', residentBytes],
    ['used_memory_rss_human', humanBytes(residentBytes)],
    ['used_memory_rss_peak', residentPeakBytes],
    ...limit,
  ];
}

/** `loading`: clients that ask first come back later. */
function persistenceFields({ view }: ConnectionService): Fields {
  const { batches, bytes, syncs, segments, lastSyncMs } = view.storageStats;
  return [
    ['loading', view.isLoading ? 1 : 0],
    ['rdb_bgsave_in_progress', view.isTakingSnapshot ? 1 : 0],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_last_write_status', view.storageSpace === 'ok' ? 'ok' : 'err'],
    ['log_segments', segments],
    ['log_first_index', view.firstIndex],
    ['snapshot_index', view.snapshot?.index ?? 0],
    ['snapshot_bytes', view.snapshot?.bytes ?? 0],
    ['log_batches_written', batches],
    ['log_bytes_written', bytes],
    ['fsyncs', syncs],
    ['last_fsync_ms', lastSyncMs.toFixed(3)],
  ];
}

function statsFields({ stats, connections }: ConnectionService): Fields {
  let commands = stats.commandsOfGone;
  for (const connection of connections) commands += connection.commands;
  return [
    ['total_connections_received', stats.accepted],
    ['total_commands_processed', commands],
    ['total_net_input_bytes', stats.inputBytes],
    ['total_net_output_bytes', stats.outputBytes],
    ['rejected_connections', stats.refused],
  ];
}

function replicationFields({ view }: ConnectionService): Fields {
  const { leader } = view;
  if (view.role === 'leader') {
    const heard = view.followers.filter((follower) => !isSilent(follower));
    const followers = heard.map(({ id, matchIndex, lastHeardMs }, i) => {
      const { host, port } = view.members.find((member) => member.id === id)!;
      const lag = Math.floor((lastHeardMs ?? 0) / 1000);
      const text = `ip=${host},port=${port},state=online,offset=${matchIndex},lag=${lag}`;
      return [`slave${i}`, text] as const;
    });
    return [
      ['role', 'master'],
      ['connected_slaves', followers.length],
      ...followers,
      ['master_repl_offset', view.lastIndex],
    ];
  }
  const known: Fields =
    leader === null
      ? []
      : [
          ['master_host', leader.host],
          ['master_port', leader.port],
        ];
  return [
    ['role', 'slave'],
    ...known,
    ['master_link_status', leader === null ? 'down' : 'up'],
    ['master_sync_in_progress', 0],
    ['slave_repl_offset', view.lastApplied],
    ['slave_read_only', 1],
    ['connected_slaves', 0],
    ['master_repl_offset', view.lastIndex],
  ];
}

function cpuFields({ view }: ConnectionService): Fields {
  if (view.host === null) return [];
  const { userSeconds, systemSeconds } = view.host.cpu();
  return [
    ['used_cpu_sys', systemSeconds.toFixed(6)],
    ['used_cpu_user', userSeconds.toFixed(6)],
  ];
}

function raftFields({ view }: ConnectionService): Fields {
  const { leader, elections } = view;
  const known: Fields =
    leader === null
      ? []
      : [
          ['raft_leader', leader.name],
          ['raft_leader_address', addressOf(leader)],
        ];
  return [
    ['raft_name', view.self.name],
    ['raft_cluster_id', view.clusterId],
    ['raft_phase', view.phase],
    ['raft_role', view.role],
    ['raft_term', view.term],
    ...known,
    ['raft_members', view.members.length],
    ['raft_commit_index', view.commitIndex],
    ['raft_last_applied', view.lastApplied],
    ['raft_last_index', view.lastIndex],
    ['raft_revision', view.revision],
    ['raft_campaigns', elections.campaigns],
    ['raft_elections_won', elections.won],
    ['raft_leaders_seen', elections.leaders],
    ...peerFields(view),
  ];
}

/** Only a leader knows of the others. `lag`: entries that the peer is not known to hold. */
function peerFields(view: NodeView): Fields {
  return view.followers.map(({ id, matchIndex, lastHeardMs, state }, i) => {
    const member = view.members.find((other) => other.id === id)!;
    const heard = lastHeardMs === null ? '' : `,last_heard_ms=${lastHeardMs}`;
    const text =
      `name=${member.name},address=${addressOf(member)},state=${state},` +
      `match_index=${matchIndex},lag=${view.lastIndex - matchIndex}${heard}`;
    return [`raft_peer${i}`, text] as const;
  });
}

function keyspaceFields({ view }: ConnectionService): Fields {
  return view.keys === 0 ? [] : [['db0', `keys=${view.keys},expires=0,avg_ttl=0`]];
}

const UNITS = ['B', 'K', 'M', 'G', 'T'];

/** 2.16M, as Redis writes it. */
function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}
