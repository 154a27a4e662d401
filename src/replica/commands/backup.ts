import { byteString } from '../../base/bytes.ts';
import { type Index, index } from '../../base/ids.ts';
import { parseInt64 } from '../../base/int64.ts';
import { integer } from '../../kv/reply.ts';
import {
  badIndex,
  badSnapshotId,
  offsetOutOfRange,
  pointElsewhere,
  syntaxError,
} from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import { type ConnectionHandler, ELSEWHERE } from '../connection.ts';

// What `dkvs backup` asks of a node (docs/backup.md).

/** BACKUP BEGIN [AFTER index] */
export const begin: ConnectionHandler = (connection, service, args) => {
  let after: Index | null = null;
  if (args.length > 2) {
    if (args.length !== 4 || !isWord(args[2]!, 'after')) return syntaxError;
    const wanted = wholeNumber(args[3]!);
    if (wanted === null) return badIndex;
    after = index(wanted);
  }
  return service.backups.begin(connection, after, service.now());
};

/** BACKUP READ snapshot-id offset */
export const read: ConnectionHandler = (connection, service, args) => {
  const id = wholeNumber(args[2]!);
  if (id === null) return badSnapshotId;
  const offset = wholeNumber(args[3]!);
  if (offset === null) return offsetOutOfRange;
  return service.backups.read(connection, id, offset, service.now());
};

/** BACKUP END snapshot-id */
export const end: ConnectionHandler = (connection, service, args) => {
  const id = wholeNumber(args[2]!);
  return id === null ? badSnapshotId : service.backups.end(connection, id);
};

/**
 * BACKUP POINT: the entry of the last command that this connection had appended here; 0 when there is
 * none. If that command was answered, everything that was acknowledged to anybody before it was sent
 * stands before it in the log: what covers this index covers all of that.
 */
export const point: ConnectionHandler = ({ lastIndex }) =>
  lastIndex === ELSEWHERE ? pointElsewhere : integer(lastIndex);

/** Null when it is not from 0 to 2^53 - 1. */
function wholeNumber(arg: Uint8Array): number | null {
  const value = parseInt64(byteString(arg));
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value) ? value : null;
}
