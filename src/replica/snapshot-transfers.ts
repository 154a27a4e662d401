import { isSameSnapshot, type SnapshotInfo } from '../base/snapshot.ts';
import type { ReadSnapshot, ReceivedChunk } from '../raft/effects.ts';
import type { Raft } from '../raft/raft.ts';
import type { SnapshotReceiver } from '../storage/snapshot-receiver.ts';
import type { Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';

/**
 * The host's part of InstallSnapshot (§7): reads the pieces that a leader sends, and writes down
 * those that a follower receives. Every piece is verified on both ways; what becomes of a whole one,
 * the core decides.
 */
export class SnapshotTransfers {
  private readonly storage: Storage;
  private readonly raft: Raft;
  private readonly clock: Clock;
  private readonly askForTurn: () => void;
  private readonly wantAnother: (than: SnapshotInfo) => void;
  /** What is being received, and of which snapshot. */
  private receiver: SnapshotReceiver | null = null;

  /** @param wantAnother a snapshot can't be read, or is gone: one as late as this is needed. */
  constructor(
    storage: Storage,
    raft: Raft,
    clock: Clock,
    askForTurn: () => void,
    wantAnother: (than: SnapshotInfo) => void,
  ) {
    this.storage = storage;
    this.raft = raft;
    this.clock = clock;
    this.askForTurn = askForTurn;
    this.wantAnother = wantAnother;
  }

  /** The next piece for a follower. */
  read(request: ReadSnapshot): void {
    const { snapshot, offset, bytesMax } = request;
    this.storage.snapshots.readChunk(snapshot, offset, bytesMax, (result) => {
      const bytes = result instanceof Uint8Array ? result : null;
      if (bytes === null) this.wantAnother(snapshot);
      this.raft.snapshotRead(this.clock.now(), request, bytes);
      this.askForTurn();
    });
  }

  /** A piece from the leader. */
  take(chunk: ReceivedChunk): void {
    const receiver = this.receiverOf(chunk.snapshot);
    if (chunk.bytes.length === 0 || chunk.offset !== receiver.offset) {
      // A question; or repeated, or the beginning was lost with an earlier life.
      this.answer(chunk, receiver.offset);
      return;
    }
    receiver.add(chunk.offset, chunk.bytes, (result) => {
      if (this.receiver !== receiver) return;
      if (result !== true) {
        this.drop();
        this.answer(chunk, 0);
        return;
      }
      if (receiver.complete === null) this.answer(chunk, receiver.offset);
      else this.received(chunk.snapshot);
    });
  }

  close(): void {
    this.receiver = null;
  }

  private received(snapshot: SnapshotInfo): void {
    const outcome = this.raft.snapshotReceived(this.clock.now(), snapshot);
    // Installed: the file waits for the reset of the log, which gives it its name.
    if (outcome === 'installed') this.receiver = null;
    else this.drop();
    this.askForTurn();
  }

  /** Never two in one: whatever was received of another snapshot is thrown away. */
  private receiverOf(snapshot: SnapshotInfo): SnapshotReceiver {
    if (this.receiver !== null && isSameSnapshot(this.receiver.info, snapshot)) {
      return this.receiver;
    }
    this.drop();
    this.receiver = this.storage.snapshots.receive(snapshot);
    return this.receiver;
  }

  private drop(): void {
    this.receiver?.abort();
    this.receiver = null;
  }

  private answer(chunk: ReceivedChunk, offset: number): void {
    this.raft.chunkTaken(this.clock.now(), chunk, offset);
    this.askForTurn();
  }
}
