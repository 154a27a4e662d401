import { DiskError, type DiskFile } from './disk.ts';
import { SECTOR_BYTES } from './sectors.ts';

/** Stands for bytes that can't be read: no batch looks so, and it is not a torn one's zeros. */
const UNREADABLE = 0xee;

/**
 * A whole file, read into `into` if that holds it. A sector that the disk can't read is rot like any
 * other: its bytes are not what was written. When no sector can be read, it is not the sectors that
 * are bad but the disk, or the way to it.
 * @throws DiskError
 */
export function readSegment(file: DiskFile, into?: Uint8Array): Uint8Array {
  const size = file.size();
  const whole = readOrNull(file, 0, size, into);
  if (whole !== null) return whole;
  const bytes = new Uint8Array(size);
  let readable = 0;
  for (let at = 0; at < size; at += SECTOR_BYTES) {
    const length = Math.min(SECTOR_BYTES, size - at);
    const sector = readOrNull(file, at, length);
    if (sector === null) bytes.fill(UNREADABLE, at, at + length);
    else bytes.set(sector, at);
    if (sector !== null) readable++;
  }
  if (readable === 0) throw new DiskError('EIO', 'read', file.name, 'no sector of it');
  return bytes;
}

/** Null: an input error. */
function readOrNull(
  file: DiskFile,
  offset: number,
  length: number,
  into?: Uint8Array,
): Uint8Array | null {
  try {
    return file.readSync(offset, length, into);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return null;
    throw error;
  }
}
