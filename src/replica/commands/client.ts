import { byteString } from '../../base/bytes.ts';
import { bulk, integer, NULL, OK, type Reply, verbatim } from '../../kv/reply.ts';
import {
  badClientName,
  badLibraryText,
  noSuchClient,
  syntaxError,
  unrecognizedOption,
} from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import type { Connection, ConnectionHandler, ConnectionService } from '../connection.ts';
import type { Deferred } from '../deferred.ts';
import { addressOf } from '../status.ts';
import { type ClientFilter, fits, killFilter, listFilter } from './client-filter.ts';
import { nameError } from './session.ts';

// CLIENT …: who is connected, and what they say of themselves.

/** A slice of CLIENT LIST: a line takes some microseconds. */
const CLIENTS_PER_TURN = 500;

/** Valkey: capabilities that the server does not know are ignored. */
export const capa: ConnectionHandler = (connection, _service, args) => {
  for (const word of args.slice(2)) {
    if (isWord(word, 'redirect')) connection.understandsRedirect = true;
  }
  return OK;
};

export const id: ConnectionHandler = (connection) => integer(connection.id);

export const getName: ConnectionHandler = ({ profile }) =>
  profile.name === '' ? NULL : bulk(profile.name);

export const setName: ConnectionHandler = ({ profile }, _service, args) => {
  const wrong = nameError(args[2]!, badClientName);
  if (wrong !== null) return wrong;
  profile.name = byteString(args[2]!);
  return OK;
};

export const setInfo: ConnectionHandler = ({ profile }, _service, args) => {
  const [, , option, value] = args as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const isName = isWord(option, 'lib-name');
  if (!isName && !isWord(option, 'lib-ver')) return unrecognizedOption(option);
  const wrong = nameError(value, badLibraryText(isName ? 'lib-name' : 'lib-ver'));
  if (wrong !== null) return wrong;
  if (isName) profile.libraryName = byteString(value);
  else profile.libraryVersion = byteString(value);
  return OK;
};

export const noEvict: ConnectionHandler = ({ profile }, _service, args) =>
  onOrOff(args[2]!, (on) => {
    profile.noEvict = on;
  });

export const noTouch: ConnectionHandler = ({ profile }, _service, args) =>
  onOrOff(args[2]!, (on) => {
    profile.noTouch = on;
  });

function onOrOff(word: Uint8Array, set: (on: boolean) => void): Reply {
  const on = isWord(word, 'on');
  if (!on && !isWord(word, 'off')) return syntaxError;
  set(on);
  return OK;
}

export const info: ConnectionHandler = (connection, service) =>
  verbatim(`${clientLine(connection, service)}\n`);

export const list: ConnectionHandler = (_connection, service, args) => {
  const filter = listFilter(args);
  if ('kind' in filter) return filter;
  const lines = new ClientLines(service, filter);
  return lines.proceed() ?? lines;
};

/** The lines of CLIENT LIST, some a turn: those of clients that come meanwhile are among them. */
class ClientLines implements Deferred {
  readonly isWork = true;
  readonly wakeAtMs = Number.POSITIVE_INFINITY;
  private readonly service: ConnectionService;
  private readonly filter: ClientFilter;
  private readonly rest: Iterator<Connection>;
  /** One text a slice: to join them all at the end is to copy, not to build. */
  private readonly slices: string[] = [];

  constructor(service: ConnectionService, filter: ClientFilter) {
    this.service = service;
    this.filter = filter;
    this.rest = service.connections[Symbol.iterator]();
  }

  proceed(): Reply | null {
    const lines: string[] = [];
    let isLast = false;
    for (let looked = 0; looked < CLIENTS_PER_TURN && !isLast; looked++) {
      const next = this.rest.next();
      isLast = next.done === true;
      if (next.done === true || !fits(this.filter, next.value, this.service)) continue;
      lines.push(clientLine(next.value, this.service), '\n');
    }
    this.slices.push(lines.join(''));
    return isLast ? verbatim(this.slices.join('')) : null;
  }

  endWait(): void {}
}

/** In Redis's form, without what it says of its own memory. */
function clientLine(client: Connection, service: ConnectionService): string {
  const { profile } = client;
  const nowMs = service.now();
  const seconds = (sinceMs: number) => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  return (
    `id=${client.id} addr=${addressOf(client.remote)} ` +
    `laddr=${addressOf(service.address)} name=${profile.name} ` +
    `age=${seconds(client.connectedMs)} idle=${seconds(client.activeMs)} ` +
    `flags=${flagsOf(client)} db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 ` +
    `qbuf=${client.unparsedBytes} obl=${client.unsentBytes} ` +
    `cmd=${client.lastCommand?.name ?? 'NULL'} user=default redir=-1 resp=${client.protocol} ` +
    `lib-name=${profile.libraryName} lib-ver=${profile.libraryVersion} ` +
    `tot-net-in=${client.inputBytes} tot-net-out=${client.outputBytes} tot-cmds=${client.commands}`
  );
}

function flagsOf({ profile, isBlocked }: Connection): string {
  const flags =
    (isBlocked ? 'b' : '') +
    (profile.readonly ? 'r' : '') +
    (profile.noEvict ? 'e' : '') +
    (profile.noTouch ? 'T' : '');
  return flags === '' ? 'N' : flags;
}

/** The old form, with an address alone, answers OK; the new one, how many were closed. */
export const kill: ConnectionHandler = (connection, service, args) => {
  const filter = killFilter(args);
  if ('kind' in filter) return filter;
  let killed = 0;
  for (const client of service.connections) {
    if (client === connection && filter.skipMe) continue;
    if (!fits(filter, client, service)) continue;
    killed++;
    if (client === connection) client.finish();
    else client.shed();
  }
  if (args.length > 3) return integer(killed);
  return killed === 0 ? noSuchClient : OK;
};
