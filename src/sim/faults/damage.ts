import type { Prng } from '../../base/prng.ts';
import {
  BATCH_HEADER_BYTES,
  batchExtent,
  decodeBatchHeader,
  directorySalt,
} from '../../storage/batch.ts';
import { SLOT_BYTES, SLOT_NAMES } from '../../storage/hard-state.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentIdOf } from '../../storage/segment.ts';
import { snapshotIndexOf } from '../../storage/snapshot-file.ts';
import type { SimDamageReport } from '../observer.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';

const SECTOR_BYTES = 512;
/** A second or so of a busy log. */
const RECENT_BYTES = 8 * 1024;

/** What to do to a disk, before it is done: so that it can be told first. */
export interface Damage extends SimDamageReport {
  readonly bytes: Uint8Array;
}

/** Bits of the log flip, or a whole sector of it becomes garbage. Null: nothing is there yet. */
export function rotLog(server: SimServer, random: Prng): Damage | null {
  const files = segmentsOf(server);
  if (files.length === 0) return null;
  const { path, bytes, end } = pick(random, files);
  const offset = random.below(end);
  if (random.chance(0.5)) return flipped(path, bytes, offset, random);
  const from = offset - (offset % SECTOR_BYTES);
  return {
    what: 'rot',
    path,
    offset: from,
    length: SECTOR_BYTES,
    bytes: random.bytes(SECTOR_BYTES),
  };
}

/** Bits flip in one of the snapshots, the newest or the one before. */
export function rotSnapshot(server: SimServer, random: Prng): Damage | null {
  const names = server.disk.list().filter((name) => snapshotIndexOf(name) > 0);
  if (names.length === 0) return null;
  const path = pick(random, names);
  const bytes = server.disk.durableFile(path);
  if (bytes === null || bytes.length === 0) return null;
  return { ...flipped(path, bytes, random.below(bytes.length), random), what: 'rotten snapshot' };
}

/** One of the two slots of the hard state goes bad. */
export function rotSlot(server: SimServer, random: Prng): Damage | null {
  const path = pick(random, SLOT_NAMES);
  const bytes = server.disk.durableFile(path);
  if (bytes?.length !== SLOT_BYTES) return null;
  return flipped(path, bytes, random.below(SLOT_BYTES), random);
}

/**
 * A sector of a batch never reached the disk, though its sync said so: what was there before, zeros,
 * is there still. Only where a later batch follows: a lost write of the very last batch looks like a
 * log that ends before it, and no node alone can tell (docs/storage.md).
 */
export function lostWrite(server: SimServer, random: Prng): Damage | null {
  const place = beforeLastBatch(server, random);
  if (place === null) return null;
  return { what: 'lost-write', ...place, bytes: new Uint8Array(SECTOR_BYTES) };
}

/** A sector was written in the place of another. */
export function misdirectedWrite(server: SimServer, random: Prng): Damage | null {
  const place = beforeLastBatch(server, random);
  if (place === null) return null;
  const from = pick(random, segmentsOf(server));
  const sectors = Math.floor(from.end / SECTOR_BYTES);
  const offset = random.below(sectors) * SECTOR_BYTES;
  const bytes = from.bytes.slice(offset, offset + SECTOR_BYTES);
  return { what: 'misdirected-write', ...place, bytes };
}

/** As `rotLog`, or as `misdirectedWrite`, in what was written of late, and not in the last batch: what a
 *  laggard needs. */
export function rotRecent(server: SimServer, random: Prng): Damage | null {
  const segment = segmentsOf(server).at(-1);
  if (segment === undefined) return null;
  const { path, bytes } = segment;
  const last = lastBatchAt(segment);
  const first = Math.max(SEGMENT_HEADER_BYTES, last - RECENT_BYTES);
  const sectors = Math.floor((last - first) / SECTOR_BYTES);
  if (sectors <= 0) return null;
  const offset = first + random.below(sectors) * SECTOR_BYTES;
  if (random.chance(0.5)) return flipped(path, bytes, offset + random.below(SECTOR_BYTES), random);
  const from = first + random.below(sectors) * SECTOR_BYTES;
  const moved = bytes.slice(from, from + SECTOR_BYTES);
  return { what: 'misdirected-write', path, offset, length: SECTOR_BYTES, bytes: moved };
}

interface Segment {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Where the last byte that is not zero ends, up to a sector. */
  readonly end: number;
}

function segmentsOf(server: SimServer): readonly Segment[] {
  const names = server.disk.list().filter((name) => segmentIdOf(name) > 0);
  return names.flatMap((path) => {
    const bytes = server.disk.durableFile(path);
    if (bytes === null || bytes.length === 0) return [];
    let end = bytes.length;
    while (end > SECTOR_BYTES && bytes[end - 1] === 0) end--;
    return [
      { path, bytes, end: Math.min(bytes.length, Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES) },
    ];
  });
}

function beforeLastBatch(
  server: SimServer,
  random: Prng,
): { path: string; offset: number; length: number } | null {
  const places = segmentsOf(server).flatMap((segment) => {
    const sectors = Math.floor((lastBatchAt(segment) - SEGMENT_HEADER_BYTES) / SECTOR_BYTES);
    return sectors > 0 ? [{ path: segment.path, sectors }] : [];
  });
  if (places.length === 0) return null;
  const { path, sectors } = pick(random, places);
  const offset = SEGMENT_HEADER_BYTES + random.below(sectors) * SECTOR_BYTES;
  return { path, offset, length: SECTOR_BYTES };
}

function lastBatchAt({ bytes }: Segment): number {
  const header = decodeSegmentHeader(bytes);
  if (typeof header !== 'object') return 0;
  const salt = directorySalt(header.directoryId);
  let last = 0;
  for (let at = SEGMENT_HEADER_BYTES; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    const batch = decodeBatchHeader(bytes, at, salt);
    if (typeof batch === 'string') break;
    last = at;
    at += batchExtent(batch.bodyBytes);
  }
  return last;
}

function flipped(path: string, bytes: Uint8Array, offset: number, random: Prng): Damage {
  const byte = bytes[offset]! ^ (1 << random.below(8));
  return { what: 'rot', path, offset, length: 1, bytes: Uint8Array.of(byte) };
}
