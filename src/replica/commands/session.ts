import { byteString } from '../../base/bytes.ts';
import { parseInt64 } from '../../base/int64.ts';
import { VERSION } from '../../base/version.ts';
import { array, bulk, integer, map, OK, PONG, simple } from '../../kv/reply.ts';
import {
  badClientName,
  type ErrorReply,
  helloOption,
  noPassword,
  notAnInteger,
  notAProtocol,
  otherDatabase,
  syntaxError,
  tooLong,
  unsupportedProtocol,
  wrongPassword,
} from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import { type ConnectionHandler, newProfile } from '../connection.ts';

// The commands by which a client and a node agree on how they talk.

const RESET = simple('RESET');
/** The user of Redis that needs no password until one is set. */
const DEFAULT_USER = 'default';

/** A client may name itself; ten thousand of them may not fill the memory with names. */
export const CLIENT_TEXT_MAX = 256;

export const ping: ConnectionHandler = (_connection, _service, args) =>
  args.length === 1 ? PONG : bulk(byteString(args[1]!));

export const echo: ConnectionHandler = (_connection, _service, args) => bulk(byteString(args[1]!));

export const quit: ConnectionHandler = (connection) => {
  connection.finish();
  return OK;
};

/** What cluster clients say about the slots: nothing depends on it where they never move. */
export const asking: ConnectionHandler = () => OK;

export const readonly: ConnectionHandler = ({ profile }) => {
  profile.readonly = true;
  return OK;
};

export const readwrite: ConnectionHandler = ({ profile }) => {
  profile.readonly = false;
  return OK;
};

export const reset: ConnectionHandler = (connection) => {
  const { libraryName, libraryVersion } = connection.profile;
  Object.assign(connection.profile, newProfile(), { libraryName, libraryVersion });
  connection.protocol = 2;
  connection.understandsRedirect = false;
  return RESET;
};

export const select: ConnectionHandler = (_connection, _service, args) => {
  const index = parseInt64(byteString(args[1]!));
  if (index === null) return notAnInteger;
  return index === 0 ? OK : otherDatabase;
};

/** No password is configured, and then Redis takes any for its default user. */
export const auth: ConnectionHandler = (_connection, _service, args) => {
  if (args.length === 2) return noPassword;
  if (args.length > 3) return syntaxError;
  return byteString(args[1]!) === DEFAULT_USER ? OK : wrongPassword;
};

export const hello: ConnectionHandler = (connection, service, args) => {
  const version = args.length === 1 ? connection.protocol : parseInt64(byteString(args[1]!));
  if (version === null) return notAProtocol;
  if (version !== 2 && version !== 3) return unsupportedProtocol;
  const options = helloOptions(args);
  if ('kind' in options) return options;
  if (options.user !== null && options.user !== DEFAULT_USER) return wrongPassword;
  if (options.name !== null) connection.profile.name = options.name;
  connection.protocol = version;
  return map([
    [bulk('server'), bulk('dkvs')],
    [bulk('version'), bulk(VERSION)],
    [bulk('proto'), integer(version)],
    [bulk('id'), integer(connection.id)],
    [bulk('mode'), bulk('cluster')],
    [bulk('role'), bulk(service.view.role === 'leader' ? 'master' : 'replica')],
    [bulk('modules'), array([])],
  ]);
};

interface HelloOptions {
  /** Null: not said. */
  user: string | null;
  name: string | null;
}

/** [AUTH username password] [SETNAME clientname], in any order. */
function helloOptions(args: readonly Uint8Array[]): HelloOptions | ErrorReply {
  const options: HelloOptions = { user: null, name: null };
  for (let i = 2; i < args.length; i++) {
    const more = args.length - 1 - i;
    if (isWord(args[i]!, 'auth') && more >= 2) {
      options.user = byteString(args[i + 1]!);
      i += 2;
    } else if (isWord(args[i]!, 'setname') && more >= 1) {
      const wrong = nameError(args[i + 1]!, badClientName);
      if (wrong !== null) return wrong;
      options.name = byteString(args[i + 1]!);
      i++;
    } else {
      return helloOption(args[i]!);
    }
  }
  return options;
}

/** Names stand in the lines of CLIENT LIST, so they are made of what is visible there. */
export function nameError(name: Uint8Array, notVisible: ErrorReply): ErrorReply | null {
  if (name.length > CLIENT_TEXT_MAX) return tooLong('name', name.length, CLIENT_TEXT_MAX);
  return name.every((byte) => byte >= 0x21 && byte <= 0x7e) ? null : notVisible;
}
