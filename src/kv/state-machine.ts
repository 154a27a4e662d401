import { assert, unreachable } from '../base/assert.ts';
import { byteString, bytesOf } from '../base/bytes.ts';
import { ENTRY_HEADER_BYTES, type Entry, EntryType } from '../base/entry.ts';
import { INDEX_ZERO, type Index, type Revision, revision } from '../base/ids.ts';
import { addInt64, formatInt64, type Int64, NOT_AN_INTEGER, parseInt64 } from '../base/int64.ts';
import { type Command, decodeCommand, type SetCommand } from './command.ts';
import { type Item, Keyspace } from './keyspace.ts';
import { mix } from './murmur3.ts';
import { bulk, error, integer, NULL, OK, type Reply } from './reply.ts';

const MALFORMED = error('ERR malformed command in the log: nothing was changed');
const NOT_INTEGER = error(NOT_AN_INTEGER);
const OVERFLOW = error('ERR increment or decrement would overflow');

/**
 * The replicated state machine (§2): it applies the entries of the log, one after the other, and
 * every replica that has applied the same entries is in the same state. So it knows nothing but the
 * entry: no clock, no randomness, no limits (they are settings of a node, and stand at its door).
 */
export class StateMachine {
  private readonly keyspace = new Keyspace();
  private currentRevision: Revision = revision(0);
  private appliedIndex: Index = INDEX_ZERO;

  /** Grows by one with every command that changes something, however many keys it changes. */
  get revision(): Revision {
    return this.currentRevision;
  }

  /** Figure 2: the index of the last entry applied. */
  get lastApplied(): Index {
    return this.appliedIndex;
  }

  /** How many keys there are. */
  get size(): number {
    return this.keyspace.size;
  }

  /** The keys from the first that is not below `start`, in the order of their bytes. Nothing may
   *  be applied while this runs. */
  keysFrom(start: string): Iterable<string> {
    return this.keyspace.keysFrom(start);
  }

  /**
   * A signed 32-bit hash of the whole state, at no cost. Replicas that have applied the same index
   * must agree in it (S22); it says nothing about how the state was reached, so it holds across a
   * restart and a snapshot too.
   */
  hash(): number {
    return mix(this.keyspace.digest, this.currentRevision);
  }

  /**
   * Applies the entry that follows `lastApplied`, and answers its command. A no-op and a
   * configuration change nothing here, and nobody waits for their answer.
   *
   * A payload may be no command, although its checksum holds: then some leader wrote it so. If it
   * is malformed, every replica finds it so by the same rules, and all of them skip it: the entry
   * is committed and can't be taken back, and to stop would stop the cluster for good. If its
   * version or operation is not known here, this is the old side of a mixed-version cluster, and a
   * newer replica does know it: to skip it would be to diverge in silence. Hence the assertion,
   * which stops this node until it has been upgraded, and the rule that a leader writes no version
   * that not all members know.
   */
  apply(entry: Entry): Reply {
    assert(entry.index === this.appliedIndex + 1, () => {
      return `entry ${entry.index} can't be applied behind ${this.appliedIndex}`;
    });
    this.appliedIndex = entry.index;
    if (entry.type !== EntryType.Command) return OK;
    const command = decodeCommand(entry.record, ENTRY_HEADER_BYTES);
    if (command === 'malformed') return MALFORMED;
    assert(command !== 'unknown', () => {
      return `entry ${entry.index} is a command that this version does not know: upgrade this node`;
    });
    return this.execute(command);
  }

  private execute(command: Command): Reply {
    switch (command.kind) {
      case 'set':
        return this.set(command);
      case 'get':
        return valueReply(this.keyspace.get(byteString(command.key)));
      case 'del':
        return this.del(command.keys);
      case 'exists':
        return this.exists(command.keys);
      case 'incrby':
        return this.incrBy(command.key, command.delta);
      default:
        return unreachable(command);
    }
  }

  private set(command: SetCommand): Reply {
    const key = byteString(command.key);
    // A plain SET, which most are, need not look at what was there.
    if (command.condition === 'none' && !command.get) {
      this.put(key, command.key, command.value);
      return OK;
    }
    const before = this.keyspace.get(key);
    const previous = command.get ? valueReply(before) : NULL; // the item changes in place
    if (!holds(command, before)) return previous;
    this.put(key, command.key, command.value);
    return command.get ? previous : OK;
  }

  private del(keys: readonly Uint8Array[]): Reply {
    let deleted = 0;
    for (const key of keys) if (this.keyspace.delete(byteString(key))) deleted++;
    if (deleted > 0) this.nextRevision();
    return integer(deleted);
  }

  /** A key that is named twice counts twice, as in Redis. */
  private exists(keys: readonly Uint8Array[]): Reply {
    let found = 0;
    for (const key of keys) if (this.keyspace.get(byteString(key)) !== undefined) found++;
    return integer(found);
  }

  private incrBy(keyBytes: Uint8Array, delta: Int64): Reply {
    const key = byteString(keyBytes);
    const item = this.keyspace.get(key);
    const before = item === undefined ? 0 : parseInt64(item.value);
    if (before === null) return NOT_INTEGER;
    const after = addInt64(before, delta);
    if (after === null) return OVERFLOW;
    this.put(key, keyBytes, bytesOf(formatInt64(after)));
    return integer(after);
  }

  private put(key: string, keyBytes: Uint8Array, value: Uint8Array): void {
    this.keyspace.set(key, keyBytes, value, this.nextRevision());
  }

  private nextRevision(): Revision {
    this.currentRevision = revision(this.currentRevision + 1);
    return this.currentRevision;
  }
}

function valueReply(item: Readonly<Item> | undefined): Reply {
  return item === undefined ? NULL : bulk(item.value);
}

/** Redis 8.4: an absent key equals nothing, so `ifeq` fails on it and `ifne` holds. */
function holds(command: SetCommand, before: Readonly<Item> | undefined): boolean {
  switch (command.condition) {
    case 'none':
      return true;
    case 'nx':
      return before === undefined;
    case 'xx':
      return before !== undefined;
    case 'ifeq':
      return before !== undefined && before.value === byteString(command.comparand);
    case 'ifne':
      return before === undefined || before.value !== byteString(command.comparand);
    default:
      return unreachable(command.condition);
  }
}
