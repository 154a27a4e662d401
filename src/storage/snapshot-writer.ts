import { assert } from '../base/assert.ts';
import { ByteWriter } from '../base/bytes.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Disk, DiskError } from './disk.ts';
import { GrowingFile } from './growing-file.ts';
import {
  BLOCK_HEADER_BYTES,
  encodeSnapshotFooter,
  encodeSnapshotHeader,
  FileCrc,
  SNAPSHOT_FOOTER_BYTES,
  SNAPSHOT_NEXT_NAME,
  type Snapshot,
  type SnapshotMeta,
  type SnapshotShape,
  sealBlock,
  snapshotName,
} from './snapshot-file.ts';

/** What goes to the disk in one write: few system calls, and a copy that holds nobody up. */
const PIECE_BYTES = 256 * 1024;

/** What a writer needs of its storage. */
export interface SnapshotWriterHost {
  /** It has its name, durably. */
  published(snapshot: Snapshot, shape: SnapshotShape): void;
  failed(error: DiskError): void;
  /** Nothing is written any more. */
  over(): void;
}

/** Writes one snapshot of this node's own, in blocks, as a stream. */
export class SnapshotWriter {
  /** Called when more may be written: less than a piece is on its way to the disk. */
  onDrain: () => void = () => {};
  /** Called, perhaps from inside a call, when the disk has no room: this attempt is over, and the
   *  file gone. */
  onNoRoom: (error: DiskError) => void = () => {};
  /** Taken from the caller and not yet on the disk: to be kept small by waiting for `onDrain`. */
  pendingBytes = 0;

  private readonly meta: SnapshotMeta;
  private readonly blockBytes: number;
  private readonly host: SnapshotWriterHost;
  private readonly file: GrowingFile;
  private building = new ByteWriter(4096);
  /** The buffer of the last piece that the disk has taken. */
  private spare = new ByteWriter(4096);
  /** Where in `building` the open block begins, and what it holds. */
  private blockAt = 0;
  private blockLength = 0;
  private blocks = 0;
  private readonly fileCrc: FileCrc;
  /** Of the file, all blocks sealed so far included. */
  private length: number;
  private readonly headerBytes: number;
  private finished = false;
  private over = false;

  constructor(disk: Disk, meta: SnapshotMeta, blockBytes: number, host: SnapshotWriterHost) {
    this.meta = meta;
    this.blockBytes = blockBytes;
    this.host = host;
    this.file = new GrowingFile(disk, SNAPSHOT_NEXT_NAME, {
      noRoom: (error) => {
        this.end();
        this.onNoRoom(error);
      },
      failed: (error) => {
        this.end();
        host.failed(error);
      },
    });
    const header = encodeSnapshotHeader(meta, blockBytes);
    this.headerBytes = header.length;
    this.building.raw(header);
    this.length = header.length;
    this.fileCrc = new FileCrc(header, meta.id, blockBytes);
    this.pendingBytes = header.length;
    this.openBlock();
  }

  /** The next bytes of the stream; they are copied. */
  write(bytes: Uint8Array): void {
    assert(!this.finished, () => 'written to a snapshot that is finished');
    for (let at = 0; at < bytes.length && !this.over; ) {
      const part = Math.min(bytes.length - at, this.blockBytes - this.blockLength);
      this.building.raw(bytes.subarray(at, at + part));
      this.blockLength += part;
      this.pendingBytes += part;
      at += part;
      if (this.blockLength === this.blockBytes) this.sealOpenBlock();
    }
  }

  /** Writes the footer, makes the file durable and gives it its name. Not before this node's log is
   *  durable up to the snapshot's index: recovery.ts relies on it. */
  finish(done: (info: SnapshotInfo) => void): void {
    assert(!this.finished, () => 'a snapshot is finished twice');
    if (this.over) return;
    this.finished = true;
    if (this.blockLength > 0) this.sealOpenBlock();
    if (this.over) return;
    const { meta, blocks, headerBytes, blockBytes } = this;
    const fileCrc = this.fileCrc.value;
    const bytes = this.length + SNAPSHOT_FOOTER_BYTES;
    this.building.length = this.blockAt;
    this.building.raw(encodeSnapshotFooter({ fileCrc, blocks, bytes }));
    this.handOver();
    this.file.sync(() => {
      this.file.rename(snapshotName(meta.index), () => {
        this.end();
        const snapshot = { ...meta, bytes };
        this.host.published(snapshot, { headerBytes, blockBytes, fileCrc, bytes });
        done(snapshot);
      });
    });
  }

  /** Gives it up. Nothing is called any more. */
  abort(): void {
    if (this.over) return;
    this.end();
    this.file.abandon();
  }

  /** @internal As `abort`, but the file stays; `idle` says when nothing is done to it any longer. */
  stop(idle: () => void): void {
    this.over = true;
    this.file.stop(idle);
  }

  private end(): void {
    this.over = true;
    this.host.over();
  }

  private openBlock(): void {
    this.blockAt = this.building.length;
    this.blockLength = 0;
    this.building.u32(0).u32(0);
  }

  private sealOpenBlock(): void {
    const { building, blockAt, blockLength } = this;
    sealBlock(building.bytes, blockAt, blockLength, this.meta.id, this.blocks);
    const end = blockAt + BLOCK_HEADER_BYTES + blockLength;
    this.fileCrc.add(building.bytes, blockAt, this.blocks);
    this.blocks++;
    this.length += end - blockAt;
    if (end >= PIECE_BYTES) this.handOver();
    if (!this.over) this.openBlock();
  }

  private handOver(): void {
    const piece = this.building;
    this.building = this.spare;
    this.building.clear();
    this.blockAt = 0;
    this.spare = new ByteWriter(0);
    const bytes = piece.view();
    this.file.append(bytes, () => {
      this.pendingBytes = Math.max(0, this.pendingBytes - bytes.length);
      piece.clear();
      this.spare = piece;
      if (!this.finished) this.onDrain();
    });
  }
}
