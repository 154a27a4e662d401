import type { ConnectionCommand } from './connection.ts';
import { LIST_MAX, ON_CONNECTION, WORDS_MAX } from './info.ts';

export type SessionCommandName =
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
  | 'client|setname';

const session = { ...ON_CONNECTION, flags: ['fast'], group: 'connection' } as const;
const admin = ['admin'] as const;

/** What concerns the connection itself, and the other connections of its node. */
export const sessionCommands: readonly ConnectionCommand[] = [
  {
    ...session,
    name: 'ping',
    arity: -1,
    argumentsMax: 2,
    summary: 'Answers PONG, or the message.',
    syntax: 'PING [message]',
  },
  {
    ...session,
    name: 'echo',
    arity: 2,
    summary: 'Answers the message.',
    syntax: 'ECHO message',
  },
  {
    ...session,
    name: 'quit',
    arity: -1,
    summary: 'Closes the connection, once everything before it is answered.',
    syntax: 'QUIT',
  },
  {
    ...session,
    name: 'hello',
    arity: -1,
    argumentsMax: WORDS_MAX,
    summary: 'Chooses the version of the protocol, 2 or 3, and describes the server.',
    syntax: 'HELLO [protover [AUTH username password] [SETNAME clientname]]',
    inOrder: true,
  },
  {
    ...session,
    name: 'auth',
    arity: -2,
    summary: 'Checks a name and a password; none is configured, and the user is "default".',
    syntax: 'AUTH [username] password',
    remark: 'No password is configured: any is right for the user `default`.',
  },
  {
    ...session,
    name: 'reset',
    arity: 1,
    summary: 'Makes the connection as it was when it was new.',
    syntax: 'RESET',
    inOrder: true,
  },
  {
    ...session,
    name: 'select',
    arity: 2,
    summary: 'Selects the one database that there is: 0.',
    syntax: 'SELECT index',
  },
  {
    ...session,
    name: 'client|capa',
    arity: -3,
    argumentsMax: WORDS_MAX,
    summary: 'Says what the client understands; "redirect": REDIRECT instead of MOVED.',
    syntax: 'CLIENT CAPA capability [capability ...]',
  },
  {
    ...session,
    name: 'client|getname',
    arity: 2,
    flags: [],
    summary: 'Returns the name of the connection.',
    syntax: 'CLIENT GETNAME',
  },
  {
    ...session,
    name: 'client|help',
    arity: 2,
    flags: [],
    summary: 'Lists the subcommands of CLIENT.',
    syntax: 'CLIENT HELP',
  },
  {
    ...session,
    name: 'client|id',
    arity: 2,
    flags: [],
    summary: 'Returns the number of the connection, unique until the node restarts.',
    syntax: 'CLIENT ID',
  },
  {
    ...session,
    name: 'client|info',
    arity: 2,
    flags: [],
    summary: 'Describes this connection in one line.',
    syntax: 'CLIENT INFO',
    remark: 'Without the fields about the memory that a client takes.',
  },
  {
    ...session,
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
    ...session,
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
    ...session,
    name: 'client|no-evict',
    arity: 3,
    flags: admin,
    summary: 'Nothing is evicted here: accepted, and shown by CLIENT LIST.',
    syntax: 'CLIENT NO-EVICT <ON | OFF>',
  },
  {
    ...session,
    name: 'client|no-touch',
    arity: 3,
    flags: [],
    summary: 'Reading does not touch a key here: accepted, and shown by CLIENT LIST.',
    syntax: 'CLIENT NO-TOUCH <ON | OFF>',
  },
  {
    ...session,
    name: 'client|setinfo',
    arity: 4,
    flags: [],
    summary: 'Names the library of the client and its version.',
    syntax: 'CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>',
  },
  {
    ...session,
    name: 'client|setname',
    arity: 3,
    flags: [],
    summary: 'Names the connection, for CLIENT LIST.',
    syntax: 'CLIENT SETNAME connection-name',
  },
];
