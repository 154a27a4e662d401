import { unreachable } from '../base/assert.ts';
import { readU32, readU64, writeU32, writeU64 } from '../base/bytes.ts';
import { type Int64, readInt64, writeInt64 } from '../base/int64.ts';
import type { LayoutCommand, NamedLayout } from './command-layouts.ts';

/**
 * The kinds of field that a command is made of, and what each is in memory. Numbers are
 * little-endian on the wire; `u64` is below 2^53; `comparison` is one byte; `bytes` stand behind a
 * u32 length. The others come last, since they fill what is left: `rest` just does, `keys` and
 * `pairs` stand behind a u32 count, each item behind its u32 length.
 */
export interface FieldTypes {
  comparison: Comparison;
  flag: boolean;
  u32: number;
  u64: number;
  i64: Int64;
  bytes: Uint8Array;
  rest: Uint8Array;
  keys: readonly Uint8Array[];
  pairs: readonly Pair[];
}

/** How DELEX compares: the value itself, or its digest as 16 hexadecimal digits in lower case. */
export type Comparison = (typeof COMPARISONS)[number];
/** In the order of their codes. */
const COMPARISONS = ['ifeq', 'ifne', 'ifdeq', 'ifdne'] as const;

export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export type FieldType = keyof FieldTypes;

/** Fields are written in the order in which they stand here. */
export interface Layout {
  readonly operation: number;
  readonly fields: { readonly [name: string]: FieldType };
}

export type CommandOfLayout<K extends string, F extends Layout['fields']> = {
  readonly kind: K;
} & { readonly [Name in keyof F]: FieldTypes[F[Name]] };

/** A command as its table sees it. */
type Fields = { readonly [name: string]: FieldTypes[FieldType] };

export function fieldsBytes(layout: NamedLayout, command: LayoutCommand): number {
  const values = command as unknown as Fields;
  let bytes = 0;
  for (const name in layout.fields) bytes += fieldBytes(layout.fields[name]!, values[name]!);
  return bytes;
}

export function encodeFields(
  record: Uint8Array,
  from: number,
  layout: NamedLayout,
  command: LayoutCommand,
): void {
  const values = command as unknown as Fields;
  let at = from;
  for (const name in layout.fields) {
    const type = layout.fields[name]!;
    encodeField(record, at, type, values[name]!);
    at += fieldBytes(type, values[name]!);
  }
}

/**
 * Decodes the fields that fill `bytes` from `from` to the end.
 * @returns null when the bytes are anything else than what `encodeFields` would write again.
 */
export function decodeFields(
  bytes: Uint8Array,
  from: number,
  layout: NamedLayout,
): LayoutCommand | null {
  const command: Record<string, unknown> = { kind: layout.kind };
  let at = from;
  for (const name in layout.fields) {
    const type = layout.fields[name]!;
    const value = decodeField(bytes, at, type);
    if (value === null) return null;
    command[name] = value;
    at += fieldBytes(type, value);
  }
  return at === bytes.length ? (command as unknown as LayoutCommand) : null;
}

function fieldBytes(type: FieldType, value: FieldTypes[FieldType]): number {
  switch (type) {
    case 'comparison':
    case 'flag':
      return 1;
    case 'u32':
      return 4;
    case 'u64':
    case 'i64':
      return 8;
    case 'bytes':
      return 4 + (value as Uint8Array).length;
    case 'rest':
      return (value as Uint8Array).length;
    case 'keys':
      return keysBytes(value as FieldTypes['keys']);
    case 'pairs':
      return pairsBytes(value as FieldTypes['pairs']);
    default:
      return unreachable(type);
  }
}

function encodeField(
  record: Uint8Array,
  at: number,
  type: FieldType,
  value: FieldTypes[FieldType],
): void {
  switch (type) {
    case 'comparison':
      record[at] = COMPARISONS.indexOf(value as Comparison);
      return;
    case 'flag':
      record[at] = value ? 1 : 0;
      return;
    case 'u32':
      writeU32(record, at, value as number);
      return;
    case 'u64':
      writeU64(record, at, value as number);
      return;
    case 'i64':
      writeInt64(record, at, value as Int64);
      return;
    case 'bytes':
      writeU32(record, at, (value as Uint8Array).length);
      record.set(value as Uint8Array, at + 4);
      return;
    case 'rest':
      record.set(value as Uint8Array, at);
      return;
    case 'keys':
      encodeKeys(record, at, value as FieldTypes['keys']);
      return;
    case 'pairs':
      encodePairs(record, at, value as FieldTypes['pairs']);
      return;
    default:
      unreachable(type);
  }
}

function decodeField(bytes: Uint8Array, at: number, type: FieldType): FieldTypes[FieldType] | null {
  const left = bytes.length - at;
  switch (type) {
    case 'comparison':
      return left < 1 ? null : (COMPARISONS[bytes[at]!] ?? null);
    case 'flag':
      return left < 1 || bytes[at]! > 1 ? null : bytes[at] === 1;
    case 'u32':
      return left < 4 ? null : readU32(bytes, at);
    case 'u64': {
      const value = left < 8 ? Number.NaN : readU64(bytes, at);
      return Number.isSafeInteger(value) ? value : null;
    }
    case 'i64':
      return left < 8 ? null : readInt64(bytes, at);
    case 'bytes':
      return readBytes(bytes, at);
    case 'rest':
      return slice(bytes, at, bytes.length);
    case 'keys':
      return readKeys(bytes, at);
    case 'pairs':
      return readPairs(bytes, at);
    default:
      return unreachable(type);
  }
}

export function keysBytes(keys: FieldTypes['keys']): number {
  let bytes = 4;
  for (const key of keys) bytes += 4 + key.length;
  return bytes;
}

export function encodeKeys(record: Uint8Array, at: number, keys: FieldTypes['keys']): void {
  writeU32(record, at, keys.length);
  let to = at + 4;
  for (const key of keys) {
    writeU32(record, to, key.length);
    record.set(key, to + 4);
    to += 4 + key.length;
  }
}

/** @returns null when they end elsewhere than the bytes do. */
export function readKeys(bytes: Uint8Array, at: number): Uint8Array[] | null {
  if (bytes.length - at < 4) return null;
  const keys: Uint8Array[] = [];
  let from = at + 4;
  for (let left = readU32(bytes, at); left > 0; left--) {
    const key = readBytes(bytes, from);
    if (key === null) return null;
    keys.push(key);
    from += 4 + key.length;
  }
  return from === bytes.length ? keys : null;
}

function pairsBytes(pairs: FieldTypes['pairs']): number {
  let bytes = 4;
  for (const { key, value } of pairs) bytes += 8 + key.length + value.length;
  return bytes;
}

function encodePairs(record: Uint8Array, at: number, pairs: FieldTypes['pairs']): void {
  writeU32(record, at, pairs.length);
  let to = at + 4;
  for (const { key, value } of pairs) {
    for (const bytes of [key, value]) {
      writeU32(record, to, bytes.length);
      record.set(bytes, to + 4);
      to += 4 + bytes.length;
    }
  }
}

function readPairs(bytes: Uint8Array, at: number): Pair[] | null {
  if (bytes.length - at < 4) return null;
  const pairs: Pair[] = [];
  let from = at + 4;
  for (let left = readU32(bytes, at); left > 0; left--) {
    const key = readBytes(bytes, from);
    const value = key === null ? null : readBytes(bytes, from + 4 + key.length);
    if (key === null || value === null) return null;
    pairs.push({ key, value });
    from += 8 + key.length + value.length;
  }
  return from === bytes.length ? pairs : null;
}

function readBytes(bytes: Uint8Array, at: number): Uint8Array | null {
  if (bytes.length - at < 4) return null;
  const length = readU32(bytes, at);
  return bytes.length - at - 4 < length ? null : slice(bytes, at + 4, at + 4 + length);
}

/** As `subarray`, but always a plain Uint8Array, so that what reads it stays monomorphic. */
export function slice(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}
