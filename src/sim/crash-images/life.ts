import { assert } from '../../base/assert.ts';
import { INDEX_ZERO, walSequence } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { Persist } from '../../base/persist.ts';
import type { Disk } from '../../storage/disk.ts';
import type { NewDirectory } from '../../storage/hard-state.ts';
import { inspect } from '../../storage/inspect.ts';
import { isRefusal } from '../../storage/refusal.ts';
import { Storage } from '../../storage/storage.ts';
import { entryText, type Found, Ledger } from './ledger.ts';
import type { RecordingDisk } from './recording-disk.ts';

/** For what is the same in all lives of a directory. */
export interface Setting {
  readonly limits: Limits;
  readonly directory: NewDirectory;
}

/** One run of the real storage on a recorded disk, with what it was asked for and has promised. */
export class Life {
  readonly disk: RecordingDisk;
  readonly setting: Setting;
  readonly storage: Storage;
  readonly ledger: Ledger;
  /** Crashes are looked at from here on. */
  readonly startedAt: number;
  private sequence = 0;
  private readonly promises = new Map<number, () => void>();

  /** @param before of the process that was killed on this disk, or null for the first on it. */
  constructor(disk: RecordingDisk, setting: Setting, before: Ledger | null = null) {
    this.disk = disk;
    this.setting = setting;
    this.startedAt = disk.operations.length;
    const found = start(disk, setting);
    this.storage = found.storage;
    this.ledger = new Ledger(disk.operations.length, found, before);
    this.storage.onFatal = (error) => assert(false, () => `the recorded disk failed: ${error}`);
    this.storage.onPersisted = (sequence) => {
      for (const [at, keep] of this.promises) {
        if (at > sequence) break;
        keep();
        this.promises.delete(at);
      }
    };
  }

  persist(parts: Partial<Persist>): void {
    const { disk, ledger, storage } = this;
    this.sequence++;
    const request: Persist = {
      sequence: walSequence(this.sequence),
      hardState: null,
      truncateFrom: INDEX_ZERO,
      entries: [],
      commitIndex: INDEX_ZERO,
      ...parts,
    };
    const promised = ledger.ask(disk.operations.length, request);
    this.promises.set(this.sequence, () => ledger.promise(disk.operations.length, promised));
    storage.persist(request);
  }

  admit(): void {
    const done = () => this.ledger.promiseAdmitted(this.disk.operations.length);
    this.storage.saveIdentity({ admitted: true }, done);
  }

  close(): void {
    this.storage.close(() => {});
    this.disk.run();
  }
}

/** A start, a first one if need be, and all that it found. */
export function start(disk: Disk, { limits, directory }: Setting): Found {
  if (Storage.isEmpty(disk)) Storage.create(disk, limits, directory);
  const storage = Storage.open(disk, limits, new Uint8Array(8).fill(7));
  if (isRefusal(storage)) throw new Error(`refused: ${storage.message}`);
  return { storage, log: readLog(disk) };
}

function readLog(disk: Disk): readonly string[] {
  const log: string[] = [];
  for (const item of inspect(disk)) {
    if (item.kind === 'entry') log.push(entryText(item.entry));
    else if (item.kind === 'truncation') log.length = item.from - 1;
    else if (item.kind === 'torn' || item.kind === 'rot' || item.kind === 'refusal') {
      throw new Error(`a start has left it: ${JSON.stringify(item)}`);
    }
  }
  return log;
}
