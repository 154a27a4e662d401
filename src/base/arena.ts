/** What is longer than this part of a block gets an allocation of its own. */
const SHARE_MAX = 1 / 4;
/** Each block is twice as long as the one before, from here on: most streams never need the second. */
const FIRST_BLOCK_BYTES = 4 * 1024;

/**
 * Hands out pieces of larger blocks, each once: for many small byte arrays that are made, kept and
 * dropped in about the same order, as the records of a log are. A piece pins its whole block. An
 * allocation for each would cost three times as much, and the garbage collector more.
 */
export class Arena {
  private readonly blockBytes: number;
  private nextBlockBytes: number;
  private block: Uint8Array = new Uint8Array(0);
  private used = 0;

  constructor(blockBytes = 64 * 1024) {
    this.blockBytes = blockBytes;
    this.nextBlockBytes = Math.min(FIRST_BLOCK_BYTES, blockBytes);
  }

  /** Zeros, which nobody else holds. */
  take(length: number): Uint8Array {
    if (length > this.blockBytes * SHARE_MAX) return new Uint8Array(length);
    if (this.used + length > this.block.length) this.nextBlock(length);
    const piece = new Uint8Array(this.block.buffer, this.used, length);
    this.used += length;
    return piece;
  }

  private nextBlock(lengthMin: number): void {
    while (this.nextBlockBytes * SHARE_MAX < lengthMin) this.nextBlockBytes *= 2;
    this.block = new Uint8Array(Math.min(this.nextBlockBytes, this.blockBytes));
    this.nextBlockBytes = Math.min(2 * this.nextBlockBytes, this.blockBytes);
    this.used = 0;
  }
}
