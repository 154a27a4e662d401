import { byteString } from '../base/bytes.ts';
import { array, bulk, error, integer, OK, PONG, type Reply } from '../kv/reply.ts';
import type { ConnectionCommandName } from '../protocol/commands.ts';
import { unsupportedProtocol } from '../protocol/errors.ts';
import { keySlot } from '../protocol/slots.ts';
import {
  clusterInfo,
  clusterNodes,
  clusterShards,
  clusterSlots,
  nodeName,
} from './cluster-view.ts';
import { type NodeView, statusJson } from './status.ts';

/** What these commands may change about the connection they came in on. */
export interface ConnectionState {
  understandsRedirect: boolean;
}

export type ConnectionHandler = (
  connection: ConnectionState,
  view: NodeView,
  args: readonly Uint8Array[],
) => Reply;

/** The commands that concern the connection or the node, and are not replicated. Their arity has
 *  been checked. */
export const connectionHandlers: Record<ConnectionCommandName, ConnectionHandler> = {
  ping: (_connection, _view, args) => (args.length === 1 ? PONG : bulk(byteString(args[1]!))),
  echo: (_connection, _view, args) => bulk(byteString(args[1]!)),
  quit: () => OK,
  hello,
  status: (_connection, view) => bulk(statusJson(view)),
  // redis-cli asks for COMMAND DOCS when it starts, and does without if there are none.
  command: () => array([]),
  'command|docs': () => array([]),
  'client|capa': clientCapa,
  'client|setinfo': () => OK,
  'cluster|slots': (_connection, view) => clusterSlots(view),
  'cluster|shards': (_connection, view) => clusterShards(view),
  'cluster|nodes': (_connection, view) => clusterNodes(view),
  'cluster|info': (_connection, view) => clusterInfo(view),
  'cluster|myid': (_connection, view) => bulk(nodeName(view, view.self)),
  'cluster|keyslot': (_connection, _view, args) => integer(keySlot(args[2]!)),
};

/** Valkey: capabilities that the server does not know are ignored. */
function clientCapa(
  connection: ConnectionState,
  _view: NodeView,
  args: readonly Uint8Array[],
): Reply {
  for (const word of args.slice(2)) {
    if (byteString(word).toLowerCase() === 'redirect') connection.understandsRedirect = true;
  }
  return OK;
}

function hello(_connection: ConnectionState, view: NodeView, args: readonly Uint8Array[]): Reply {
  if (args.length > 1 && byteString(args[1]!) !== '2') return unsupportedProtocol;
  if (args.length > 2) return error(`ERR Syntax error in HELLO option '${byteString(args[2]!)}'`);
  return array([
    bulk('server'),
    bulk('dkvs'),
    bulk('proto'),
    integer(2),
    bulk('mode'),
    bulk('cluster'),
    bulk('role'),
    bulk(view.role === 'leader' ? 'master' : 'replica'),
    bulk('modules'),
    array([]),
  ]);
}
