import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Disk, DiskError } from './disk.ts';
import { GrowingFile } from './growing-file.ts';
import { incomingName, type Snapshot, type SnapshotShape } from './snapshot-file.ts';
import { SnapshotVerifier } from './snapshot-verifier.ts';

/** True: the piece is written. Or why it is not, and the receiver is over. */
export type ChunkDone = (result: true | string) => void;

/** What a receiver needs of its storage. */
export interface SnapshotReceiverHost {
  /** It is whole and durable, under its incoming name. */
  received(snapshot: Snapshot, shape: SnapshotShape): void;
  failed(error: DiskError): void;
  /** Nothing is written any more. */
  over(): void;
}

/** Writes down the snapshot that a leader sends, verifying every piece as it comes (§7). */
export class SnapshotReceiver {
  readonly info: SnapshotInfo;
  /** All of it, verified and durable; null before. */
  complete: Snapshot | null = null;
  private readonly host: SnapshotReceiverHost;
  private readonly file: GrowingFile;
  private readonly verifier = new SnapshotVerifier();
  private waiting: ChunkDone[] = [];
  private over = false;

  constructor(disk: Disk, info: SnapshotInfo, host: SnapshotReceiverHost) {
    this.info = info;
    this.host = host;
    this.file = new GrowingFile(disk, incomingName(info.index), {
      noRoom: (error) => this.giveUp(error.message),
      failed: (error) => {
        this.end();
        host.failed(error);
      },
    });
  }

  /** How much has been taken, in order. */
  get offset(): number {
    return this.verifier.offset;
  }

  /** Takes whole pieces from `offset` on; the bytes are copied. Calls back later: with true when
   *  they are written, the last ones when the whole file is durable; or with what is wrong, and
   *  then nothing of it is left. */
  add(offset: number, bytes: Uint8Array, done: ChunkDone): void {
    if (this.over) return;
    this.waiting.push(done);
    const defect = offset === this.offset ? this.verify(bytes) : 'not the next piece';
    // What was verified before it is on its way; and the answer comes later, as every other does.
    if (defect === null) this.file.append(bytes.slice(), () => this.written());
    else this.file.append(new Uint8Array(0), () => this.refuse(defect));
  }

  /** Throws away what has come so far. Nothing is called any more. */
  abort(): void {
    if (this.over && this.complete === null) return;
    this.end();
    this.file.abandon();
  }

  /** @internal As `abort`, but the file stays; `idle` says when nothing is done to it any longer. */
  stop(idle: () => void): void {
    this.over = true;
    this.file.stop(idle);
  }

  private verify(bytes: Uint8Array): string | null {
    const { verifier, info } = this;
    if (bytes.length > info.bytes - verifier.offset) return 'longer than it should be';
    const taken = verifier.take(bytes, 0, bytes.length, () => {});
    if (typeof taken === 'string') return taken;
    if (taken !== bytes.length) return 'a piece is not whole';
    const { header, isWhole } = verifier;
    const isIt =
      header === null ||
      (header.index === info.index && header.term === info.term && header.id === info.id);
    if (!isIt) return 'not the snapshot that was announced';
    if (isWhole && verifier.offset !== info.bytes) return 'shorter than it should be';
    return null;
  }

  private written(): void {
    if (!this.verifier.isWhole || this.waiting.length > 1) {
      this.waiting.shift()?.(true);
      return;
    }
    this.file.sync(() => {
      const { snapshot, shape } = this.verifier;
      this.complete = snapshot;
      this.file.stop(() => {});
      this.host.received(snapshot, shape);
      this.waiting.shift()?.(true);
    });
  }

  private refuse(why: string): void {
    this.file.abandon();
    this.giveUp(why);
  }

  private giveUp(why: string): void {
    const { waiting } = this;
    this.end();
    for (const done of waiting) done(why);
  }

  private end(): void {
    this.over = true;
    this.waiting = [];
    this.host.over();
  }
}
