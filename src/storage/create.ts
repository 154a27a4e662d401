import { assert } from '../base/assert.ts';
import type { Limits } from '../base/limits.ts';
import { LOG_START, type LogPoint } from '../base/snapshot.ts';
import type { Disk } from './disk.ts';
import {
  encodeSlot,
  firstImage,
  NEW_STATE_NAME,
  type NewDirectory,
  SLOT_NAMES,
  type StateImage,
} from './hard-state.ts';
import { RESET_SEGMENT_BYTES, resetImage } from './log-reset.ts';
import { encodeSegmentHeader, segmentName } from './segment.ts';
import { snapshotName } from './snapshot-file.ts';

/**
 * Whether this is a first start: nothing in the directory, or what a crash has left of
 * `createDirectory`. While `state.new` is there and neither slot is, nobody has ever opened it.
 */
export function isEmptyDirectory(disk: Disk): boolean {
  // The lock belongs to the host (node/lock.ts).
  const names = disk.list().filter((name) => !name.startsWith('lock'));
  if (names.length === 0) return true;
  const leftovers = [NEW_STATE_NAME, segmentName(1)];
  return names.includes(NEW_STATE_NAME) && names.every((name) => leftovers.includes(name));
}

/**
 * Makes a data directory out of an empty one. A crash leaves it made, or still empty.
 * @throws DiskError
 */
export function createDirectory(disk: Disk, limits: Limits, directory: NewDirectory): void {
  assert(isEmptyDirectory(disk), () => 'a data directory is made out of an empty one');
  writeDirectory(disk, firstImage(directory), limits.segmentBytes, LOG_START);
}

/** What a cluster goes on from that does not begin at the start of its log. */
export interface Foundation extends LogPoint {
  /** 16 bytes: known before the first start, other than that of a new cluster. */
  readonly clusterId: Uint8Array;
}

/**
 * Makes a data directory around a snapshot, which is the only file there, whole and durable: its log
 * goes on from the snapshot (§7), as a reset to a received one leaves it. A crash leaves it made, or
 * a directory that no node starts on.
 * @throws DiskError
 */
export function createDirectoryBehind(
  disk: Disk,
  directory: NewDirectory,
  { index, term, clusterId }: Foundation,
): void {
  const isAlone = disk.list().join() === snapshotName(index);
  assert(isAlone, () => 'a data directory is made around a snapshot and nothing else');
  // Segment 1 is that of a log which begins at its beginning.
  const image = resetImage(firstImage(directory), 2);
  // Whoever has an entry of a term has heard of the term (S18).
  const state = { ...image.state, clusterId, currentTerm: term };
  writeDirectory(disk, { ...image, state }, RESET_SEGMENT_BYTES, { index, term });
}

function writeDirectory(disk: Disk, image: StateImage, segmentBytes: number, base: LogPoint): void {
  const slot = encodeSlot(image);
  writeDurably(disk, NEW_STATE_NAME, slot);
  const segmentId = image.firstSegment;
  const segment = new Uint8Array(segmentBytes);
  segment.set(
    encodeSegmentHeader({
      segmentId,
      directoryId: image.state.directoryId,
      segmentBytes,
      firstSequence: 1,
      previousCrc: 0,
      lastIndex: base.index,
      lastTerm: base.term,
    }),
  );
  writeDurably(disk, segmentName(segmentId), segment);
  // From here on the directory is one: the other slot, if missing, is made at the next start.
  disk.rename(NEW_STATE_NAME, SLOT_NAMES[0]);
  disk.syncDirectorySync();
  writeDurably(disk, SLOT_NAMES[1], slot);
}

function writeDurably(disk: Disk, name: string, bytes: Uint8Array): void {
  const file = disk.create(name);
  file.writeSync(0, bytes);
  file.syncSync();
  file.close();
  disk.syncDirectorySync();
}
