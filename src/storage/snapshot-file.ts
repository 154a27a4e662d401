import { assert } from '../base/assert.ts';
import { byteString, bytesOf, readU32, readU64, writeU32, writeU64 } from '../base/bytes.ts';
import { crc32Shift, crc32Shifted } from '../base/crc32-shift.ts';
import { type Index, index, term } from '../base/ids.ts';
import { native } from '../base/native.ts';
import type { LogPoint, SnapshotInfo } from '../base/snapshot.ts';
import { sectorsUp } from './sectors.ts';

/**
 * A snapshot's file: a header, blocks, a footer. The same bytes lie on disk, travel to a follower and
 * make up a backup. Every byte is under a checksum; a block's is seeded with the snapshot's id and
 * the block's number, so that no block of another file, or from another place, passes.
 *
 * Header, a whole number of sectors:
 *
 *     0   8 bytes  "DKVSSNAP"
 *     8   u32      format version (1)
 *     12  u32      length of the header
 *     16  u64      index: the state is that behind the entry with this index, …
 *     24  u64      … of this term (§7: lastIncludedIndex, lastIncludedTerm)
 *     32  u64      id, random
 *     40  u32      what every block but the last holds
 *     44  u32      length of the configuration
 *     48  …        the configuration in force there, encoded; then zeros
 *     -4  u32      CRC-32 of everything before it
 *
 * Block:
 *
 *     0   u32      length of the payload; not 0
 *     4   u32      CRC-32 of the payload, seeded with that of id (u64), number (u32) and length (u32)
 *     8   …        payload
 *
 * Footer:
 *
 *     0   u32      0: no block
 *     4   u32      CRC-32 of the file up to the footer
 *     8   u64      count of blocks
 *     16  u64      length of the file
 *     24  u32      CRC-32 of the footer so far
 *     28  4 bytes  "DEND"
 */
export interface SnapshotMeta extends LogPoint {
  /** Below 2^53. */
  readonly id: number;
  readonly configuration: Uint8Array;
}

/** A snapshot that is whole. */
export type Snapshot = SnapshotMeta & SnapshotInfo;

export interface SnapshotHeader extends SnapshotMeta {
  readonly headerBytes: number;
  readonly blockBytes: number;
}

export const SNAPSHOT_BLOCK_BYTES_MAX = 64 * 1024;
export const SNAPSHOT_HEADER_BYTES_MAX = 16 * 1024;
export const SNAPSHOT_FOOTER_BYTES = 32;
export const BLOCK_HEADER_BYTES = 8;
/** No piece (header, block or footer) is longer. */
export const SNAPSHOT_PIECE_BYTES_MAX = BLOCK_HEADER_BYTES + SNAPSHOT_BLOCK_BYTES_MAX;
const MAGIC = 'DKVSSNAP';
const END_MAGIC = 'DEND';
const VERSION = 1;
const CONFIGURATION_AT = 48;
const CRC_BYTES = 4;

export function encodeSnapshotHeader(meta: SnapshotMeta, blockBytes: number): Uint8Array {
  assert(blockBytes >= 1 && blockBytes <= SNAPSHOT_BLOCK_BYTES_MAX, () => `block ${blockBytes}`);
  const { configuration } = meta;
  const headerBytes = sectorsUp(CONFIGURATION_AT + configuration.length + CRC_BYTES);
  assert(headerBytes <= SNAPSHOT_HEADER_BYTES_MAX, () => `header of ${headerBytes} bytes`);
  const bytes = new Uint8Array(headerBytes);
  bytes.set(bytesOf(MAGIC), 0);
  writeU32(bytes, 8, VERSION);
  writeU32(bytes, 12, headerBytes);
  writeU64(bytes, 16, meta.index);
  writeU64(bytes, 24, meta.term);
  writeU64(bytes, 32, meta.id);
  writeU32(bytes, 40, blockBytes);
  writeU32(bytes, 44, configuration.length);
  bytes.set(configuration, CONFIGURATION_AT);
  const crcAt = headerBytes - CRC_BYTES;
  writeU32(bytes, crcAt, native.crc32(bytes, 0, crcAt, 0));
  return bytes;
}

/** Why bytes are not a snapshot's header. `short`: more of them are needed. */
export type SnapshotHeaderDefect =
  | 'short'
  | 'magic'
  | 'version'
  | 'length'
  | 'checksum'
  | 'number'
  | 'fields';

/** Decodes the header that begins at `at`. */
export function decodeSnapshotHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
): SnapshotHeader | SnapshotHeaderDefect {
  if (end - at < CONFIGURATION_AT) return 'short';
  if (byteString(bytes, at, at + MAGIC.length) !== MAGIC) return 'magic';
  const headerBytes = readU32(bytes, at + 12);
  const isPossible = headerBytes > CONFIGURATION_AT && sectorsUp(headerBytes) === headerBytes;
  if (!isPossible || headerBytes > SNAPSHOT_HEADER_BYTES_MAX) return 'length';
  if (end - at < headerBytes) return 'short';
  const crcAt = at + headerBytes - CRC_BYTES;
  if (native.crc32(bytes, at, crcAt, 0) !== readU32(bytes, crcAt)) return 'checksum';
  if (readU32(bytes, at + 8) !== VERSION) return 'version';
  const [itsIndex, itsTerm, id] = [16, 24, 32].map((field) => readU64(bytes, at + field));
  if (![itsIndex, itsTerm, id].every(Number.isSafeInteger)) return 'number';
  const blockBytes = readU32(bytes, at + 40);
  const configurationBytes = readU32(bytes, at + 44);
  const configurationAt = at + CONFIGURATION_AT;
  const fits = configurationBytes <= headerBytes - CONFIGURATION_AT - CRC_BYTES;
  const isBlock = blockBytes >= 1 && blockBytes <= SNAPSHOT_BLOCK_BYTES_MAX;
  if (!fits || !isBlock || itsIndex === 0 || itsTerm === 0) return 'fields';
  return {
    index: index(itsIndex!),
    term: term(itsTerm!),
    id: id!,
    configuration: bytes.slice(configurationAt, configurationAt + configurationBytes),
    headerBytes,
    blockBytes,
  };
}

const seedBytes = new Uint8Array(16);

/** Fills in the header of the block whose payload stands behind it already. */
export function sealBlock(
  bytes: Uint8Array,
  at: number,
  length: number,
  id: number,
  number: number,
): void {
  writeU32(bytes, at, length);
  writeU32(bytes, at + 4, blockCrc(bytes, at, length, id, number));
}

/** Whether the block at `at`, all of which is there, is this one, and what was written. */
export function blockIsWhole(bytes: Uint8Array, at: number, id: number, number: number): boolean {
  const length = readU32(bytes, at);
  return blockCrc(bytes, at, length, id, number) === readU32(bytes, at + 4);
}

function blockCrc(
  bytes: Uint8Array,
  at: number,
  length: number,
  id: number,
  number: number,
): number {
  const from = at + BLOCK_HEADER_BYTES;
  return native.crc32(bytes, from, from + length, blockSeed(length, id, number));
}

function blockSeed(length: number, id: number, number: number): number {
  writeU64(seedBytes, 0, id);
  writeU32(seedBytes, 8, number);
  writeU32(seedBytes, 12, length);
  return native.crc32(seedBytes, 0, seedBytes.length, 0);
}

/**
 * The CRC-32 of one snapshot's file, block by block. A block's own checksum, sealed or found right
 * before, is one of the payload from another seed, so the file's follows from it: the very number that
 * a second look at every byte would come to.
 */
export class FileCrc {
  /** Of the file so far. */
  value: number;
  private readonly id: number;
  private readonly blockBytes: number;
  private readonly blockShift: number;

  /** @param header the file's, as it is written. */
  constructor(header: Uint8Array, id: number, blockBytes: number) {
    this.value = native.crc32(header, 0, header.length, 0);
    this.id = id;
    this.blockBytes = blockBytes;
    this.blockShift = crc32Shift(blockBytes);
  }

  /** The block at `at`, whose checksum is right, comes next. */
  add(bytes: Uint8Array, at: number, number: number): void {
    const length = readU32(bytes, at);
    const shift = length === this.blockBytes ? this.blockShift : crc32Shift(length);
    const before = native.crc32(bytes, at, at + BLOCK_HEADER_BYTES, this.value);
    const seed = blockSeed(length, this.id, number);
    this.value = (crc32Shifted(before ^ seed, shift) ^ readU32(bytes, at + 4)) >>> 0;
  }
}

export interface SnapshotFooter {
  /** CRC-32 of the file up to the footer. */
  readonly fileCrc: number;
  readonly blocks: number;
  /** Of the whole file. */
  readonly bytes: number;
}

export function encodeSnapshotFooter({ fileCrc, blocks, bytes }: SnapshotFooter): Uint8Array {
  const footer = new Uint8Array(SNAPSHOT_FOOTER_BYTES);
  writeU32(footer, 4, fileCrc);
  writeU64(footer, 8, blocks);
  writeU64(footer, 16, bytes);
  writeU32(footer, 24, native.crc32(footer, 0, 24, 0));
  footer.set(bytesOf(END_MAGIC), 28);
  return footer;
}

/** Decodes the footer at `at`, all of which must be there; null: it is none. */
export function decodeSnapshotFooter(bytes: Uint8Array, at: number): SnapshotFooter | null {
  const isFooter =
    readU32(bytes, at) === 0 &&
    readU32(bytes, at + 24) === native.crc32(bytes, at, at + 24, 0) &&
    byteString(bytes, at + 28, at + SNAPSHOT_FOOTER_BYTES) === END_MAGIC;
  if (!isFooter) return null;
  const [blocks, length] = [readU64(bytes, at + 8), readU64(bytes, at + 16)];
  if (!Number.isSafeInteger(blocks) || !Number.isSafeInteger(length)) return null;
  return { fileCrc: readU32(bytes, at + 4), blocks, bytes: length };
}

/** Where the pieces of a whole snapshot begin. */
export interface SnapshotShape {
  readonly headerBytes: number;
  readonly blockBytes: number;
  readonly fileCrc: number;
  /** Of the whole file. */
  readonly bytes: number;
}

/**
 * The end of the pieces that make up a chunk of at most `bytesMax` bytes from `offset` on, or of the
 * one piece there if that is longer. 0: no piece begins at `offset`.
 */
export function chunkEnd(shape: SnapshotShape, offset: number, bytesMax: number): number {
  const { headerBytes, blockBytes, bytes } = shape;
  const footerAt = bytes - SNAPSHOT_FOOTER_BYTES;
  const extent = BLOCK_HEADER_BYTES + blockBytes;
  const isBoundary = offset === 0 || offset === footerAt || (offset - headerBytes) % extent === 0;
  if (!isBoundary || offset < 0 || offset > footerAt || (offset > 0 && offset < headerBytes)) {
    return 0;
  }
  const limit = offset + bytesMax;
  if (limit >= bytes || offset === footerAt) return bytes;
  if (limit >= footerAt) return footerAt;
  if (limit < headerBytes) return headerBytes;
  const whole = headerBytes + Math.floor((limit - headerBytes) / extent) * extent;
  if (whole > offset) return whole;
  return Math.min(offset + (offset === 0 ? headerBytes : extent), footerAt);
}

/** The number of the block that begins at `offset`, or would. */
export function blockNumberAt({ headerBytes, blockBytes }: SnapshotShape, offset: number): number {
  return Math.ceil((offset - headerBytes) / (BLOCK_HEADER_BYTES + blockBytes));
}

/** The name of the snapshot behind this index. */
export function snapshotName(at: Index): string {
  return `snapshot-${at.toString().padStart(16, '0')}`;
}

/** The index in a snapshot's name; 0 when it is not one's. */
export function snapshotIndexOf(name: string): number {
  return /^snapshot-\d{16}$/.test(name) ? Number(name.slice('snapshot-'.length)) : 0;
}

/** This node's own, in the making. */
export const SNAPSHOT_NEXT_NAME = 'snapshot-next';
const INCOMING = 'snapshot-incoming';

/** A leader's, in the making; once whole, it waits under this name for the reset of the log. */
export function incomingName(at: Index): string {
  return `${INCOMING}-${at.toString().padStart(16, '0')}`;
}

/** Whether the file was never whole, or nobody was promised anything on it. */
export function isSnapshotLeftover(name: string): boolean {
  return name === SNAPSHOT_NEXT_NAME || name.startsWith(INCOMING);
}
