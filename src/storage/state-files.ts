import { bytesEqual } from '../base/bytes.ts';
import { incarnation } from '../base/ids.ts';
import { withStart } from '../base/start-history.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from './disk.ts';
import {
  decodeSlot,
  encodeSlot,
  SLOT_BYTES,
  SLOT_NAMES,
  type SlotDefect,
  type StateImage,
} from './hard-state.ts';
import { openIfThere } from './log-scanner.ts';
import { type Refusal, refusal } from './refusal.ts';
import type { LogPosition } from './segment.ts';
import { step } from './step.ts';

/** What the two slots say. */
export interface SlotsRead {
  readonly image: StateImage;
  /** Which slot holds `image`. */
  readonly winner: 0 | 1;
}

/**
 * Reads the two slots: the newer valid one wins. Changes nothing.
 * @throws DiskError
 */
export function readSlots(disk: Disk): SlotsRead | Refusal {
  const [first, second] = SLOT_NAMES.map((name) => readSlot(disk, name));
  if (first === 'version' || second === 'version') {
    const name = SLOT_NAMES[first === 'version' ? 0 : 1];
    return refusal('version', name, 0, 'the hard state has a format version unknown here');
  }
  if (typeof first === 'object' && typeof second === 'object') return choose(first, second);
  if (typeof first === 'object') return { image: first, winner: 0 };
  if (typeof second === 'object') return { image: second, winner: 1 };
  if (first === 'missing' && second === 'missing') {
    const segments = disk.list().some((name) => name.startsWith('wal-'));
    if (segments) return refusal('missing', SLOT_NAMES[0], 0, 'the hard state is missing');
    const other = disk.list()[0] ?? 'nothing';
    return refusal('not-empty', other, 0, 'the directory is no data directory, and not empty');
  }
  const what = `both slots of the hard state are bad (${first}, ${second}): term and vote are lost`;
  return refusal('state', SLOT_NAMES[0], 0, what);
}

/** What a slot's file holds, or why it is no slot. */
export type SlotRead = StateImage | SlotDefect | 'missing' | 'unreadable';

export function readSlot(disk: Disk, name: string): SlotRead {
  const file = openIfThere(disk, name);
  if (file === null) return 'missing';
  try {
    return decodeSlot(file.readSync(0, SLOT_BYTES + 1));
  } catch (error) {
    // A bad sector is as good as bad bytes: the other slot is there for that.
    if (error instanceof DiskError && error.code === 'EIO') return 'unreadable';
    throw error;
  } finally {
    file.close();
  }
}

/** A slot of another size is bad anyway: it starts anew. */
function openSlot(disk: Disk, name: string): DiskFile {
  const file = openIfThere(disk, name);
  if (file?.size() === SLOT_BYTES) return file;
  file?.close();
  return disk.create(name);
}

function choose(first: StateImage, second: StateImage): SlotsRead | Refusal {
  if (!bytesEqual(first.state.directoryId, second.state.directoryId)) {
    return refusal('state', SLOT_NAMES[1], 0, 'the slots are of two different directories');
  }
  if (first.sequence === second.sequence && !bytesEqual(encodeSlot(first), encodeSlot(second))) {
    return refusal('state', SLOT_NAMES[1], 0, 'the slots have one sequence and two contents');
  }
  const winner = second.sequence > first.sequence ? 1 : 0;
  return { image: winner === 0 ? first : second, winner };
}

/**
 * Writes the hard state: into one slot, synced, then into the other, synced. So at every instant
 * one of them is whole and durable, and once an update is done, either alone is enough.
 */
export class StateFiles {
  /** What both slots hold, durably. */
  image: StateImage;
  private readonly files: readonly [DiskFile, DiskFile];

  private constructor(files: readonly [DiskFile, DiskFile], image: StateImage) {
    this.files = files;
    this.image = image;
  }

  /**
   * Opens the slots and makes both hold what the winner says. The winner goes first: its bytes may
   * have been read from a page cache whose sync failed or never came, and until they are durable
   * the other slot is the only good one. So may its name, and until that is durable the other
   * slot's must not be made: a crash could leave only the one that is not whole yet.
   * @throws DiskError
   */
  static settle(disk: Disk, read: SlotsRead): StateFiles {
    const slot = encodeSlot(read.image);
    const names = read.winner === 0 ? SLOT_NAMES : [SLOT_NAMES[1], SLOT_NAMES[0]];
    for (const name of names) {
      const file = openSlot(disk, name);
      file.writeSync(0, slot);
      file.syncSync();
      file.close();
      disk.syncDirectorySync();
    }
    return new StateFiles([disk.open(SLOT_NAMES[0]), disk.open(SLOT_NAMES[1])], read.image);
  }

  /** Durable before anybody hears of this start. @throws DiskError */
  countStart(startId: Uint8Array, mark: LogPosition): void {
    const { image } = this;
    const { incarnation: starts, startHistory } = image.state;
    const history = withStart(startHistory, startId);
    const state = { ...image.state, incarnation: incarnation(starts + 1), startHistory: history };
    this.saveSync({ ...image, sequence: image.sequence + 1, mark, state });
  }

  /** @throws DiskError */
  saveSync(image: StateImage): void {
    const slot = encodeSlot(image);
    for (const file of this.files) {
      file.writeSync(0, slot);
      file.syncSync();
    }
    this.image = image;
  }

  /** One at a time. */
  save(image: StateImage, done: DiskDone): void {
    const slot = encodeSlot(image);
    const [first, second] = this.files;
    const saved: DiskDone = (error) => {
      if (error === null) this.image = image;
      done(error);
    };
    step(saved, () => {
      first.writeSync(0, slot);
      first.sync((error) => {
        if (error !== null) return saved(error);
        step(saved, () => {
          second.writeSync(0, slot);
          second.sync(saved);
        });
      });
    });
  }

  close(): void {
    for (const file of this.files) file.close();
  }
}
