import { readU32 } from '../base/bytes.ts';
import {
  BLOCK_HEADER_BYTES,
  blockIsWhole,
  decodeSnapshotFooter,
  decodeSnapshotHeader,
  FileCrc,
  SNAPSHOT_FOOTER_BYTES,
  type Snapshot,
  type SnapshotHeader,
  type SnapshotShape,
} from './snapshot-file.ts';

/** The part of a block that is the state's. A slice: whoever keeps it copies it. */
export type OnBlock = (payload: Uint8Array) => void;

/** Reads a snapshot's file from its beginning, piece by piece, and believes nothing in it that no
 *  checksum covers. */
export class SnapshotVerifier {
  header: SnapshotHeader | null = null;
  /** Where the next piece begins. */
  offset = 0;
  blocks = 0;
  /** The header is whole, but of a later format. */
  unknownVersion = false;
  /** The footer was there, and right. */
  isWhole = false;
  private fileCrc: FileCrc | null = null;
  /** A block that is shorter than the others was there: it is the last. */
  private lastSeen = false;

  /**
   * Takes the pieces that stand whole in bytes[from, to), the first of which begins at `offset` of
   * the file. Answers where it has stopped, which is before `to` only if the last piece is not all
   * there; or what is wrong.
   */
  take(bytes: Uint8Array, from: number, to: number, onBlock: OnBlock): number | string {
    let at = from;
    while (at < to) {
      const length = this.takePiece(bytes, at, to, onBlock);
      if (typeof length === 'string') return length;
      if (length === 0) break;
      at += length;
      this.offset += length;
    }
    return at;
  }

  /** What it is, when it `isWhole`. */
  get snapshot(): Snapshot {
    const { index, term, id, configuration } = this.header!;
    return { index, term, id, configuration, bytes: this.offset };
  }

  get shape(): SnapshotShape {
    const { headerBytes, blockBytes } = this.header!;
    return { headerBytes, blockBytes, fileCrc: this.fileCrc!.value, bytes: this.offset };
  }

  /** The length of the piece at `at`; 0: it is not all there. */
  private takePiece(bytes: Uint8Array, at: number, to: number, onBlock: OnBlock): number | string {
    if (this.isWhole) return 'there are bytes behind the end';
    if (this.header === null) return this.takeHeader(bytes, at, to);
    if (to - at < BLOCK_HEADER_BYTES) return 0;
    const length = readU32(bytes, at);
    if (length === 0) return this.takeFooter(bytes, at, to);
    if (length > this.header.blockBytes || this.lastSeen)
      return `block ${this.blocks} has a bad length`;
    const end = at + BLOCK_HEADER_BYTES + length;
    if (end > to) return 0;
    if (!blockIsWhole(bytes, at, this.header.id, this.blocks)) return `block ${this.blocks} is bad`;
    this.fileCrc!.add(bytes, at, this.blocks);
    this.blocks++;
    this.lastSeen = length < this.header.blockBytes;
    onBlock(bytes.subarray(at + BLOCK_HEADER_BYTES, end));
    return end - at;
  }

  private takeHeader(bytes: Uint8Array, at: number, to: number): number | string {
    const header = decodeSnapshotHeader(bytes, at, to);
    if (header === 'short') return 0;
    this.unknownVersion = header === 'version';
    if (typeof header === 'string') return `the header is bad (${header})`;
    this.header = header;
    const headerBytes = bytes.subarray(at, at + header.headerBytes);
    this.fileCrc = new FileCrc(headerBytes, header.id, header.blockBytes);
    return header.headerBytes;
  }

  private takeFooter(bytes: Uint8Array, at: number, to: number): number | string {
    if (to - at < SNAPSHOT_FOOTER_BYTES) return 0;
    const footer = decodeSnapshotFooter(bytes, at);
    const isRight =
      footer !== null &&
      footer.blocks === this.blocks &&
      footer.fileCrc === this.fileCrc?.value &&
      footer.bytes === this.offset + SNAPSHOT_FOOTER_BYTES;
    if (!isRight) return 'the footer is bad';
    this.isWhole = true;
    return SNAPSHOT_FOOTER_BYTES;
  }
}
