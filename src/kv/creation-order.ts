import type { Address } from './slab.ts';

/** What the order needs to know of its cells. */
export interface SerialNumbers {
  /** Positive, and of no two cells the same. */
  serial(address: Address): number;
}

const CHUNK_MAX = 128;
/** Two neighbours that hold no more than this together become one. */
const MERGE_MAX = CHUNK_MAX / 2;

/**
 * Cells in the order of their serial numbers, which is the order in which they came. It is what
 * SCAN walks, from the newest to the oldest: a position is a number that stays right whatever is
 * added (it comes behind the walk) or removed, so the cursor needs nobody to remember it.
 *
 * A list of short arrays: to append costs a push, to remove two binary searches and a short move.
 */
export class CreationOrder {
  private readonly numbers: SerialNumbers;
  /** Ascending; none is empty, but for the only one of an empty order. */
  private chunks: Address[][] = [[]];

  constructor(numbers: SerialNumbers) {
    this.numbers = numbers;
  }

  /** @param address of a cell with a greater serial than all others. */
  append(address: Address): void {
    const last = this.chunks[this.chunks.length - 1]!;
    if (last.length < CHUNK_MAX) last.push(address);
    else this.chunks.push([address]);
  }

  /** The cell with this serial, which must be there, has moved. */
  move(serial: number, to: Address): void {
    const chunk = this.chunks[this.chunkOf(serial)]!;
    chunk[this.lowerBound(chunk, serial)] = to;
  }

  /** The cell with this serial must be there, and not be given back yet. */
  remove(serial: number): void {
    const { chunks } = this;
    const c = this.chunkOf(serial);
    const chunk = chunks[c]!;
    chunk.splice(this.lowerBound(chunk, serial), 1);
    if (chunks.length === 1) return;
    if (chunk.length === 0) {
      chunks.splice(c, 1);
      return;
    }
    const left = c + 1 < chunks.length ? c : c - 1;
    if (chunks[left]!.length + chunks[left + 1]!.length > MERGE_MAX) return;
    chunks[left]!.push(...chunks[left + 1]!);
    chunks.splice(left + 1, 1);
  }

  clear(): void {
    this.chunks = [[]];
  }

  /** Those whose serial is below `serial`, the newest first. Nothing may change meanwhile. */
  *newestBelow(serial: number): Generator<Address, void> {
    let c = this.chunkOf(serial);
    let at = this.lowerBound(this.chunks[c]!, serial) - 1;
    for (;;) {
      const chunk = this.chunks[c]!;
      for (; at >= 0; at--) yield chunk[at]!;
      if (c === 0) return;
      c--;
      at = this.chunks[c]!.length - 1;
    }
  }

  /** Those whose serial is not below `serial`, the oldest first. Nothing may change meanwhile. */
  *oldestFrom(serial: number): Generator<Address, void> {
    let c = this.chunkOf(serial);
    let at = this.lowerBound(this.chunks[c]!, serial);
    for (; c < this.chunks.length; c++, at = 0) {
      const chunk = this.chunks[c]!;
      for (; at < chunk.length; at++) yield chunk[at]!;
    }
  }

  /** The cell that so many are older than; undefined when there are no more than those. It depends
   *  on nothing but the order: not on how this one has come to be cut into chunks. */
  at(rank: number): Address | undefined {
    let rest = rank;
    for (const chunk of this.chunks) {
      if (rest < chunk.length) return chunk[rest];
      rest -= chunk.length;
    }
    return undefined;
  }

  /** The last chunk that starts at or before `serial`; the first one if none does. */
  private chunkOf(serial: number): number {
    const { chunks } = this;
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.numbers.serial(chunks[middle]![0]!) <= serial) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How many of them are below `serial`. */
  private lowerBound(chunk: readonly Address[], serial: number): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.numbers.serial(chunk[middle]!) < serial) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
