import { Client, type ClientOptions } from '../client/client.ts';
import { nodeTransport } from './client-transport.ts';

export type { Address } from '../client/address.ts';
export type { Argument, Client, ClientOptions, CommandOptions } from '../client/client.ts';
export {
  DkvsError,
  type ErrorCode,
  ReplyError,
  UnavailableError,
  UnknownOutcomeError,
  UsageError,
} from '../client/errors.ts';
export type { RespValue } from '../protocol/resp-reader.ts';

/**
 * A client of one cluster, over Node's sockets. It connects when the first command needs it.
 *
 *     await using dkvs = connect(['127.0.0.1:7001', '127.0.0.1:7002', '127.0.0.1:7003']);
 *     await dkvs.command(['SET', 'greeting', 'hello']);
 *
 * @throws UsageError when `nodes` is empty or one of them is not `host:port`.
 */
export function connect(
  nodes: ClientOptions['nodes'],
  options: Omit<ClientOptions, 'nodes'> = {},
): Client {
  return new Client(nodeTransport, { ...options, nodes });
}
