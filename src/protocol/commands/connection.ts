import { isWord } from '../words.ts';
import { type BackupCommandName, backupCommands } from './backup.ts';
import { type CommandInfo, NO_KEYS } from './info.ts';

/** Answered by the node that the client is connected to, whoever leads. */
export interface ConnectionCommand extends CommandInfo {
  readonly where: 'connection';
  readonly name: ConnectionCommandName;
  /** Runs only when everything before it on its connection has been answered: it changes how
   *  replies are written, or speaks of what those before it did. The others run at once. */
  readonly inOrder: boolean;
}

/** Whoever answers these has a table of handlers: `Record<ConnectionCommandName, …>`. */
export type ConnectionCommandName =
  | BackupCommandName
  | 'ping'
  | 'echo'
  | 'quit'
  | 'hello'
  | 'auth'
  | 'reset'
  | 'select'
  | 'client|capa'
  | 'client|getname'
  | 'client|help'
  | 'client|id'
  | 'client|info'
  | 'client|kill'
  | 'client|list'
  | 'client|no-evict'
  | 'client|no-touch'
  | 'client|setinfo'
  | 'client|setname'
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
  | 'asking'
  | 'command'
  | 'command|count'
  | 'command|docs'
  | 'command|getkeys'
  | 'command|help'
  | 'command|info'
  | 'command|list'
  | 'config|get'
  | 'config|help'
  | 'info'
  | 'lolwut'
  | 'role'
  | 'status'
  | 'time'
  | 'wait';

/** These do work for each argument, at once: Redis sets no bound, and a request has a million. */
const WORDS_MAX = 128;
const LIST_MAX = 8192;

const connection = {
  where: 'connection',
  argumentsMax: 0,
  flags: ['fast'],
  keys: NO_KEYS,
  group: 'connection',
  complexity: 'O(1)',
  since: '0.1.0',
  remark: '',
  inOrder: false,
} as const;
const cluster = { ...connection, flags: [], group: 'cluster' } as const;
const server = { ...connection, flags: [], group: 'server' } as const;
const admin = ['admin'] as const;

const connectionGroup: readonly ConnectionCommand[] = [
  {
    ...connection,
    name: 'ping',
    arity: -1,
    argumentsMax: 2,
    summary: 'Answers PONG, or the message.',
    syntax: 'PING [message]',
  },
  {
    ...connection,
    name: 'echo',
    arity: 2,
    summary: 'Answers the message.',
    syntax: 'ECHO message',
  },
  {
    ...connection,
    name: 'quit',
    arity: -1,
    summary: 'Closes the connection, once everything before it is answered.',
    syntax: 'QUIT',
  },
  {
    ...connection,
    name: 'hello',
    arity: -1,
    argumentsMax: WORDS_MAX,
    summary: 'Chooses the version of the protocol, 2 or 3, and describes the server.',
    syntax: 'HELLO [protover [AUTH username password] [SETNAME clientname]]',
    inOrder: true,
  },
  {
    ...connection,
    name: 'auth',
    arity: -2,
    summary: 'Checks a name and a password; none is configured, and the user is "default".',
    syntax: 'AUTH [username] password',
    remark: 'No password is configured: any is right for the user `default`.',
  },
  {
    ...connection,
    name: 'reset',
    arity: 1,
    summary: 'Makes the connection as it was when it was new.',
    syntax: 'RESET',
    inOrder: true,
  },
  {
    ...connection,
    name: 'select',
    arity: 2,
    summary: 'Selects the one database that there is: 0.',
    syntax: 'SELECT index',
  },
  {
    ...connection,
    name: 'client|capa',
    arity: -3,
    argumentsMax: WORDS_MAX,
    summary: 'Says what the client understands; "redirect": REDIRECT instead of MOVED.',
    syntax: 'CLIENT CAPA capability [capability ...]',
  },
  {
    ...connection,
    name: 'client|getname',
    arity: 2,
    flags: [],
    summary: 'Returns the name of the connection.',
    syntax: 'CLIENT GETNAME',
  },
  {
    ...connection,
    name: 'client|help',
    arity: 2,
    flags: [],
    summary: 'Lists the subcommands of CLIENT.',
    syntax: 'CLIENT HELP',
  },
  {
    ...connection,
    name: 'client|id',
    arity: 2,
    flags: [],
    summary: 'Returns the number of the connection, unique until the node restarts.',
    syntax: 'CLIENT ID',
  },
  {
    ...connection,
    name: 'client|info',
    arity: 2,
    flags: [],
    summary: 'Describes this connection in one line.',
    syntax: 'CLIENT INFO',
    remark: 'Without the fields about the memory that a client takes.',
  },
  {
    ...connection,
    name: 'client|kill',
    complexity: 'O(N) where N is the number of client connections',
    arity: -3,
    argumentsMax: WORDS_MAX,
    flags: admin,
    summary: 'Closes the connections that all the filters fit, and says how many.',
    syntax:
      'CLIENT KILL <ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] ' +
      '[USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE seconds]>',
  },
  {
    ...connection,
    name: 'client|list',
    complexity: 'O(N) where N is the number of client connections',
    arity: -2,
    argumentsMax: LIST_MAX,
    flags: admin,
    summary: 'Describes the connections of this node, a line each.',
    syntax:
      'CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]',
    remark: 'Without the fields about the memory that a client takes.',
  },
  {
    ...connection,
    name: 'client|no-evict',
    arity: 3,
    flags: admin,
    summary: 'Nothing is evicted here: accepted, and shown by CLIENT LIST.',
    syntax: 'CLIENT NO-EVICT <ON | OFF>',
  },
  {
    ...connection,
    name: 'client|no-touch',
    arity: 3,
    flags: [],
    summary: 'Reading does not touch a key here: accepted, and shown by CLIENT LIST.',
    syntax: 'CLIENT NO-TOUCH <ON | OFF>',
  },
  {
    ...connection,
    name: 'client|setinfo',
    arity: 4,
    flags: [],
    summary: 'Names the library of the client and its version.',
    syntax: 'CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>',
  },
  {
    ...connection,
    name: 'client|setname',
    arity: 3,
    flags: [],
    summary: 'Names the connection, for CLIENT LIST.',
    syntax: 'CLIENT SETNAME connection-name',
  },
];

const clusterGroup: readonly ConnectionCommand[] = [
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

const serverGroup: readonly ConnectionCommand[] = [
  {
    ...server,
    name: 'command',
    complexity: 'O(N) where N is the number of commands',
    arity: -1,
    summary: 'Describes the commands for clients.',
    syntax: 'COMMAND',
  },
  {
    ...server,
    name: 'command|count',
    arity: 2,
    summary: 'Returns how many commands there are.',
    syntax: 'COMMAND COUNT',
  },
  {
    ...server,
    name: 'command|docs',
    arity: -2,
    argumentsMax: WORDS_MAX,
    summary: 'Describes commands for people.',
    syntax: 'COMMAND DOCS [command-name ...]',
  },
  {
    ...server,
    name: 'command|getkeys',
    arity: -3,
    argumentsMax: LIST_MAX,
    summary: 'Returns the keys of a command line.',
    syntax: 'COMMAND GETKEYS command [arg ...]',
  },
  {
    ...server,
    name: 'command|help',
    arity: 2,
    summary: 'Lists the subcommands of COMMAND.',
    syntax: 'COMMAND HELP',
  },
  {
    ...server,
    name: 'command|info',
    arity: -2,
    argumentsMax: WORDS_MAX,
    summary: 'Describes these commands for clients.',
    syntax: 'COMMAND INFO [command-name ...]',
  },
  {
    ...server,
    name: 'command|list',
    arity: -2,
    summary: 'Lists the names of the commands.',
    syntax: 'COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]',
  },
  {
    ...server,
    name: 'config|get',
    arity: -3,
    argumentsMax: WORDS_MAX,
    flags: admin,
    summary: 'Returns the settings whose names match a pattern.',
    syntax: 'CONFIG GET pattern [pattern ...]',
    remark: 'Some names of Redis, and all limits of the node.',
  },
  {
    ...server,
    name: 'config|help',
    arity: 2,
    summary: 'Lists the subcommands of CONFIG.',
    syntax: 'CONFIG HELP',
  },
  {
    ...server,
    name: 'info',
    arity: -1,
    argumentsMax: WORDS_MAX,
    summary: 'Returns what this node knows and has counted, in sections.',
    syntax: 'INFO [section ...]',
    inOrder: true,
  },
  {
    ...server,
    name: 'lolwut',
    arity: -1,
    argumentsMax: WORDS_MAX,
    summary: 'Draws a raft.',
    syntax: 'LOLWUT [VERSION version]',
  },
  {
    ...server,
    name: 'role',
    arity: 1,
    flags: ['admin', 'fast'],
    summary: 'Returns the role of this node in the form of Redis replication.',
    syntax: 'ROLE',
  },
  {
    ...server,
    name: 'status',
    arity: 1,
    flags: ['admin', 'fast'],
    summary: 'Returns the state of this node as one JSON object.',
    syntax: 'STATUS',
  },
  {
    ...server,
    name: 'time',
    arity: 1,
    flags: ['fast'],
    summary: "Returns this node's wall clock: seconds since 1970, and microseconds.",
    syntax: 'TIME',
  },
  {
    ...server,
    name: 'wait',
    arity: 3,
    flags: ['blocking'],
    group: 'generic',
    summary: 'Waits until so many other members hold what this connection wrote; says how many do.',
    syntax: 'WAIT numreplicas timeout',
    inOrder: true,
    remark: 'Counts who holds what the connection had appended, durably.',
  },
];

/** The commands that concern the connection or the node, and are not replicated. */
export const connectionCommands: readonly ConnectionCommand[] = [
  ...connectionGroup,
  ...clusterGroup,
  ...serverGroup,
  ...backupCommands,
];

/** Subcommands of Redis that DKVS does not have, of commands that it has. */
const lacking: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'client',
    words('caching getredir import-source pause reply tracking trackinginfo unblock unpause'),
  ],
  [
    'cluster',
    words(
      'addslots addslotsrange bumpepoch count-failure-reports delslots delslotsrange failover ' +
        'flushslots forget getkeysinslot links meet migration myshardid replicas replicate reset ' +
        'saveconfig set-config-epoch setslot slaves slot-stats',
    ),
  ],
  ['command', words('getkeysandflags')],
  ['config', words('resetstat rewrite set')],
]);

function words(line: string): readonly string[] {
  return line.split(' ');
}

/** @param command in lower case */
export function lacksSubcommand(command: string, subcommand: Uint8Array): boolean {
  return lacking.get(command)?.some((name) => isWord(subcommand, name)) === true;
}
