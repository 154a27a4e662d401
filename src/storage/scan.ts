import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchExtent,
  bodyIsWhole,
  type Chain,
  decodeBatchHeader,
} from './batch.ts';
import {
  countZeroSectors,
  firstNonZero,
  isZero,
  lastNonZeroSectorEnd,
  SECTOR_BYTES,
} from './sectors.ts';
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment.ts';

/** A segment's file as it was read, and what is known about it from elsewhere. */
export interface SegmentBytes {
  readonly bytes: Uint8Array;
  readonly header: SegmentHeader;
  readonly salt: number;
  /** Only the last segment can end in a torn batch: a roll waits until all before it is synced. */
  readonly isLast: boolean;
  /** The hard state's durable mark in this file: what lies before it was synced for certain. */
  readonly markOffset: number;
}

/**
 * How the batches of a segment end.
 *
 * - `end`: zeros from `offset` on
 * - `torn`: a batch that a crash cut short, never promised to anybody: [offset, endOffset) may go
 * - `rot`: bytes that may have been promised are not what was written
 * - `version`: whole, but of a format this code does not know
 */
export type SegmentEnd =
  | { readonly kind: 'end'; readonly offset: number }
  | { readonly kind: 'torn'; readonly offset: number; readonly endOffset: number; what: string }
  | { readonly kind: 'rot' | 'version'; readonly offset: number; readonly what: string };

/**
 * Reads batch after batch and hands the good ones to `visit`, which answers null, or what is wrong
 * with their records. Pure; the verdict on what is not good is the one of DESIGN §5, "Torn or
 * rotten", and there is no other place that judges.
 */
export function scanBatches(
  segment: SegmentBytes,
  chain: Chain,
  visit: (header: BatchHeader) => string | null,
): SegmentEnd {
  const { bytes } = segment;
  let offset = SEGMENT_HEADER_BYTES;
  while (!isZero(bytes, offset, Math.min(offset + SECTOR_BYTES, bytes.length))) {
    const batch = readBatch(segment, chain, offset);
    if ('what' in batch) return judge(segment, chain, offset, batch);
    const defect = visit(batch);
    if (defect !== null) return { kind: 'rot', offset, what: defect };
    chain.sequence = batch.sequence;
    chain.headerCrc = batch.headerCrc;
    offset += batchExtent(batch.bodyBytes);
  }
  if (firstNonZero(bytes, offset, bytes.length) < bytes.length) {
    const what = 'the first sector of a batch is zeros, but not all behind it are';
    return judge(segment, chain, offset, { what, header: null, version: false });
  }
  return endOfBatches(segment, offset);
}

function endOfBatches(segment: SegmentBytes, offset: number): SegmentEnd {
  const { bytes, header, isLast, markOffset } = segment;
  if (offset < markOffset) {
    const what = `the log ends here, but it was durable up to byte ${markOffset} at least`;
    return { kind: 'rot', offset, what };
  }
  // A batch begins with a byte that is not zero, so one zero is enough to know that none began
  // here. A file cut right here may have held more of them.
  if (isLast && offset === bytes.length && bytes.length < header.segmentBytes) {
    return { kind: 'rot', offset, what: cutShort(segment) };
  }
  return { kind: 'end', offset };
}

interface BadBatch {
  readonly what: string;
  /** The header, when it is whole and in its place, and only the body is bad. */
  readonly header: BatchHeader | null;
  readonly version: boolean;
}

function readBatch(segment: SegmentBytes, chain: Chain, offset: number): BatchHeader | BadBatch {
  const { bytes } = segment;
  const bad = (what: string, header: BatchHeader | null = null): BadBatch => {
    return { what, header, version: what === 'version' };
  };
  if (bytes.length - offset < BATCH_HEADER_BYTES) return bad('the header of a batch is cut off');
  const header = decodeBatchHeader(bytes, offset, segment.salt);
  if (header === 'version') return bad('version');
  if (typeof header === 'string') return bad(`the header of a batch is bad (${header})`);
  if (header.segmentId !== segment.header.segmentId || header.offset !== offset) {
    return bad(`this batch belongs at byte ${header.offset} of segment ${header.segmentId}`);
  }
  if (header.sequence !== chain.sequence + 1 || header.previousCrc !== chain.headerCrc) {
    return bad(`batch ${header.sequence} does not follow batch ${chain.sequence}`);
  }
  if (offset + batchExtent(header.bodyBytes) > bytes.length) return bad('a batch is cut off');
  if (!bodyIsWhole(bytes, offset, header)) return bad('the body of a batch is bad', header);
  return header;
}

/** Torn or rotten? */
function judge(segment: SegmentBytes, chain: Chain, offset: number, bad: BadBatch): SegmentEnd {
  const { bytes } = segment;
  if (bad.version) {
    return { kind: 'version', offset, what: 'a batch has a format version unknown here' };
  }
  const rot = (why: string): SegmentEnd => ({ kind: 'rot', offset, what: `${bad.what}; ${why}` });
  if (!segment.isLast) return rot('a later segment proves that it was durable');
  if (offset < segment.markOffset) return rot('the hard state proves that it was durable');
  const later = findLaterBatch(segment, chain, offset);
  if (later > 0) return rot(`no crash leaves the batch at byte ${later} behind it`);
  if (bytes.length < segment.header.segmentBytes) return rot(cutShort(segment));

  const endOffset = lastNonZeroSectorEnd(bytes, offset, bytes.length);
  const torn: SegmentEnd = { kind: 'torn', offset, endOffset, what: bad.what };
  // Sectors that a crash kept from the disk are still the zeros that were allocated.
  if (isZero(bytes, offset, offset + SECTOR_BYTES)) return torn;
  if (bad.header === null) return rot('no crash leaves that');
  const end = offset + batchExtent(bad.header.bodyBytes);
  if (endOffset > end) return rot('there are bytes behind it');
  // Values may be zeros too: only more sectors of zeros than were written speak for a crash.
  if (countZeroSectors(bytes, offset, end) > bad.header.zeroSectors) return torn;
  return rot('no sector of it is missing, so it may have been durable');
}

/** Where a batch stands that is as young as the one that should be at `offset`, or younger; 0:
 *  nowhere. Even in a wrong place: no crash moves one. */
function findLaterBatch(segment: SegmentBytes, chain: Chain, offset: number): number {
  const { bytes, salt } = segment;
  for (
    let at = offset + SECTOR_BYTES;
    at + BATCH_HEADER_BYTES <= bytes.length;
    at += SECTOR_BYTES
  ) {
    const header = decodeBatchHeader(bytes, at, salt);
    if (typeof header !== 'string' && header.sequence > chain.sequence) return at;
  }
  return 0;
}

function cutShort(segment: SegmentBytes): string {
  const { length } = segment.bytes;
  return `the file was cut off: it has ${length} bytes of ${segment.header.segmentBytes}`;
}
