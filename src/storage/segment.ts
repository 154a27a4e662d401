import { byteString, bytesOf, readU32, readU64, writeU32, writeU64 } from '../base/bytes.ts';
import { type Index, index, type Term, term } from '../base/ids.ts';
import { native } from '../base/native.ts';
import { SECTOR_BYTES } from './sectors.ts';

/**
 * A segment is one file of the log: a header of one sector, then batches (batch.ts), then zeros up
 * to its size, which is allocated and synced before the file gets its name.
 *
 *     0   8 bytes   "DKVSWAL1"
 *     8   u32       format version (1)
 *     12  u32       CRC of the header of the batch before this segment; 0 for the first
 *     16  u64       segment id: 1 and up, also in the file's name
 *     24  16 bytes  the directory's id
 *     40  u64       sequence of the first batch in here
 *     48  u64       last index of the log before this segment
 *     56  u64       its term
 *     64  u64       size of the file
 *     508 u32       CRC-32 of everything before it
 */
export interface SegmentHeader {
  readonly segmentId: number;
  readonly directoryId: Uint8Array;
  readonly segmentBytes: number;
  readonly firstSequence: number;
  readonly previousCrc: number;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
}

export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
export const DIRECTORY_ID_BYTES = 16;
const MAGIC = 'DKVSWAL1';
const VERSION = 1;
const CRC_AT = SEGMENT_HEADER_BYTES - 4;

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  bytes.set(bytesOf(MAGIC), 0);
  writeU32(bytes, 8, VERSION);
  writeU32(bytes, 12, header.previousCrc);
  writeU64(bytes, 16, header.segmentId);
  bytes.set(header.directoryId, 24);
  writeU64(bytes, 40, header.firstSequence);
  writeU64(bytes, 48, header.lastIndex);
  writeU64(bytes, 56, header.lastTerm);
  writeU64(bytes, 64, header.segmentBytes);
  writeU32(bytes, CRC_AT, native.crc32(bytes, 0, CRC_AT, 0));
  return bytes;
}

export type SegmentDefect = 'short' | 'magic' | 'checksum' | 'version' | 'number';

export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | SegmentDefect {
  if (bytes.length < SEGMENT_HEADER_BYTES) return 'short';
  if (byteString(bytes, 0, MAGIC.length) !== MAGIC) return 'magic';
  if (native.crc32(bytes, 0, CRC_AT, 0) !== readU32(bytes, CRC_AT)) return 'checksum';
  if (readU32(bytes, 8) !== VERSION) return 'version';
  const numbers = [16, 40, 48, 56, 64].map((at) => readU64(bytes, at));
  if (!numbers.every(Number.isSafeInteger)) return 'number';
  const [segmentId, firstSequence, lastIndex, lastTerm, segmentBytes] = numbers;
  return {
    segmentId: segmentId!,
    directoryId: bytes.slice(24, 24 + DIRECTORY_ID_BYTES),
    segmentBytes: segmentBytes!,
    firstSequence: firstSequence!,
    previousCrc: readU32(bytes, 12),
    lastIndex: index(lastIndex!),
    lastTerm: term(lastTerm!),
  };
}

/** The spare: allocated in the background, a segment once it is renamed. */
export const SPARE_NAME = 'wal-next';

export function segmentName(segmentId: number): string {
  return `wal-${segmentId.toString().padStart(10, '0')}`;
}

/** The segment id in a file's name; 0 when it is not a segment's name. */
export function segmentIdOf(name: string): number {
  return /^wal-\d{10}$/.test(name) ? Number(name.slice(4)) : 0;
}

/** A place in the log. */
export interface LogPosition {
  readonly segmentId: number;
  readonly offset: number;
}

/** Negative when `a` comes before `b`. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.segmentId - b.segmentId || a.offset - b.offset;
}
