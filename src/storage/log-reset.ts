import type { LogPoint } from '../base/snapshot.ts';
import type { Chain } from './batch.ts';
import { type Disk, DiskError } from './disk.ts';
import { isFull } from './growing-file.ts';
import type { StateImage } from './hard-state.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, SPARE_NAME, segmentName } from './segment.ts';
import { isSnapshotLeftover } from './snapshot-file.ts';
import { type SlotsRead, StateFiles } from './state-files.ts';

/**
 * The segment with which a log begins anew behind a snapshot is a header and nothing else: the first
 * batch goes into the one after it. So a reset needs no room, which a full disk may have to make by
 * this very reset, and no time to allocate it.
 */
export const RESET_SEGMENT_BYTES = SEGMENT_HEADER_BYTES;

/** The hard state by which the segment is the only one of the log. */
export function resetImage(image: StateImage, segmentId: number): StateImage {
  const mark = { segmentId, offset: SEGMENT_HEADER_BYTES };
  return { ...image, firstSegment: segmentId, lastSegment: segmentId, mark };
}

/**
 * Lets the log begin anew behind `base`, at a start: a new segment, durable, before the manifest
 * names it. A crash in between leaves the log as it was.
 * @param chain of the log's last batch.
 * @throws DiskError
 */
export function resetLogSync(disk: Disk, slots: SlotsRead, chain: Chain, base: LogPoint): void {
  const files = StateFiles.settle(disk, slots);
  try {
    const { image } = files;
    const segmentId = image.lastSegment + 1;
    const header = encodeSegmentHeader({
      segmentId,
      directoryId: image.state.directoryId,
      segmentBytes: RESET_SEGMENT_BYTES,
      firstSequence: chain.sequence + 1,
      previousCrc: chain.headerCrc,
      lastIndex: base.index,
      lastTerm: base.term,
    });
    withRoom(disk, () => {
      const file = disk.create(segmentName(segmentId));
      file.writeSync(0, header);
      file.syncSync();
      file.close();
    });
    disk.syncDirectorySync();
    files.saveSync({ ...resetImage(image, segmentId), sequence: image.sequence + 1 });
  } finally {
    files.close();
  }
}

/** On a full disk, what is nothing yet gives its room: the spare segment, and half a snapshot. */
function withRoom(disk: Disk, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof DiskError) || !isFull(error)) throw error;
    const names = disk.list().filter((name) => name === SPARE_NAME || isSnapshotLeftover(name));
    for (const name of names) disk.remove(name);
    write();
  }
}
