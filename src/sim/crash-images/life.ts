import { assert } from '../../base/assert.ts';
import { bytesEqual, concatBytes } from '../../base/bytes.ts';
import { INDEX_ZERO, incarnation, nodeId, walSequence } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { Persist } from '../../base/persist.ts';
import { LOG_START, type LogPoint } from '../../base/snapshot.ts';
import type { Disk } from '../../storage/disk.ts';
import { BINDINGS_MAX, type Binding, type NewDirectory } from '../../storage/hard-state.ts';
import { inspect } from '../../storage/inspect.ts';
import { isRefusal, type Refusal } from '../../storage/refusal.ts';
import type { SnapshotMeta } from '../../storage/snapshot-file.ts';
import { Storage } from '../../storage/storage.ts';
import { entryText, type Found, Ledger } from './ledger.ts';
import type { RecordingDisk } from './recording-disk.ts';
import { chunksOf, type SnapshotBytes, stateBehind } from './snapshot-bytes.ts';

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
      reset: null,
      truncateFrom: INDEX_ZERO,
      entries: [],
      commitIndex: INDEX_ZERO,
      ...parts,
    };
    const promised = ledger.ask(disk.operations.length, request);
    this.promises.set(this.sequence, () => ledger.promise(disk.operations.length, promised));
    storage.persist(request);
  }

  /** Admitted, and bound to others: the hard state changes in several sectors, and may tear. */
  admit(): void {
    const done = () => this.ledger.promiseAdmitted(this.disk.operations.length);
    const life = incarnation(this.disk.operations.length);
    const bindings: Binding[] = Array.from({ length: BINDINGS_MAX }, (_, i) => {
      const startId = new Uint8Array(8).fill(life);
      const directoryId = new Uint8Array(16).fill(life);
      return { nodeId: nodeId(i + 1), directoryId, incarnation: life, startId };
    });
    this.storage.saveIdentity({ admitted: true, bindings }, done);
  }

  /** Writes the state behind an entry down. The log is durable up to it. */
  takeSnapshot(meta: SnapshotMeta): void {
    const { disk, ledger, storage } = this;
    ledger.askSnapshot(disk.operations.length, meta);
    const writer = storage.snapshots.begin(meta);
    writer.write(stateBehind(meta.index));
    writer.finish(({ index }) => ledger.promiseSnapshot(disk.operations.length, index));
  }

  /** Receives another's snapshot, piece by piece; `done` when it is durable. */
  receive(sent: SnapshotBytes, done: () => void): void {
    const { disk, ledger, storage, setting } = this;
    ledger.askSnapshot(disk.operations.length, sent.snapshot);
    const receiver = storage.snapshots.receive(sent.snapshot);
    for (const chunk of chunksOf(sent, setting.limits.snapshotChunkBytesMax)) {
      receiver.add(receiver.offset, chunk, (result) => {
        assert(result === true, () => `a piece was refused: ${result}`);
        if (receiver.complete !== null) done();
      });
    }
  }

  close(): void {
    this.storage.close(() => {});
    this.disk.run();
  }
}

/** A start, a first one if need be, and all that it found. */
export function start(disk: Disk, setting: Setting): Found {
  const found = tryStart(disk, setting);
  if (isRefusal(found)) throw new Error(`refused: ${found.message}`);
  return found;
}

export function tryStart(disk: Disk, { limits, directory }: Setting): Found | Refusal {
  if (Storage.isEmpty(disk)) Storage.create(disk, limits, directory);
  const storage = Storage.open(disk, limits, new Uint8Array(8).fill(7));
  if (isRefusal(storage)) return storage;
  return { storage, ...readLog(disk), isStateRight: isStateRight(storage) };
}

/** What must not be there any more when a start has ended. */
const MENDED = ['torn', 'rot', 'refusal', 'install', 'bad-snapshot'];

function readLog(disk: Disk): Pick<Found, 'base' | 'log'> {
  const log: string[] = [];
  let base: LogPoint | null = null;
  for (const item of inspect(disk)) {
    if (item.kind === 'segment') {
      base ??= { index: item.header.lastIndex, term: item.header.lastTerm };
    } else if (item.kind === 'entry') log.push(entryText(item.entry));
    else if (item.kind === 'truncation') log.length = item.from - 1 - base!.index;
    else if (MENDED.includes(item.kind)) {
      throw new Error(`a start has left it: ${JSON.stringify(item)}`);
    }
  }
  return { base: base ?? LOG_START, log };
}

function isStateRight({ snapshots }: Storage): boolean {
  const { newest } = snapshots;
  if (newest === null) return true;
  const blocks: Uint8Array[] = [];
  snapshots.readAllSync(newest, (payload) => blocks.push(payload));
  return bytesEqual(concatBytes(blocks), stateBehind(newest.index));
}
