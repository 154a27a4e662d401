import { assert } from './assert.ts';
import { readU32, readU64, writeU32, writeU64 } from './bytes.ts';
import type { Index, Term } from './ids.ts';
import { native } from './native.ts';

/**
 * One entry of the replicated log. It is encoded once, on the leader: the same bytes go into the
 * leader's log file, over the wire, and into each follower's log file.
 *
 *     0   u32  CRC-32 of everything behind it
 *     4   u32  length of the whole record, this header included
 *     8   u8   type; 0 is illegal, so that a page of zeros never decodes as an entry
 *     9   u8   format version of the header (1)
 *     10  u16  zero
 *     12  u64  term
 *     20  u64  index
 *     28  …    payload
 *
 * All numbers are little-endian.
 */
export const ENTRY_HEADER_BYTES = 28;
const ENTRY_VERSION = 1;

export const EntryType = {
  /** Appended by a new leader at the start of its term (§8): it commits what came before. */
  Noop: 1,
  /** Payload: an encoded configuration. Entry 1 of every log is one. */
  Configuration: 2,
  /** Payload: an encoded command of the state machine. */
  Command: 3,
} as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

export class Entry {
  readonly index: Index;
  readonly term: Term;
  readonly type: EntryType;
  /** The whole record, header included. Never changed once the entry exists. */
  readonly record: Uint8Array;

  constructor(index: Index, term: Term, type: EntryType, record: Uint8Array) {
    this.index = index;
    this.term = term;
    this.type = type;
    this.record = record;
  }

  /** The payload's bytes: a slice of the record. */
  get payload(): Uint8Array {
    return this.record.subarray(ENTRY_HEADER_BYTES);
  }
}

/** A record with room for the header in front of a copy of `payload`, ready for `sealEntry`. */
export function unsealedRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(ENTRY_HEADER_BYTES + payload.length);
  record.set(payload, ENTRY_HEADER_BYTES);
  return record;
}

/**
 * Makes the entry: fills in the header of a record whose payload already stands behind it. The
 * entry takes the record over; the caller must not touch it again.
 */
export function sealEntry(record: Uint8Array, type: EntryType, term: Term, index: Index): Entry {
  assert(record.length >= ENTRY_HEADER_BYTES, () => `record of ${record.length} bytes`);
  writeU32(record, 4, record.length);
  record[8] = type;
  record[9] = ENTRY_VERSION;
  record[10] = 0;
  record[11] = 0;
  writeU64(record, 12, term);
  writeU64(record, 20, index);
  writeU32(record, 0, native.crc32(record, 4, record.length, 0));
  return new Entry(index, term, type, record);
}

/** Why bytes are not an entry. `short` only means that more bytes are needed. */
export type EntryDefect = 'short' | 'length' | 'checksum' | 'type' | 'version' | 'number';

/**
 * Decodes and verifies the record that starts at `at`, without copying: the entry's record is a
 * slice. Every field is covered by the checksum, and every number is checked to be safe.
 * @param recordBytesMax a longer record is refused before its bytes are looked at.
 */
export function decodeEntry(
  bytes: Uint8Array,
  at: number,
  end: number,
  recordBytesMax: number,
): Entry | EntryDefect {
  if (end - at < ENTRY_HEADER_BYTES) return 'short';
  const length = readU32(bytes, at + 4);
  if (length < ENTRY_HEADER_BYTES || length > recordBytesMax) return 'length';
  if (length > end - at) return 'short';
  if (native.crc32(bytes, at + 4, at + length, 0) !== readU32(bytes, at)) return 'checksum';
  const type = bytes[at + 8]!;
  if (!isEntryType(type)) return 'type';
  if (bytes[at + 9] !== ENTRY_VERSION) return 'version';
  const term = readU64(bytes, at + 12);
  const index = readU64(bytes, at + 20);
  if (!Number.isSafeInteger(term) || !Number.isSafeInteger(index) || index === 0) return 'number';
  return new Entry(index as Index, term as Term, type, bytes.subarray(at, at + length));
}

/**
 * The entry whose record stands at bytes[at, at + length), where another checksum over all of it was
 * just verified, and the header with it: of a batch that was read back from disk, every byte is what
 * this node wrote, and it wrote nothing that it had not sealed or verified itself.
 */
export function entryOfVerified(
  bytes: Uint8Array,
  at: number,
  length: number,
  index: Index,
  term: Term,
): Entry {
  return new Entry(index, term, bytes[at + 8] as EntryType, bytes.subarray(at, at + length));
}

function isEntryType(type: number): type is EntryType {
  return type === EntryType.Noop || type === EntryType.Configuration || type === EntryType.Command;
}
