import { assert } from '../base/assert.ts';
import { readU32, readU64, writeU32, writeU64 } from '../base/bytes.ts';
import { ENTRY_HEADER_BYTES, EntryType } from '../base/entry.ts';
import { type Index, index, type Term } from '../base/ids.ts';
import { native } from '../base/native.ts';
import { countZeroSectors, SECTOR_BYTES, sectorsUp } from './sectors.ts';
import type { LogPosition } from './segment.ts';

/**
 * A batch is what one sync makes durable. It starts on a sector and is padded with zeros to one, so
 * no two batches share a sector and a torn write can't hurt an earlier batch.
 *
 *     0   u32  "DKVB"
 *     4   u32  format version (1)
 *     8   u64  segment id: with the offset, where this batch begins, and so the durable mark: only
 *     16  u64  offset      one batch is ever un-synced, so all before it was synced by then
 *     24  u64  sequence: 1 for the first batch of the log, then one more each
 *     32  u64  commit index: a hint
 *     40  u32  length of the body, without the padding
 *     44  u32  records in the body
 *     48  u32  whole sectors of the batch that are all zeros as written
 *     52  u32  header CRC of the batch before: the chain
 *     56  u32  CRC-32 of the body and the padding
 *     60  u32  header CRC: CRC-32 of all before it, seeded with the directory's salt
 *     64  …    body: records
 */
export interface BatchHeader {
  readonly segmentId: number;
  readonly offset: number;
  readonly sequence: number;
  readonly commitIndex: Index;
  readonly bodyBytes: number;
  readonly records: number;
  readonly zeroSectors: number;
  readonly previousCrc: number;
  readonly bodyCrc: number;
  readonly headerCrc: number;
}

export const BATCH_HEADER_BYTES = 64;
const MAGIC = 0x42564b44; // "DKVB", little-endian
const VERSION = 1;

/** What a batch with a body of this length takes of the segment. */
export function batchExtent(bodyBytes: number): number {
  return sectorsUp(BATCH_HEADER_BYTES + bodyBytes);
}

/** Seeds every header CRC of a directory's log, so that no other log's batch passes in it. */
export function directorySalt(directoryId: Uint8Array): number {
  return native.crc32(directoryId, 0, directoryId.length, 0);
}

/** Why bytes are not a batch's header. */
export type BatchDefect = 'magic' | 'checksum' | 'version' | 'number';

/**
 * Decodes the header at `at`, which must have BATCH_HEADER_BYTES behind it. Whether it stands where
 * it says that it does is the caller's question.
 */
export function decodeBatchHeader(
  bytes: Uint8Array,
  at: number,
  salt: number,
): BatchHeader | BatchDefect {
  if (readU32(bytes, at) !== MAGIC) return 'magic';
  const headerCrc = readU32(bytes, at + 60);
  if (native.crc32(bytes, at, at + 60, salt) !== headerCrc) return 'checksum';
  if (readU32(bytes, at + 4) !== VERSION) return 'version';
  const segmentId = readU64(bytes, at + 8);
  const offset = readU64(bytes, at + 16);
  const sequence = readU64(bytes, at + 24);
  const commitIndex = readU64(bytes, at + 32);
  const areSafe =
    Number.isSafeInteger(segmentId) &&
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(sequence) &&
    Number.isSafeInteger(commitIndex);
  if (!areSafe) return 'number';
  return {
    segmentId,
    offset,
    sequence,
    commitIndex: index(commitIndex),
    bodyBytes: readU32(bytes, at + 40),
    records: readU32(bytes, at + 44),
    zeroSectors: readU32(bytes, at + 48),
    previousCrc: readU32(bytes, at + 52),
    bodyCrc: readU32(bytes, at + 56),
    headerCrc,
  };
}

/** Whether the body (and padding) of the batch whose header stands at `at` is what was written. */
export function bodyIsWhole(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
  const end = at + batchExtent(header.bodyBytes);
  return native.crc32(bytes, at + BATCH_HEADER_BYTES, end, 0) === header.bodyCrc;
}

/** Builds one batch after the other in one buffer, which a single write takes to the disk. */
export class BatchBuilder {
  /** Records added so far. */
  records = 0;
  private bytes = new Uint8Array(4096);
  private length = BATCH_HEADER_BYTES;
  private bodyBytesMax = 0;

  /** Starts a batch whose body may have this many bytes. The last one must be written by now. */
  begin(bodyBytesMax: number): void {
    this.records = 0;
    this.length = BATCH_HEADER_BYTES;
    this.bodyBytesMax = bodyBytesMax;
  }

  /** Whether a record of this length still fits. */
  fits(bytes: number): boolean {
    return this.length - BATCH_HEADER_BYTES + bytes <= this.bodyBytesMax;
  }

  addEntry(record: Uint8Array): void {
    this.reserve(record.length);
    this.bytes.set(record, this.length);
    this.length += record.length;
    this.records++;
  }

  addTruncation(from: Index): void {
    this.reserve(TRUNCATION_BYTES);
    writeTruncation(this.bytes, this.length, from);
    this.length += TRUNCATION_BYTES;
    this.records++;
  }

  /** Fills in padding and header. The bytes are a slice of the buffer: valid until `begin`. */
  seal(place: LogPosition, chain: Chain, salt: number, commitIndex: Index): SealedBatch {
    const bodyBytes = this.length - BATCH_HEADER_BYTES;
    const extent = batchExtent(bodyBytes);
    this.reserve(extent - this.length);
    const bytes = this.bytes.subarray(0, extent);
    bytes.fill(0, this.length);
    writeU32(bytes, 0, MAGIC);
    writeU32(bytes, 4, VERSION);
    writeU64(bytes, 8, place.segmentId);
    writeU64(bytes, 16, place.offset);
    writeU64(bytes, 24, chain.sequence + 1);
    writeU64(bytes, 32, commitIndex);
    writeU32(bytes, 40, bodyBytes);
    writeU32(bytes, 44, this.records);
    writeU32(bytes, 48, countZeroSectors(bytes, SECTOR_BYTES, extent));
    writeU32(bytes, 52, chain.headerCrc);
    writeU32(bytes, 56, native.crc32(bytes, BATCH_HEADER_BYTES, extent, 0));
    const headerCrc = native.crc32(bytes, 0, 60, salt);
    writeU32(bytes, 60, headerCrc);
    return { bytes, headerCrc };
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(sectorsUp(Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

/** The last batch: the next one must follow it. */
export interface Chain {
  sequence: number;
  headerCrc: number;
}

export interface SealedBatch {
  readonly bytes: Uint8Array;
  readonly headerCrc: number;
}

/**
 * A cut of the log is a record of its own: an entry's header (base/entry.ts) with this type, term 0
 * and, as index, the first entry that is removed. So bytes once written are never overwritten.
 */
const TRUNCATION_TYPE = 0x80;
export const TRUNCATION_BYTES = ENTRY_HEADER_BYTES;
const RECORD_VERSION = 1;

function writeTruncation(bytes: Uint8Array, at: number, from: Index): void {
  writeU32(bytes, at + 4, TRUNCATION_BYTES);
  bytes[at + 8] = TRUNCATION_TYPE;
  bytes[at + 9] = RECORD_VERSION;
  bytes[at + 10] = 0;
  bytes[at + 11] = 0;
  writeU64(bytes, at + 12, 0);
  writeU64(bytes, at + 20, from);
  writeU32(bytes, at, native.crc32(bytes, at + 4, at + TRUNCATION_BYTES, 0));
}

/** Takes the records of a batch in their order; answers null, or why one can't be. */
export interface RecordVisitor {
  /** The record stands at bytes[at, at + length). */
  entry(at: number, length: number, entryIndex: Index, entryTerm: Term): string | null;
  truncation(at: number, from: Index): string | null;
}

/**
 * Walks the records of a body that `bodyIsWhole` has verified: a checksum over all of it covers the
 * records' own, which whoever receives an entry has verified. Null, or what is wrong.
 */
export function walkRecords(
  bytes: Uint8Array,
  from: number,
  header: BatchHeader,
  visitor: RecordVisitor,
): string | null {
  const end = from + header.bodyBytes;
  let at = from;
  for (let i = 0; i < header.records; i++) {
    if (end - at < ENTRY_HEADER_BYTES) return `record ${i} of the batch is cut short`;
    const length = readU32(bytes, at + 4);
    if (length < ENTRY_HEADER_BYTES || length > end - at) return `record ${i} has a bad length`;
    if (bytes[at + 9] !== RECORD_VERSION) return `record ${i} has an unknown version`;
    const recordTerm = readU64(bytes, at + 12);
    const recordIndex = readU64(bytes, at + 20);
    if (!Number.isSafeInteger(recordTerm) || !Number.isSafeInteger(recordIndex)) {
      return `record ${i} has a number out of range`;
    }
    const type = bytes[at + 8]!;
    const defect =
      type === TRUNCATION_TYPE
        ? visitor.truncation(at, recordIndex as Index)
        : type >= EntryType.Noop && type <= EntryType.Command
          ? visitor.entry(at, length, recordIndex as Index, recordTerm as Term)
          : `record ${i} has the unknown type ${type}`;
    if (defect !== null) return defect;
    at += length;
  }
  assert(at <= end, () => `records end at ${at}, the body at ${end}`);
  return at === end ? null : 'the body is longer than its records';
}
