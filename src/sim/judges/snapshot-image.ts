import { byteString, readU32, readU64 } from '../../base/bytes.ts';
import { native } from '../../base/native.ts';

/** What a whole snapshot's file says that it is. */
export interface SnapshotImage {
  readonly index: number;
  readonly term: number;
}

const HEADER_MAGIC = 'DKVSSNAP';
const FOOTER_MAGIC = 'DEND';
const FOOTER_BYTES = 32;
const PREFIX = 'snapshot-';
const NAME = /^snapshot-\d{16}$/;

/** The names of snapshots, the newest first. */
export function snapshotNames(names: Iterable<string>): readonly string[] {
  const found: string[] = [];
  for (const name of names) {
    if (name.startsWith(PREFIX) && NAME.test(name)) found.push(name);
  }
  return found.sort().reverse();
}

/** Null unless all of the file is as its footer says: the judges' own reading of the format
 *  (docs/storage.md), by nothing but the checksum over all of it. */
export function readSnapshotImage(bytes: Uint8Array): SnapshotImage | null {
  const footerAt = bytes.length - FOOTER_BYTES;
  const isWhole =
    footerAt > 0 &&
    byteString(bytes, 0, 8) === HEADER_MAGIC &&
    byteString(bytes, footerAt + 28) === FOOTER_MAGIC &&
    readU64(bytes, footerAt + 16) === bytes.length &&
    readU32(bytes, footerAt + 24) === native.crc32(bytes, footerAt, footerAt + 24, 0) &&
    readU32(bytes, footerAt + 4) === native.crc32(bytes, 0, footerAt, 0);
  return isWhole ? { index: readU64(bytes, 16), term: readU64(bytes, 24) } : null;
}
