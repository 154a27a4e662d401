import { assert } from '../base/assert.ts';
import { INDEX_ZERO, TERM_ZERO } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Disk } from './disk.ts';
import {
  encodeSlot,
  firstImage,
  NEW_STATE_NAME,
  type NewDirectory,
  SLOT_NAMES,
} from './hard-state.ts';
import { encodeSegmentHeader, segmentName } from './segment.ts';

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
  const slot = encodeSlot(firstImage(directory));
  writeDurably(disk, NEW_STATE_NAME, slot);
  const segment = new Uint8Array(limits.segmentBytes);
  segment.set(
    encodeSegmentHeader({
      segmentId: 1,
      directoryId: directory.directoryId,
      segmentBytes: limits.segmentBytes,
      firstSequence: 1,
      previousCrc: 0,
      lastIndex: INDEX_ZERO,
      lastTerm: TERM_ZERO,
    }),
  );
  writeDurably(disk, segmentName(1), segment);
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
