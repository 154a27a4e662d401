import { assert } from '../base/assert.ts';
import type { Limits } from '../base/limits.ts';
import { isSameSnapshot, type SnapshotInfo } from '../base/snapshot.ts';
import { Discards } from './discards.ts';
import type { Disk, DiskError } from './disk.ts';
import {
  BLOCK_HEADER_BYTES,
  chunkEnd,
  incomingName,
  SNAPSHOT_BLOCK_BYTES_MAX,
  type Snapshot,
  type SnapshotMeta,
  type SnapshotShape,
  snapshotIndexOf,
  snapshotName,
} from './snapshot-file.ts';
import {
  type ReadSnapshotFile,
  readPieces,
  readSnapshot,
  readSnapshotSync,
  rotten,
} from './snapshot-reader.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import type { OnBlock } from './snapshot-verifier.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { step } from './step.ts';

/** Two generations: a damaged newest one has the other to fall back to. */
const GENERATIONS = 2;

/** Whole pieces of the file, verified. Or an error of the disk. `gone`: there is no such snapshot
 *  here, no piece begins there, or it is damaged, and nobody will be given any of it again. */
export type ChunkRead = (result: Uint8Array | DiskError | 'gone') => void;

/** A snapshot that has its name. */
interface Kept extends ReadSnapshotFile {
  damaged: boolean;
  /** How many want it to stay. */
  pins: number;
}

/**
 * The snapshots of a data directory: the two newest, those that are pinned, one that is being
 * written and one that is being received. What fails for want of room is given up, any other failed
 * write is final, as everywhere.
 */
export class Snapshots {
  private readonly disk: Disk;
  private readonly blockBytes: number;
  private readonly failed: (error: DiskError) => void;
  private readonly discards: Discards;
  /** The oldest first. */
  private kept: Kept[];
  /** Received, whole and durable; waiting for the log's reset. */
  private readonly received: ReadSnapshotFile[] = [];
  private writer: SnapshotWriter | null = null;
  private receiver: SnapshotReceiver | null = null;
  private ended = false;

  /** @internal @param found at the start, the oldest first. */
  constructor(
    disk: Disk,
    limits: Limits,
    found: readonly ReadSnapshotFile[],
    failed: (error: DiskError) => void,
  ) {
    this.disk = disk;
    const fits = limits.snapshotChunkBytesMax - BLOCK_HEADER_BYTES;
    this.blockBytes = Math.max(1, Math.min(fits, SNAPSHOT_BLOCK_BYTES_MAX));
    this.failed = failed;
    this.discards = new Discards(disk, failed);
    this.kept = found.map((file) => ({ ...file, damaged: false, pins: 0 }));
  }

  /** The newest that is not known to be damaged. */
  get newest(): Snapshot | null {
    return this.good.at(-1)?.snapshot ?? null;
  }

  /** The one before. */
  get previous(): Snapshot | null {
    return this.good.at(-2)?.snapshot ?? null;
  }

  /** Begins to write one, later than the newest. One at a time. */
  begin(meta: SnapshotMeta): SnapshotWriter {
    const { newest } = this;
    assert(this.writer === null, () => 'one snapshot is written at a time');
    const isLater = newest === null || meta.index > newest.index;
    assert(isLater, () => `a snapshot at ${meta.index} behind the one at ${newest!.index}`);
    const writer = new SnapshotWriter(this.disk, meta, this.blockBytes, {
      published: (snapshot, shape) => this.add({ snapshot, shape }),
      failed: this.failed,
      over: () => {
        if (this.writer === writer) this.writer = null;
      },
    });
    this.writer = writer;
    return writer;
  }

  /** Begins to receive one. One at a time. */
  receive(info: SnapshotInfo): SnapshotReceiver {
    assert(this.receiver === null, () => 'one snapshot is received at a time');
    const over = () => {
      if (this.receiver === receiver) this.receiver = null;
    };
    const dropped = () => {
      over();
      this.takeReceived(info);
    };
    const receiver = new SnapshotReceiver(this.disk, info, {
      received: (snapshot, shape) => {
        this.received.push({ snapshot, shape });
        over();
      },
      failed: this.failed,
      over: dropped,
    });
    this.receiver = receiver;
    return receiver;
  }

  /** Reads the pieces from `offset` on that fit into `bytesMax`, one at least. Never hands out one
   *  that is not what was written. Calls back, perhaps at once when there is nothing to read. */
  readChunk(info: SnapshotInfo, offset: number, bytesMax: number, done: ChunkRead): void {
    const kept = this.find(info);
    const end = kept === null ? 0 : chunkEnd(kept.shape, offset, bytesMax);
    if (kept === null || kept.damaged || end === 0) {
      done('gone');
      return;
    }
    readPieces(this.disk, kept, offset, end, (error, bytes) => {
      if (this.ended) return;
      if (error === null) done(bytes);
      else if (this.noteDamage(kept, error)) done('gone');
      else done(error);
    });
  }

  /** Reads all of it, block by block, each verified. After some of them `between` is called, and
   *  reading goes on when that calls back. Calls back at the end; or with an error, perhaps at once,
   *  whose code is ROT where the bytes are bad. */
  readAll(
    info: SnapshotInfo,
    onBlock: OnBlock,
    between: (goOn: () => void) => void,
    done: (error: DiskError | null) => void,
  ): void {
    const kept = this.find(info);
    if (kept === null) {
      done(rotten(info, 'it is gone'));
      return;
    }
    const isWanted = () => !this.ended;
    readSnapshot(this.disk, kept, onBlock, between, isWanted, (error) => {
      if (error !== null) this.noteDamage(kept, error);
      done(error);
    });
  }

  /** As `readAll`, at once: for a start, before anything is served. @throws DiskError */
  readAllSync(info: SnapshotInfo, onBlock: OnBlock): void {
    const kept = this.find(info);
    if (kept === null) throw rotten(info, 'it is gone');
    const read = readSnapshotSync(this.disk, snapshotName(info.index), onBlock);
    if (typeof read === 'object' && 'snapshot' in read && isSameSnapshot(read.snapshot, info))
      return;
    kept.damaged = true;
    throw rotten(info, typeof read === 'string' ? read : 'it is another one');
  }

  /** It stays until `unpin`, however many newer ones there are. Nothing happens if it is gone. */
  pin(info: SnapshotInfo): void {
    const kept = this.find(info);
    if (kept !== null) kept.pins++;
  }

  unpin(info: SnapshotInfo): void {
    const kept = this.find(info);
    if (kept === null || kept.pins === 0) return;
    kept.pins--;
    this.discardOld();
  }

  /** @internal The reset of the log begins: the received file gets its name, to be made durable by
   *  the caller. One of this node's own that is being written is older, and given up.
   *  @throws DiskError */
  install(info: SnapshotInfo): ReadSnapshotFile {
    const file = this.takeReceived(info);
    assert(file !== null, () => `the snapshot at ${info.index} was not received`);
    this.writer?.abort();
    this.disk.rename(incomingName(info.index), snapshotName(info.index));
    return file;
  }

  /** @internal The log begins behind it by now, durably: no older one fits to that. */
  installed(file: ReadSnapshotFile): void {
    this.kept = [{ ...file, damaged: false, pins: 0 }];
    // One that was given up may have got its name all the same.
    const isOld = (index: number) => index > 0 && index < file.snapshot.index;
    this.discards.add(this.disk.list().filter((name) => isOld(snapshotIndexOf(name))));
  }

  /** @internal A received one that is not wanted any more: a later one has taken its place. */
  forget(info: SnapshotInfo): void {
    if (this.takeReceived(info) === null) return;
    step(this.failed, () => this.disk.removeIfThere(incomingName(info.index)));
  }

  /** @internal Nothing is called any more but `idle`, perhaps at once: when no file is in use. */
  stop(idle: () => void): void {
    this.ended = true;
    const { writer, receiver, discards } = this;
    const afterReceiver = () => discards.stop(idle);
    const afterWriter = () => (receiver === null ? afterReceiver() : receiver.stop(afterReceiver));
    if (writer === null) afterWriter();
    else writer.stop(afterWriter);
  }

  private get good(): readonly Kept[] {
    return this.kept.filter(({ damaged }) => !damaged);
  }

  private takeReceived(info: SnapshotInfo): ReadSnapshotFile | null {
    const at = this.received.findIndex(({ snapshot }) => isSameSnapshot(snapshot, info));
    return at < 0 ? null : this.received.splice(at, 1)[0]!;
  }

  private find(info: SnapshotInfo): Kept | null {
    return this.kept.find(({ snapshot }) => isSameSnapshot(snapshot, info)) ?? null;
  }

  private add(file: { readonly snapshot: Snapshot; readonly shape: SnapshotShape }): void {
    // A damaged one of the same index had the same name.
    this.kept = this.kept.filter(({ snapshot }) => snapshot.index !== file.snapshot.index);
    this.kept.push({ ...file, damaged: false, pins: 0 });
    this.discardOld();
  }

  private discardOld(): void {
    const stays = new Set(this.good.slice(-GENERATIONS));
    // Two good ones need no bad one any more.
    const isEnough = stays.size === GENERATIONS;
    const goes = (file: Kept) => isEnough && !stays.has(file) && file.pins === 0;
    const gone = this.kept.filter(goes);
    this.kept = this.kept.filter((file) => !goes(file));
    this.discards.add(gone.map(({ snapshot }) => snapshotName(snapshot.index)));
  }

  /** Whether that was the file's fault, which is damaged then. */
  private noteDamage(kept: Kept, error: DiskError): boolean {
    if (!['ROT', 'EIO', 'ENOENT'].includes(error.code)) return false;
    kept.damaged = true;
    return true;
  }
}
