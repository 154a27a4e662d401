import { Queue } from '../base/queue.ts';
import { copyBytes } from './cells.ts';

export const BLOCK_BYTES = 64 * 1024;

/**
 * A queue of bytes, in blocks of a fixed size: it never moves what it holds, however much that is.
 * A block that was taken whole is filled again, so that a long stream is no work for the collector of
 * garbage: what was taken is valid until the next call.
 */
export class ByteBlocks {
  /** Each full but the last; the first one is taken from. */
  private readonly blocks = new Queue<Uint8Array>();
  /** Where the last one is written, and the first one read. */
  private lastAt = BLOCK_BYTES;
  private firstAt = 0;
  private last: Uint8Array = new Uint8Array(0);
  private bytes = 0;
  /** The last block that was taken whole. */
  private spare: Uint8Array | null = null;

  /** How many bytes wait. */
  get length(): number {
    return this.bytes;
  }

  /** Copies source[from, to). */
  append(source: Uint8Array, from: number, to: number): void {
    this.bytes += to - from;
    for (let at = from; at < to; ) {
      if (this.lastAt === BLOCK_BYTES) {
        this.last = this.spare ?? new Uint8Array(BLOCK_BYTES);
        this.spare = null;
        this.lastAt = 0;
        this.blocks.push(this.last);
      }
      const length = Math.min(to - at, BLOCK_BYTES - this.lastAt);
      copyBytes(source, at, at + length, this.last, this.lastAt);
      this.lastAt += length;
      at += length;
    }
  }

  /** The next bytes, from one block: not empty if there are any, and no more than `bytesMax`. They are
   *  valid until the next call. */
  take(bytesMax: number): Uint8Array {
    const block = this.blocks.peek() ?? this.last;
    const length = Math.min(bytesMax, this.bytes, BLOCK_BYTES - this.firstAt);
    const taken = block.subarray(this.firstAt, this.firstAt + length);
    this.firstAt += length;
    this.bytes -= length;
    if (this.firstAt === BLOCK_BYTES) {
      this.spare = this.blocks.shift() ?? null;
      this.firstAt = 0;
    }
    return taken;
  }

  clear(): void {
    this.blocks.clear();
    this.spare = null;
    this.last = new Uint8Array(0);
    this.lastAt = BLOCK_BYTES;
    this.firstAt = 0;
    this.bytes = 0;
  }
}
