import { EMPTY_BYTES } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';

const SECTOR_BYTES = 512;

/** One write that no sync covers yet. Its bytes are a copy. */
export interface PendingWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A file's contents, whatever its name. */
export class Inode {
  /** Unique on its disk. */
  readonly number: number;
  /** The name by which the running system knows it; '' once it was removed. */
  path: string;
  /** What a crash leaves for certain. */
  durable: Uint8Array = EMPTY_BYTES;
  /** What reads see: the page cache. */
  cached: Uint8Array = EMPTY_BYTES;
  /** In the order of writing. A failed sync drops its writes from here, not from the cache: pages
   *  are then clean, and gone (the paper on fsync failures, ATC '20). */
  pending: PendingWrite[] = [];

  constructor(number: number, path: string) {
    this.number = number;
    this.path = path;
  }
}

/** `bytes` over `old`, in place where it fits: nobody else holds `old`. */
export function overwritten(old: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  let whole: Uint8Array = old;
  if (offset + bytes.length > old.length) {
    whole = new Uint8Array(offset + bytes.length);
    whole.set(old);
  }
  whole.set(bytes, offset);
  return whole;
}

/**
 * Chance decides, for each sector that un-synced writes have touched, which of its versions the
 * disk has: the durable one, or the one after any of the writes. A file may have grown, or not.
 * @param survived told of each piece that did.
 */
export function crashInode(
  inode: Inode,
  prng: Prng,
  survived: (offset: number, bytes: Uint8Array) => void,
): void {
  const { pending } = inode;
  if (pending.length === 0) {
    // Only a failed sync leaves the two apart with nothing pending.
    inode.cached = inode.durable.slice();
    return;
  }
  let size = inode.durable.length;
  for (const { offset, bytes } of pending) {
    if (offset + bytes.length > size && prng.chance(0.5)) size = offset + bytes.length;
  }
  let survivor: Uint8Array = inode.durable.slice();
  const pieces: PendingWrite[] = [];
  const keep = prng.float();
  for (const { offset, bytes } of pending) {
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
      if (prng.chance(keep)) {
        const piece = bytes.subarray(from, to);
        survivor = overwritten(survivor, offset + from, piece);
        pieces.push({ offset: offset + from, bytes: piece });
      }
      from = to;
    }
  }
  const left = new Uint8Array(size);
  left.set(survivor.subarray(0, size));
  inode.durable = left;
  inode.cached = left.slice();
  inode.pending = [];
  for (const { offset, bytes } of pieces) {
    if (offset < size) survived(offset, bytes.subarray(0, size - offset));
  }
  survived(size, EMPTY_BYTES);
}
