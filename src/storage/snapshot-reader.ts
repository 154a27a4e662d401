import { EMPTY_BYTES, readU32 } from '../base/bytes.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from './disk.ts';
import {
  BLOCK_HEADER_BYTES,
  blockIsWhole,
  blockNumberAt,
  decodeSnapshotFooter,
  decodeSnapshotHeader,
  SNAPSHOT_FOOTER_BYTES,
  SNAPSHOT_HEADER_BYTES_MAX,
  SNAPSHOT_PIECE_BYTES_MAX,
  type Snapshot,
  type SnapshotShape,
  snapshotName,
} from './snapshot-file.ts';
import { type OnBlock, SnapshotVerifier } from './snapshot-verifier.ts';
import { step } from './step.ts';

/** At a start, when nothing waits: few system calls. */
const READ_SYNC_BYTES = 1024 * 1024;
/** Later: what is done with so much at once must not be a pause. It holds any piece. */
const READ_BYTES = 2 * SNAPSHOT_PIECE_BYTES_MAX;

/** A snapshot that is what it should be, and how its file is built. */
export interface ReadSnapshotFile {
  readonly snapshot: Snapshot;
  readonly shape: SnapshotShape;
}

/** It is whole, as far as this version of DKVS can tell, but of a later one. */
export interface UnknownSnapshotVersion {
  readonly unknownVersion: true;
}

/**
 * Reads and verifies a whole file. Answers what is wrong with it, if anything is; a sector that can't
 * be read is as bad as one that reads wrong.
 * @throws DiskError of any code but EIO.
 */
export function readSnapshotSync(
  disk: Disk,
  name: string,
  onBlock: OnBlock = () => {},
): ReadSnapshotFile | UnknownSnapshotVersion | string {
  const file = disk.open(name);
  try {
    const verifier = new SnapshotVerifier();
    const size = file.size();
    const buffer = new Uint8Array(Math.min(size, READ_SYNC_BYTES));
    while (verifier.offset < size) {
      const length = Math.min(size - verifier.offset, READ_SYNC_BYTES);
      const bytes = file.readSync(verifier.offset, length, buffer);
      const taken = verifier.take(bytes, 0, bytes.length, onBlock);
      if (typeof taken === 'string') return verifier.unknownVersion ? unknownVersion : taken;
      if (taken === 0) break;
    }
    if (!verifier.isWhole) return 'the file is cut off';
    const { snapshot, shape } = verifier;
    return { snapshot, shape };
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return "it can't be read";
    throw error;
  } finally {
    file.close();
  }
}

/** As `readSnapshotSync`, but looks at header and footer only: enough to know what it claims to be. */
export function peekSnapshotSync(
  disk: Disk,
  name: string,
): ReadSnapshotFile | UnknownSnapshotVersion | string {
  const file = disk.open(name);
  try {
    const size = file.size();
    const start = file.readSync(0, SNAPSHOT_HEADER_BYTES_MAX);
    const header = decodeSnapshotHeader(start, 0, start.length);
    if (header === 'version') return unknownVersion;
    if (typeof header === 'string') return `the header is bad (${header})`;
    if (size < header.headerBytes + SNAPSHOT_FOOTER_BYTES) return 'the file is cut off';
    const end = file.readSync(size - SNAPSHOT_FOOTER_BYTES, SNAPSHOT_FOOTER_BYTES);
    const footer = decodeSnapshotFooter(end, 0);
    if (footer === null || footer.bytes !== size) return 'the footer is bad';
    const { headerBytes, blockBytes, index, term, id, configuration } = header;
    const shape = { headerBytes, blockBytes, fileCrc: footer.fileCrc, bytes: size };
    return { snapshot: { index, term, id, configuration, bytes: size }, shape };
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return "it can't be read";
    throw error;
  } finally {
    file.close();
  }
}

const unknownVersion: UnknownSnapshotVersion = { unknownVersion: true };

/** Why a file is no longer what was written, for whoever reads it. */
export function rotten({ index }: SnapshotInfo, what: string): DiskError {
  return new DiskError('ROT', 'read', snapshotName(index), what);
}

/**
 * Reads a whole file in pieces, one after the other, each verified before it is handed on. `done`
 * hears of an error, whose code is ROT where the bytes are bad; it is perhaps called at once then.
 * @param between called after each piece but the last: reading goes on when it calls back.
 * @param isWanted asked before each piece; when it answers false, nothing is called any more.
 */
export function readSnapshot(
  disk: Disk,
  { snapshot }: ReadSnapshotFile,
  onBlock: OnBlock,
  between: (goOn: () => void) => void,
  isWanted: () => boolean,
  done: DiskDone,
): void {
  const verifier = new SnapshotVerifier();
  let file: DiskFile | null = null;
  const finish: DiskDone = (error) => {
    file?.close();
    if (isWanted()) done(error);
  };
  const take = (bytes: Uint8Array): void => {
    const taken = verifier.take(bytes, 0, bytes.length, onBlock);
    if (typeof taken === 'string') finish(rotten(snapshot, taken));
    else if (verifier.isWhole) finish(null);
    else if (taken === 0) finish(rotten(snapshot, 'the file is cut off'));
    else between(readOn);
  };
  const readOn = (): void => {
    if (!isWanted()) {
      finish(null);
      return;
    }
    step(finish, () => {
      file ??= disk.open(snapshotName(snapshot.index));
      file.read(verifier.offset, READ_BYTES, (error, bytes) => {
        if (error !== null || !isWanted()) finish(error);
        else take(bytes);
      });
    });
  };
  readOn();
}

/** Reads [offset, end) of the file, whole pieces, and verifies each: then `done` has them. */
export function readPieces(
  disk: Disk,
  { snapshot, shape }: ReadSnapshotFile,
  offset: number,
  end: number,
  done: (error: DiskError | null, bytes: Uint8Array) => void,
): void {
  let file: DiskFile | null = null;
  const finish = (error: DiskError | null, bytes: Uint8Array): void => {
    file?.close();
    done(error, bytes);
  };
  step(
    (error) => finish(error, EMPTY_BYTES),
    () => {
      file = disk.open(snapshotName(snapshot.index));
      file.read(offset, end - offset, (error, bytes) => {
        if (error !== null) finish(error, EMPTY_BYTES);
        else if (arePieces(bytes, offset, end, snapshot, shape)) finish(null, bytes);
        else finish(rotten(snapshot, `byte ${offset} to ${end}`), EMPTY_BYTES);
      });
    },
  );
}

function arePieces(
  bytes: Uint8Array,
  offset: number,
  end: number,
  snapshot: Snapshot,
  shape: SnapshotShape,
): boolean {
  if (bytes.length !== end - offset) return false;
  const footerAt = shape.bytes - SNAPSHOT_FOOTER_BYTES;
  let at = 0;
  if (offset === 0) {
    const header = decodeSnapshotHeader(bytes, 0, bytes.length);
    if (typeof header === 'string' || header.id !== snapshot.id) return false;
    at = header.headerBytes;
  }
  while (at < bytes.length && offset + at < footerAt) {
    const number = blockNumberAt(shape, offset + at);
    const extent = BLOCK_HEADER_BYTES + readU32(bytes, at);
    if (extent > bytes.length - at || !blockIsWhole(bytes, at, snapshot.id, number)) return false;
    at += extent;
  }
  if (at === bytes.length) return true;
  const footer = decodeSnapshotFooter(bytes, at);
  return offset + at === footerAt && footer?.fileCrc === shape.fileCrc;
}
