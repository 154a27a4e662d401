import type { Arena } from '../base/arena.ts';
import { EMPTY_BYTES, readU32, writeU32 } from '../base/bytes.ts';
import { ENTRY_HEADER_BYTES } from '../base/entry.ts';
import { type Int64, readInt64, writeInt64 } from '../base/int64.ts';
import {
  decodeFields,
  encodeFields,
  encodeKeys,
  fieldsBytes,
  keysBytes,
  readKeys,
  slice,
} from './command-fields.ts';
import { type LayoutCommand, layoutOf, layoutWith } from './command-layouts.ts';

/**
 * What the state machine is asked to do; the payload of a Command entry. Keys and values are
 * slices, of a socket's chunk on their way in and of the entry's record on their way out: whoever
 * keeps one copies it. Limits of length are the business of the door; here any length goes.
 *
 * The five that most programs live on are written out by hand, here and in the state machine; the
 * others are rows of a table (command-layouts.ts).
 */
export type Command = HotCommand | LayoutCommand;

export type HotCommand =
  | SetCommand
  | { readonly kind: 'get'; readonly key: Uint8Array }
  | { readonly kind: 'del'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'exists'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'incrby'; readonly key: Uint8Array; readonly delta: Int64 };

export interface SetCommand {
  readonly kind: 'set';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly condition: SetCondition;
  /** What the present value (`ifeq`, `ifne`) or its digest (`ifdeq`, `ifdne`: 16 hexadecimal digits
   *  in lower case) is compared with; empty for the others. */
  readonly comparand: Uint8Array;
  /** Answer the value that was there before. */
  readonly get: boolean;
}

/** Set only if: the key is absent (nx), present (xx), present with the comparand as its value
 *  (ifeq), absent or with another value (ifne); the last two compare digests instead of values. */
export type SetCondition = (typeof CONDITIONS)[number];
/** In the order of their codes. Those from `ifeq` on have a comparand. */
const CONDITIONS = ['none', 'nx', 'xx', 'ifeq', 'ifne', 'ifdeq', 'ifdne'] as const;
const FIRST_COMPARING = CONDITIONS.indexOf('ifeq');

/**
 * Why a payload is not a command. `unknown`: a format version or an operation that this build does
 * not know, but that a newer one may. `malformed`: this build knows the format, and every build
 * that does finds the bytes wrong.
 */
export type CommandDefect = 'unknown' | 'malformed';

/**
 * The payload, after a byte of version and a byte of operation; numbers little-endian:
 *
 *     set          u8 condition · u8 flags (1: get) · u32 key length · u32 value length ·
 *                  key · value · comparand (the rest)
 *     get          key (the rest)
 *     del, exists  u32 count · count times (u32 length · key)
 *     incrby       i64 delta · key (the rest)
 *
 * and those of command-layouts.ts. Once a version is released, any change, an added operation too,
 * is a new version: see `StateMachine.apply`.
 */
const COMMAND_VERSION = 1;
const Operation = { Set: 1, Get: 2, Del: 3, Exists: 4, IncrBy: 5 } as const;
const HEADER_BYTES = 2;
const SET_HEADER_BYTES = HEADER_BYTES + 10;
const INCRBY_HEADER_BYTES = HEADER_BYTES + 8;
const FLAG_GET = 1;

/** How long the record will be that `encodeCommand` makes, header of the entry included. */
export function commandRecordBytes(command: Command): number {
  switch (command.kind) {
    case 'set': {
      const { key, value, comparand } = command;
      const bytes = key.length + value.length + comparand.length;
      return ENTRY_HEADER_BYTES + SET_HEADER_BYTES + bytes;
    }
    case 'get':
      return ENTRY_HEADER_BYTES + HEADER_BYTES + command.key.length;
    case 'del':
    case 'exists':
      return ENTRY_HEADER_BYTES + HEADER_BYTES + keysBytes(command.keys);
    case 'incrby':
      return ENTRY_HEADER_BYTES + INCRBY_HEADER_BYTES + command.key.length;
    default:
      return ENTRY_HEADER_BYTES + HEADER_BYTES + fieldsBytes(layoutOf(command), command);
  }
}

/**
 * A record with room for the entry's header in front of the command, ready for `sealEntry`. It is
 * the one copy that is made of a client's bytes on their way into the log.
 * @param arena where the record comes from; without one, from an allocation of its own.
 */
export function encodeCommand(command: Command, arena?: Arena): Uint8Array {
  const length = commandRecordBytes(command);
  const record = arena === undefined ? new Uint8Array(length) : arena.take(length);
  const at = ENTRY_HEADER_BYTES;
  record[at] = COMMAND_VERSION;
  switch (command.kind) {
    case 'set':
      encodeSet(record, at, command);
      return record;
    case 'get':
      record[at + 1] = Operation.Get;
      record.set(command.key, at + HEADER_BYTES);
      return record;
    case 'del':
      record[at + 1] = Operation.Del;
      encodeKeys(record, at + HEADER_BYTES, command.keys);
      return record;
    case 'exists':
      record[at + 1] = Operation.Exists;
      encodeKeys(record, at + HEADER_BYTES, command.keys);
      return record;
    case 'incrby':
      record[at + 1] = Operation.IncrBy;
      writeInt64(record, at + HEADER_BYTES, command.delta);
      record.set(command.key, at + INCRBY_HEADER_BYTES);
      return record;
    default: {
      const layout = layoutOf(command);
      record[at + 1] = layout.operation;
      encodeFields(record, at + HEADER_BYTES, layout, command);
      return record;
    }
  }
}

function encodeSet(record: Uint8Array, at: number, command: SetCommand): void {
  const { key, value, comparand } = command;
  record[at + 1] = Operation.Set;
  record[at + 2] = CONDITIONS.indexOf(command.condition);
  record[at + 3] = command.get ? FLAG_GET : 0;
  writeU32(record, at + 4, key.length);
  writeU32(record, at + 8, value.length);
  let to = at + SET_HEADER_BYTES;
  record.set(key, to);
  record.set(value, (to += key.length));
  if (comparand.length > 0) record.set(comparand, to + value.length);
}

/**
 * Decodes the command that fills `bytes` from `at` to the end. Strict: what it accepts is, byte for
 * byte, what `encodeCommand` would write again.
 */
export function decodeCommand(bytes: Uint8Array, at = 0): Command | CommandDefect {
  if (bytes.length === at) return 'malformed';
  if (bytes[at] !== COMMAND_VERSION) return 'unknown';
  if (bytes.length - at < HEADER_BYTES) return 'malformed';
  switch (bytes[at + 1]) {
    case Operation.Set:
      return decodeSet(bytes, at);
    case Operation.Get:
      return { kind: 'get', key: slice(bytes, at + HEADER_BYTES, bytes.length) };
    case Operation.Del: {
      const keys = readKeys(bytes, at + HEADER_BYTES);
      return keys === null ? 'malformed' : { kind: 'del', keys };
    }
    case Operation.Exists: {
      const keys = readKeys(bytes, at + HEADER_BYTES);
      return keys === null ? 'malformed' : { kind: 'exists', keys };
    }
    case Operation.IncrBy: {
      if (bytes.length - at < INCRBY_HEADER_BYTES) return 'malformed';
      const delta = readInt64(bytes, at + HEADER_BYTES);
      return { kind: 'incrby', key: slice(bytes, at + INCRBY_HEADER_BYTES, bytes.length), delta };
    }
    default: {
      const layout = layoutWith(bytes[at + 1]!);
      if (layout === null) return 'unknown';
      return decodeFields(bytes, at + HEADER_BYTES, layout) ?? 'malformed';
    }
  }
}

function decodeSet(bytes: Uint8Array, at: number): SetCommand | CommandDefect {
  if (bytes.length - at < SET_HEADER_BYTES) return 'malformed';
  const code = bytes[at + 2]!;
  const condition = CONDITIONS[code];
  const flags = bytes[at + 3]!;
  const keyAt = at + SET_HEADER_BYTES;
  const valueAt = keyAt + readU32(bytes, at + 4);
  const comparandAt = valueAt + readU32(bytes, at + 8);
  if (condition === undefined || flags > FLAG_GET || comparandAt > bytes.length) return 'malformed';
  const compares = code >= FIRST_COMPARING;
  if (!compares && comparandAt !== bytes.length) return 'malformed';
  return {
    kind: 'set',
    key: slice(bytes, keyAt, valueAt),
    value: slice(bytes, valueAt, comparandAt),
    condition,
    comparand: compares ? slice(bytes, comparandAt, bytes.length) : EMPTY_BYTES,
    get: flags === FLAG_GET,
  };
}
