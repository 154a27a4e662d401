import { assert, unreachable } from '../base/assert.ts';
import { bytesOf } from '../base/bytes.ts';
import { ENTRY_HEADER_BYTES, type Entry, EntryType } from '../base/entry.ts';
import { INDEX_ZERO, type Index, type Revision } from '../base/ids.ts';
import { addInt64, formatInt64, type Int64, NOT_AN_INTEGER, parseInt64 } from '../base/int64.ts';
import { type Command, decodeCommand, isPlainSet, PlainSet, type SetCommand } from './command.ts';
import type { LayoutCommand, LayoutCommandOf, LayoutKind } from './command-layouts.ts';
import { Data } from './data.ts';
import type { HashKey } from './half-sip-hash.ts';
import * as keyCommands from './key-commands.ts';
import { error, integer, NULL, OK, type Reply } from './reply.ts';
import { stateHash } from './state-hash.ts';
import type { RestoredState } from './state-restorer.ts';
import { StateSnapshot } from './state-snapshot.ts';
import * as stringCommands from './string-commands.ts';
import { compares, PUT_UNITS, valueReply } from './string-commands.ts';

const MALFORMED = error('ERR malformed command in the log: nothing was changed');
const NOT_INTEGER = error(NOT_AN_INTEGER);
const OVERFLOW = error('ERR increment or decrement would overflow');

/** @param index of the entry that carries the command */
type Handler<K extends LayoutKind> = (
  data: Data,
  command: LayoutCommandOf<K>,
  index: Index,
) => Reply;

/** What the commands of the table of layouts do. */
const handlers: { readonly [K in LayoutKind]: Handler<K> } = {
  mget: stringCommands.mget,
  mset: stringCommands.mset,
  msetnx: stringCommands.msetnx,
  setnx: stringCommands.setnx,
  getdel: stringCommands.getdel,
  delex: stringCommands.delex,
  incrbyfloat: stringCommands.incrbyfloat,
  append: stringCommands.append,
  setrange: stringCommands.setrange,
  getrange: stringCommands.getrange,
  strlen: stringCommands.strlen,
  digest: stringCommands.digest,
  type: keyCommands.type,
  ttl: keyCommands.ttl,
  rename: keyCommands.rename,
  renamenx: keyCommands.renamenx,
  copy: keyCommands.copy,
  keys: keyCommands.keys,
  scan: keyCommands.scan,
  randomkey: (data, _command, index) => keyCommands.randomkey(data, index),
  dbsize: keyCommands.dbsize,
  flushall: keyCommands.flushall,
};

/**
 * The replicated state machine (§2): it applies the entries of the log, one after the other, and
 * every replica that has applied the same entries is in the same state. So it knows nothing but the
 * entry: no clock, no randomness, no limits (they are settings of a node, and stand at its door).
 */
export class StateMachine {
  private readonly data: Data;
  private readonly plainSet = new PlainSet();
  private appliedIndex: Index = INDEX_ZERO;

  /** @param hashKey a secret of this node (Keyspace); nothing that can be seen depends on it. */
  constructor(hashKey: HashKey = { low: 0, high: 0 }) {
    this.data = new Data(hashKey);
  }

  /** Grows by one with every command that changes something, however many keys it changes. */
  get revision(): Revision {
    return this.data.revision;
  }

  /** Figure 2: the index of the last entry applied. */
  get lastApplied(): Index {
    return this.appliedIndex;
  }

  /** What it has cost to apply so far, as far as it may be much: see `Data.work`. */
  get work(): number {
    return this.data.work;
  }

  /** How many keys there are. */
  get size(): number {
    return this.data.keyspace.size;
  }

  /** See `Keyspace.postponeOrder`. Nothing that can be seen depends on it. */
  postponeOrder(): void {
    this.data.keyspace.postponeOrder();
  }

  /** Puts in order what was postponed. @param workMax and @returns as KeyOrder. */
  arrange(workMax: number): boolean {
    return this.data.keyspace.arrange(workMax);
  }

  /** The keys from the first that is not below `start`, in the order of their bytes. Nothing may
   *  be applied while this runs. */
  keysFrom(start: string): Iterable<string> {
    return this.data.keyspace.keysFrom(bytesOf(start));
  }

  /**
   * A signed 32-bit hash of the whole state, at no cost. Replicas that have applied the same index
   * must agree in it (S22); it says nothing about how the state was reached, so it holds across a
   * restart and a snapshot too.
   */
  hash(): number {
    const { keyspace, revision } = this.data;
    return stateHash(keyspace.digest, revision, keyspace.keysCreated);
  }

  /** The state at `lastApplied`, to be written down while entries are applied on. One at a time: the
   *  one before must have ended. Costs no more for many keys than for few. */
  beginSnapshot(): StateSnapshot {
    return new StateSnapshot(this.data.keyspace, this.data.revision);
  }

  /** Jumps to a state that a snapshot has kept; from now on it belongs to this machine alone.
   *  @param lastApplied the index up to which it was applied (§7: lastIncludedIndex). */
  restore(state: RestoredState, lastApplied: Index): void {
    assert(lastApplied > this.appliedIndex, () => {
      return `a snapshot of ${lastApplied} can't be restored behind ${this.appliedIndex}`;
    });
    this.data.replace(state.keyspace, state.revision);
    this.appliedIndex = lastApplied;
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
    const { record } = entry;
    if (isPlainSet(record, ENTRY_HEADER_BYTES, this.plainSet)) return this.applyPlainSet(record);
    const command = decodeCommand(record, ENTRY_HEADER_BYTES);
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
        return valueReply(this.data.keyspace.value(command.key));
      case 'del':
        return this.del(command.keys);
      case 'exists':
        return this.exists(command.keys);
      case 'incrby':
        return this.incrBy(command.key, command.delta);
      default:
        return this.executeLayout(command);
    }
  }

  private executeLayout<K extends LayoutKind>(command: LayoutCommandOf<K> & LayoutCommand): Reply {
    const handler: Handler<K> = handlers[command.kind as K];
    return handler(this.data, command, this.appliedIndex);
  }

  /** Need not look at what was there. */
  private applyPlainSet(record: Uint8Array): Reply {
    const { keyFrom, keyTo } = this.plainSet;
    const at = this.data.nextRevision();
    this.data.keyspace.set(record, keyFrom, keyTo, record, keyTo, record.length, at);
    return OK;
  }

  private set(command: SetCommand): Reply {
    const { key, value } = command;
    const before = this.data.keyspace.value(key);
    this.data.spendOnBytes(before?.length ?? 0); // it may be compared, or hashed
    const previous = command.get ? valueReply(before) : NULL;
    if (!holds(command, before)) return previous;
    this.data.put(key, value);
    return command.get ? previous : OK;
  }

  private del(keys: readonly Uint8Array[]): Reply {
    let deleted = 0;
    this.data.spend(PUT_UNITS * keys.length);
    for (const key of keys) if (this.data.keyspace.delete(key)) deleted++;
    if (deleted > 0) this.data.nextRevision();
    return integer(deleted);
  }

  /** A key that is named twice counts twice, as in Redis. */
  private exists(keys: readonly Uint8Array[]): Reply {
    let found = 0;
    this.data.spend(keys.length);
    for (const key of keys) if (this.data.keyspace.has(key)) found++;
    return integer(found);
  }

  private incrBy(key: Uint8Array, delta: Int64): Reply {
    const value = this.data.keyspace.value(key);
    const before = value === undefined ? 0 : parseInt64(value);
    if (before === null) return NOT_INTEGER;
    const after = addInt64(before, delta);
    if (after === null) return OVERFLOW;
    this.data.put(key, bytesOf(formatInt64(after)));
    return integer(after);
  }
}

/** Redis 8.4: an absent key equals nothing, so `ifeq` fails on it and `ifne` holds. */
function holds(command: SetCommand, before: string | undefined): boolean {
  switch (command.condition) {
    case 'none':
      return true;
    case 'nx':
      return before === undefined;
    case 'xx':
      return before !== undefined;
    case 'ifeq':
    case 'ifdeq':
      return before !== undefined && compares(command.condition, command.comparand, before);
    case 'ifne':
    case 'ifdne':
      return before === undefined || compares(command.condition, command.comparand, before);
    default:
      return unreachable(command.condition);
  }
}
