import type { ConnectionCommand } from './connection.ts';
import { LIST_MAX, ON_CONNECTION, WORDS_MAX } from './info.ts';

export type ServerCommandName =
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

const server = { ...ON_CONNECTION, flags: [], group: 'server' } as const;

/** What a node says of itself and of its commands. */
export const serverCommands: readonly ConnectionCommand[] = [
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
    flags: ['admin'],
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
