import type { ConnectionCommandName } from '../protocol/commands/connection.ts';
import * as backup from './commands/backup.ts';
import * as client from './commands/client.ts';
import * as cluster from './commands/cluster.ts';
import * as command from './commands/command.ts';
import * as config from './commands/config.ts';
import { help } from './commands/help.ts';
import { info } from './commands/info.ts';
import * as server from './commands/server.ts';
import * as session from './commands/session.ts';
import { wait } from './commands/wait.ts';
import type { ConnectionHandler } from './connection.ts';

/** Who answers the commands that are not replicated. Their arity has been checked. */
export const connectionHandlers: Record<ConnectionCommandName, ConnectionHandler> = {
  'backup|begin': backup.begin,
  'backup|end': backup.end,
  'backup|help': help('backup'),
  'backup|point': backup.point,
  'backup|read': backup.read,
  ping: session.ping,
  echo: session.echo,
  quit: session.quit,
  hello: session.hello,
  auth: session.auth,
  reset: session.reset,
  select: session.select,
  readonly: session.readonly,
  readwrite: session.readwrite,
  asking: session.asking,
  'client|capa': client.capa,
  'client|getname': client.getName,
  'client|help': help('client'),
  'client|id': client.id,
  'client|info': client.info,
  'client|kill': client.kill,
  'client|list': client.list,
  'client|no-evict': client.noEvict,
  'client|no-touch': client.noTouch,
  'client|setinfo': client.setInfo,
  'client|setname': client.setName,
  'cluster|countkeysinslot': cluster.countKeysInSlot,
  'cluster|help': help('cluster'),
  'cluster|info': cluster.info,
  'cluster|keyslot': cluster.slotOfKey,
  'cluster|myid': cluster.myId,
  'cluster|nodes': cluster.nodes,
  'cluster|shards': cluster.shards,
  'cluster|slots': cluster.slots,
  command: command.all,
  'command|count': command.count,
  'command|docs': command.docs,
  'command|getkeys': command.getKeys,
  'command|help': help('command'),
  'command|info': command.info,
  'command|list': command.list,
  'config|get': config.get,
  'config|help': help('config'),
  info,
  lolwut: server.lolwut,
  role: server.role,
  status: server.status,
  time: server.time,
  wait,
};
