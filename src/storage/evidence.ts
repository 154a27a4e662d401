import { bytesEqual } from '../base/bytes.ts';
import { type Disk, DiskError, type DiskFile } from './disk.ts';
import { openIfThere } from './log-scanner.ts';
import { readSegment } from './read-segment.ts';
import { REMEDIES, type Refusal, refusal } from './refusal.ts';
import { isZero } from './sectors.ts';
import { SPARE_NAME } from './segment.ts';

/** Starts that kept something. A disk that rots again and again wants another remedy. */
export const INCIDENTS_MAX = 8;
/** A copy in the making: it gets its name when it is whole and durable. */
const COPY_NAME = 'rot-next';
const PIECE_BYTES = 1024 * 1024;
/** rot-INCIDENT-FILE, and a number behind it from the second of that name on. */
const KEPT = /^rot-(\d+)-(?:wal|snapshot)-/;

/**
 * Keeps what a start found rotten, before it goes from the log: it may be the last trace of what
 * was acknowledged, and shows what the disk has done. Nothing kept is ever overwritten or removed.
 */
export class Evidence {
  /** Names of the files kept so far. */
  readonly kept: string[] = [];
  private readonly disk: Disk;
  private readonly incident: number;

  private constructor(disk: Disk, incident: number) {
    this.disk = disk;
    this.incident = incident;
  }

  /** @param incident the same when a start is repeated that a crash has cut short. */
  static begin(disk: Disk, incident: number): Evidence | Refusal {
    const incidents = new Set(disk.list().flatMap((name) => KEPT.exec(name)?.[1] ?? []));
    if (incidents.size < INCIDENTS_MAX || incidents.has(String(incident))) {
      return new Evidence(disk, incident);
    }
    const what = `rot, and the copies of ${incidents.size} times before are still kept`;
    const remedy =
      'Replace the disk. If you trust it nevertheless, move the files rot-* out of the directory ' +
      'and start again.';
    return {
      ...refusal('rot', [...disk.list()].find((name) => KEPT.test(name))!, 0, what),
      remedy,
    };
  }

  /** Copies the file, unless only zeros lie behind `from`: those say nothing.
   *  @returns why it can't. */
  copy(name: string, from: number): Refusal | null {
    const file = this.disk.open(name);
    const bytes = readSegment(file);
    file.close();
    if (isZero(bytes, from, bytes.length)) return null;
    const target = this.freeName(name, bytes);
    if (target === null) return null;
    return this.withRoom(name, () => this.write(target, bytes));
  }

  /** Takes a file of which nothing stays, if it is there. */
  moveAside(name: string): void {
    const file = openIfThere(this.disk, name);
    if (file === null) return;
    file.close();
    const target = this.freeName(name, null)!;
    this.disk.rename(name, target);
    this.kept.push(target);
  }

  /** A name that nothing has; null when these very bytes are kept already. */
  private freeName(name: string, bytes: Uint8Array | null): string | null {
    const base = `rot-${this.incident}-${name}`;
    for (let number = 1; ; number++) {
      const target = number === 1 ? base : `${base}.${number}`;
      const existing = openIfThere(this.disk, target);
      if (existing === null) return target;
      const isSame = bytes !== null && bytesEqual(readSegment(existing), bytes);
      existing.close();
      if (isSame) return null;
    }
  }

  private write(target: string, bytes: Uint8Array): void {
    const file: DiskFile = this.disk.create(COPY_NAME);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      file.writeSync(at, bytes.subarray(at, at + PIECE_BYTES));
    }
    file.syncSync();
    file.close();
    this.disk.rename(COPY_NAME, target);
    this.disk.syncDirectorySync();
    this.kept.push(target);
  }

  /** On a full disk the spare segment makes room: it holds nothing, and a copy is no longer. */
  private withRoom(name: string, write: () => void): Refusal | null {
    try {
      write();
      return null;
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    try {
      this.removeIfThere(COPY_NAME);
      this.removeIfThere(SPARE_NAME);
      write();
      return null;
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    this.removeIfThere(COPY_NAME);
    const what = 'rot was found, and there is no room to keep a copy before it is cut off';
    const remedy = `Make room for another file of that size, and start again. ${REMEDIES.rot}`;
    return { ...refusal('io', name, 0, what), remedy };
  }

  private removeIfThere(name: string): void {
    if (this.disk.list().includes(name)) this.disk.remove(name);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DiskError && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
