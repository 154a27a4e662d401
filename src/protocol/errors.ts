import { byteString } from '../base/bytes.ts';
import { NOT_AN_INTEGER } from '../base/int64.ts';
import type { Reply } from '../kv/reply.ts';

/**
 * Every error text that a user may see, but for those that the state machine itself answers (kv/:
 * state-machine.ts, string-commands.ts, key-commands.ts). A text starts with its code, which is
 * stable; what follows is for people.
 */
export type ErrorReply = Extract<Reply, { readonly kind: 'error' }>;

const error = (text: string): ErrorReply => ({ kind: 'error', text });

/** The first word of an error's text. */
export function errorCode(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}

/** Codes that promise that the command was not applied, and never will be. */
export const NOT_APPLIED_CODES: ReadonlySet<string> = new Set([
  'REDIRECT',
  'MOVED',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOTAPPLIED',
]);

// Who may be asked, and what became of it (DESIGN §6). The first four mean: not appended here.

/** Another node leads. To a person, or to a client that has said `CLIENT CAPA redirect`. */
export const redirect = (host: string, port: number): ErrorReply =>
  error(`REDIRECT ${host}:${port}`);

/** The same, to any other Redis client. */
export const moved = (slot: number, host: string, port: number): ErrorReply =>
  error(`MOVED ${slot} ${host}:${port}`);

/** No leader that can commit. @param reason as in "no leader was elected within 1000 ms" */
export const clusterDown = (reason: string): ErrorReply =>
  error(`CLUSTERDOWN ${reason}; nothing was applied`);

/** Overload. @param reason as in "too many requests wait for their commit" */
export const tryAgain = (reason: string): ErrorReply =>
  error(`TRYAGAIN ${reason}; nothing was applied`);

/** Appended, then replaced by another leader's entry: certainly never applied. */
export const notApplied = (): ErrorReply =>
  error('NOTAPPLIED another leader took over before this was committed; nothing was applied');

/** Appended, and nobody can say yet. @param reason as in "not committed within 2000 ms" */
export const unknownOutcome = (reason: string): ErrorReply =>
  error(`UNKNOWN ${reason}; it may or may not be applied, now or later`);

// What is wrong with a request.

export const syntaxError: ErrorReply = error('ERR syntax error');
export const notAnInteger: ErrorReply = error(NOT_AN_INTEGER);
export const decrementOverflow: ErrorReply = error('ERR decrement would overflow');
export const notAFloat: ErrorReply = error('ERR value is not a valid float');
export const offsetOutOfRange: ErrorReply = error('ERR offset is out of range');
export const invalidCursor: ErrorReply = error('ERR invalid cursor');
export const databaseOutOfRange: ErrorReply = error('ERR DB index is out of range');
export const intOutOfRange: ErrorReply = error(
  'ERR value is out of range, value must between -2147483648 and 2147483647',
);
export const delexCondition: ErrorReply = error(
  'ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE',
);
export const digestForm: ErrorReply = error('ERR must be exactly 16 hexadecimal characters');
export const unsupportedProtocol: ErrorReply = error('NOPROTO unsupported protocol version');

// What the commands that concern connections and nodes refuse.

export const noPassword: ErrorReply = error(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
);
export const wrongPassword: ErrorReply = error(
  'WRONGPASS invalid username-password pair or user is disabled.',
);
export const badClientName: ErrorReply = error(
  'ERR Client names cannot contain spaces, newlines or special characters.',
);
/** @param option "lib-name", "lib-ver" */
export const badLibraryText = (option: string): ErrorReply =>
  error(`ERR ${option} cannot contain spaces, newlines or special characters.`);
export const unrecognizedOption = (option: Uint8Array): ErrorReply =>
  error(`ERR Unrecognized option '${printable(option, NAME_SHOWN_MAX)}'`);
export const helloOption = (option: Uint8Array): ErrorReply =>
  error(`ERR Syntax error in HELLO option '${printable(option, NAME_SHOWN_MAX)}'`);
export const notAProtocol: ErrorReply = error(
  'ERR Protocol version is not an integer or out of range',
);
export const otherDatabase: ErrorReply = error('ERR SELECT is not allowed in cluster mode');
export const noSuchClient: ErrorReply = error('ERR No such client');
export const badClientId: ErrorReply = error('ERR Invalid client ID');
export const tooSmallClientId: ErrorReply = error('ERR client-id should be greater than 0');
export const notAMaxAge: ErrorReply = error('ERR maxage is not an integer or out of range');
export const tooSmallMaxAge: ErrorReply = error('ERR maxage should be greater than 0');
export const unknownClientType = (type: Uint8Array): ErrorReply =>
  error(`ERR Unknown client type '${printable(type, NAME_SHOWN_MAX)}'`);
export const noSuchUser = (user: Uint8Array): ErrorReply =>
  error(`ERR No such user '${printable(user, NAME_SHOWN_MAX)}'`);
export const invalidSlot: ErrorReply = error('ERR Invalid slot');
export const invalidCommand: ErrorReply = error('ERR Invalid command specified');
export const invalidArguments: ErrorReply = error(
  'ERR Invalid number of arguments specified for command',
);
export const noKeyArguments: ErrorReply = error('ERR The command has no key arguments');
export const notATimeout: ErrorReply = error('ERR timeout is not an integer or out of range');
export const negativeTimeout: ErrorReply = error('ERR timeout is negative');
export const waitOnReplica: ErrorReply = error(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a ' +
    'replica is configured to be writable (which is not the default) writes to replicas are just ' +
    'local and are not propagated.',
);
/** A wait ended because this node leads no more. */
export const unblocked: ErrorReply = error(
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
);

/** There is nothing to go on with: the client begins again, here or at another node. @param why as in
 *  "it was not read for a minute" */
export const noBackup = (why: string): ErrorReply =>
  error(`NOBACKUP ${why}: BACKUP BEGIN again, here or at another node`);
export const badSnapshotId: ErrorReply = error('ERR snapshot-id is not an integer or out of range');
export const badIndex: ErrorReply = error('ERR index is not an integer or out of range');
export const pointElsewhere: ErrorReply = error(
  "ERR this connection's last command was carried out by another node: ask the leader",
);
/** @param detail of the operating system */
export const unreadableBackup = (detail: string): ErrorReply =>
  error(`ERR the snapshot can't be read: ${detail}`);

/** @param name in lower case, a subcommand as "client|capa" */
export const wrongArity = (name: string): ErrorReply =>
  error(`ERR wrong number of arguments for '${name}' command`);

const NAME_SHOWN_MAX = 128;
const ARGS_SHOWN_MAX = 128;

/** Redis's text to the letter, the space at its end and its limits of length included. */
export function unknownCommand(args: readonly Uint8Array[]): ErrorReply {
  let shown = '';
  for (let i = 1; i < args.length && shown.length < ARGS_SHOWN_MAX; i++) {
    shown += `'${printable(args[i]!, ARGS_SHOWN_MAX - shown.length)}' `;
  }
  const name = printable(args[0]!, NAME_SHOWN_MAX);
  return error(`ERR unknown command '${name}', with args beginning with: ${shown}`);
}

export const unknownSubcommand = (command: string, subcommand: Uint8Array): ErrorReply =>
  error(
    `ERR unknown subcommand '${printable(subcommand, NAME_SHOWN_MAX)}'. ` +
      `Try ${command.toUpperCase()} HELP.`,
  );

/** Redis has it, DKVS does not. */
export const unsupportedSubcommand = (command: string, subcommand: Uint8Array): ErrorReply =>
  error(
    `ERR ${command.toUpperCase()} ${byteString(subcommand).toUpperCase()} is not supported by DKVS`,
  );

/** Redis has it, DKVS does not have it yet. @param lack as in "keys do not expire so far" */
export const notSupportedYet = (command: string, lack: string): ErrorReply =>
  error(`ERR ${command} is not supported yet by DKVS: ${lack}`);

/** The same, of an option of SET that has to do with expiry. @param option as written: "EX" */
export const unsupportedOption = (command: string, option: string): ErrorReply =>
  notSupportedYet(`${command} option ${option}`, 'keys do not expire so far');

/** What empties the whole cluster has to be wanted. */
export const flushNotAllowed: ErrorReply = error(
  'NOPERM FLUSHALL and FLUSHDB are not allowed on this node: start it with --allow-flushall',
);

export const emptyKey = (bytesMax: number): ErrorReply =>
  error(`ERR empty key: a key is 1 to ${bytesMax} bytes long`);

/** More would be applied in no short time, and hold up every other client. */
export const tooManyKeys = (keysMax: number): ErrorReply =>
  error(`ERR too many keys: a command takes at most ${keysMax}`);

/** @param what "key", "value", "value to compare with", "pattern", "command" */
export const tooLong = (what: string, bytes: number, bytesMax: number): ErrorReply =>
  error(`ERR ${what} of ${bytes} bytes is longer than the limit of ${bytesMax} bytes`);

/** What ends a connection, because nobody can tell where the next request would start. The first
 *  five are Redis's; where it reads on (a missing CR LF, a request without end), DKVS does not. */
export const protocolErrors = {
  multibulkLength: 'ERR Protocol error: invalid multibulk length',
  bulkLength: 'ERR Protocol error: invalid bulk length',
  unbalancedQuotes: 'ERR Protocol error: unbalanced quotes in request',
  inlineTooBig: 'ERR Protocol error: too big inline request',
  expectedBulk: (byte: number): string =>
    `ERR Protocol error: expected '$', got '${printable(Uint8Array.of(byte), 1)}'`,
  bulkEnd: 'ERR Protocol error: expected CR LF behind a bulk string',
  requestTooBig: 'ERR Protocol error: too big request',
  /** No reply at all: whoever speaks HTTP here was tricked into it. */
  otherProtocol: '',
} as const;

/** Bytes as C's "%.*s" shows them: up to the first NUL; and line ends as spaces, since an error is
 *  one line. */
function printable(bytes: Uint8Array, max: number): string {
  const nul = bytes.indexOf(0);
  const end = Math.min(max, nul < 0 ? bytes.length : nul);
  return byteString(bytes, 0, end).replace(/[\r\n]/g, ' ');
}
