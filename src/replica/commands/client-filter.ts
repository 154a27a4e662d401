import { byteString } from '../../base/bytes.ts';
import { parseInt64 } from '../../base/int64.ts';
import {
  badClientId,
  type ErrorReply,
  noSuchUser,
  notAMaxAge,
  syntaxError,
  tooSmallClientId,
  tooSmallMaxAge,
  unknownClientType,
} from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import type { Connection, ConnectionService } from '../connection.ts';
import { addressOf } from '../status.ts';

/** Which clients CLIENT LIST and CLIENT KILL are about: those that everything here fits. */
export interface ClientFilter {
  /** Null: any. */
  ids: ReadonlySet<number> | null;
  /** Every client here is a normal one. */
  normal: boolean;
  address: string | null;
  localAddress: string | null;
  /** Connected for at least so many seconds. */
  ageMin: number;
  /** Of CLIENT KILL: spare the connection that asks. */
  skipMe: boolean;
}

const anyClient = (): ClientFilter => ({
  ids: null,
  normal: true,
  address: null,
  localAddress: null,
  ageMin: 0,
  skipMe: true,
});

export function fits(
  filter: ClientFilter,
  client: Connection,
  service: ConnectionService,
): boolean {
  if (!filter.normal) return false;
  if (filter.ids !== null && !filter.ids.has(client.id)) return false;
  if (filter.address !== null && filter.address !== addressOf(client.remote)) return false;
  const { localAddress } = filter;
  if (localAddress !== null && localAddress !== addressOf(service.address)) return false;
  return service.now() - client.connectedMs >= filter.ageMin * 1000;
}

/** CLIENT LIST [TYPE type] | [ID id …] */
export function listFilter(args: readonly Uint8Array[]): ClientFilter | ErrorReply {
  const filter = anyClient();
  if (args.length === 2) return filter;
  if (isWord(args[2]!, 'type') && args.length === 4) {
    return setType(filter, args[3]!) ?? filter;
  }
  if (!isWord(args[2]!, 'id') || args.length === 3) return syntaxError;
  const ids = new Set<number>();
  for (const arg of args.slice(3)) {
    const id = parseInt64(byteString(arg));
    if (id === null) return badClientId;
    ids.add(Number(id));
  }
  filter.ids = ids;
  return filter;
}

/** CLIENT KILL ip:port | option value …; the old form may hit the connection that asks. */
export function killFilter(args: readonly Uint8Array[]): ClientFilter | ErrorReply {
  const filter = anyClient();
  if (args.length === 3) {
    filter.address = byteString(args[2]!);
    filter.skipMe = false;
    return filter;
  }
  for (let i = 2; i < args.length; i += 2) {
    const value = args[i + 1];
    const wrong = value === undefined ? syntaxError : setOption(filter, args[i]!, value);
    if (wrong !== null) return wrong;
  }
  return filter;
}

function setOption(filter: ClientFilter, option: Uint8Array, value: Uint8Array): ErrorReply | null {
  if (isWord(option, 'id')) {
    const id = parseInt64(byteString(value));
    if (id === null || id < 1) return tooSmallClientId;
    filter.ids = new Set([Number(id)]);
  } else if (isWord(option, 'maxage')) {
    const age = parseInt64(byteString(value));
    if (age === null) return notAMaxAge;
    if (age < 1) return tooSmallMaxAge;
    filter.ageMin = Number(age);
  } else if (isWord(option, 'type')) {
    return setType(filter, value);
  } else if (isWord(option, 'user')) {
    return byteString(value) === 'default' ? null : noSuchUser(value);
  } else if (isWord(option, 'addr')) {
    filter.address = byteString(value);
  } else if (isWord(option, 'laddr')) {
    filter.localAddress = byteString(value);
  } else if (isWord(option, 'skipme') && (isWord(value, 'yes') || isWord(value, 'no'))) {
    filter.skipMe = isWord(value, 'yes');
  } else {
    return syntaxError;
  }
  return null;
}

/** Replicas and peers talk on another port, and nobody subscribes: those types fit nobody. */
function setType(filter: ClientFilter, type: Uint8Array): ErrorReply | null {
  filter.normal = isWord(type, 'normal');
  const known = ['normal', 'master', 'replica', 'slave', 'pubsub'].some((word) =>
    isWord(type, word),
  );
  return known ? null : unknownClientType(type);
}
