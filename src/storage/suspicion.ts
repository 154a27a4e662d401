import { INDEX_ZERO, TERM_ZERO } from '../base/ids.ts';
import type { Damage } from './damage.ts';
import type { Disk } from './disk.ts';
import { Evidence } from './evidence.ts';
import type { StateImage } from './hard-state.ts';
import { readSegment } from './read-segment.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { firstNonZero } from './sectors.ts';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  type LogPosition,
  SEGMENT_HEADER_BYTES,
  SPARE_NAME,
  segmentName,
} from './segment.ts';
import { type SlotsRead, StateFiles } from './state-files.ts';

/**
 * Makes of a damaged log a shorter good one, and of the node a suspect (docs/suspect-mode.md). In
 * this order, each step durable before the next, so that a crash anywhere forgets neither the
 * suspicion nor what was found:
 *
 * 1. the hard state says suspect;
 * 2. what is to go is kept: a copy of the damaged segment, and the segments behind it, renamed;
 * 3. the hard state lets the log end at the cut;
 * 4. what lies behind the cut becomes zeros, as it was allocated.
 *
 * After a crash in between, the next start finds damage again, or a torn tail, and goes on from
 * there; what it finds good is good.
 * @returns the names of what was kept.
 * @throws DiskError
 */
export function becomeSuspect(
  disk: Disk,
  slots: SlotsRead,
  damage: Damage,
  segmentBytes: number,
): readonly string[] | Refusal {
  const evidence = Evidence.begin(disk, slots.image.state.incarnation);
  if (isRefusal(evidence)) return evidence;
  const files = StateFiles.settle(disk, slots);
  try {
    if (!files.image.state.suspect) saveSuspicion(files);
    const refused = keepWhatGoes(disk, evidence, files.image, damage.cut);
    if (refused !== null) return refused;
    const cut = damage.cut ?? makeFirstSegment(disk, files.image, segmentBytes);
    const { image } = files;
    const sequence = image.sequence + 1;
    files.saveSync({ ...image, sequence, lastSegment: cut.segmentId, mark: cut });
    clearBehind(disk, cut);
    return evidence.kept;
  } finally {
    files.close();
  }
}

function saveSuspicion(files: StateFiles): void {
  const { image } = files;
  const state = { ...image.state, suspect: true };
  files.saveSync({ ...image, sequence: image.sequence + 1, state });
}

function keepWhatGoes(
  disk: Disk,
  evidence: Evidence,
  image: StateImage,
  cut: LogPosition | null,
): Refusal | null {
  if (cut !== null) {
    const refused = evidence.copy(segmentName(cut.segmentId), cut.offset);
    if (refused !== null) return refused;
  }
  const firstGone = cut === null ? image.firstSegment : cut.segmentId + 1;
  for (let id = firstGone; id <= image.lastSegment; id++) evidence.moveAside(segmentName(id));
  disk.syncDirectorySync();
  return null;
}

/** Not even the beginning of the log is good: it begins anew. */
function makeFirstSegment(disk: Disk, image: StateImage, segmentBytes: number): LogPosition {
  const segmentId = image.firstSegment;
  const bytes = new Uint8Array(segmentBytes);
  bytes.set(
    encodeSegmentHeader({
      segmentId,
      directoryId: image.state.directoryId,
      segmentBytes,
      firstSequence: 1,
      previousCrc: 0,
      lastIndex: INDEX_ZERO,
      lastTerm: TERM_ZERO,
    }),
  );
  const file = disk.create(SPARE_NAME);
  file.writeSync(0, bytes);
  file.syncSync();
  file.close();
  disk.rename(SPARE_NAME, segmentName(segmentId));
  disk.syncDirectorySync();
  return { segmentId, offset: SEGMENT_HEADER_BYTES };
}

/** To its whole length: a file that was cut short is filled up. */
function clearBehind(disk: Disk, { segmentId, offset }: LogPosition): void {
  const file = disk.open(segmentName(segmentId));
  const bytes = readSegment(file);
  const header = decodeSegmentHeader(bytes);
  const end = Math.max(bytes.length, typeof header === 'object' ? header.segmentBytes : 0);
  const from = Math.min(firstNonZero(bytes, offset, bytes.length), bytes.length);
  if (from < end) file.writeSync(from, new Uint8Array(end - from));
  file.syncSync();
  file.close();
}
