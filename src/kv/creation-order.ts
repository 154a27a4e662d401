import type { Address } from './slab.ts';

/** What the order needs to know of its cells. */
export interface SerialNumbers {
  /** Positive, and of no two cells the same. */
  serial(address: Address): number;
}

const CHUNK_MAX = 512;
/** A chunk begins with room for so few, and doubles: most orders are short. */
const CHUNK_MIN = 16;
/** Two neighbours that hold no more than this together become one. */
const MERGE_MAX = CHUNK_MAX / 2;

class Chunk {
  cells = new Int32Array(CHUNK_MIN);
  count = 0;

  push(address: Address): void {
    if (this.count === this.cells.length) this.grow(2 * this.count);
    this.cells[this.count++] = address;
  }

  append(other: Chunk): void {
    for (let at = 0; at < other.count; at++) this.push(other.cells[at]!);
  }

  remove(at: number): void {
    this.cells.copyWithin(at, at + 1, this.count);
    this.count--;
  }

  private grow(room: number): void {
    const { cells } = this;
    this.cells = new Int32Array(room);
    this.cells.set(cells);
  }
}

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
  private chunks: Chunk[] = [new Chunk()];
  private count = 0;

  constructor(numbers: SerialNumbers) {
    this.numbers = numbers;
  }

  get size(): number {
    return this.count;
  }

  /** @param address of a cell with a greater serial than all others. */
  append(address: Address): void {
    this.count++;
    const last = this.chunks[this.chunks.length - 1]!;
    if (last.count < CHUNK_MAX) {
      last.push(address);
      return;
    }
    const next = new Chunk();
    next.push(address);
    this.chunks.push(next);
  }

  /** The cell with this serial, which must be there, has moved. */
  move(serial: number, to: Address): void {
    const chunk = this.chunks[this.chunkOf(serial)]!;
    chunk.cells[this.lowerBound(chunk, serial)] = to;
  }

  /** The cell with this serial must be there, and not be given back yet. */
  remove(serial: number): void {
    const { chunks } = this;
    this.count--;
    const c = this.chunkOf(serial);
    const chunk = chunks[c]!;
    chunk.remove(this.lowerBound(chunk, serial));
    if (chunks.length === 1) return;
    if (chunk.count === 0) {
      chunks.splice(c, 1);
      return;
    }
    const left = c + 1 < chunks.length ? c : c - 1;
    if (chunks[left]!.count + chunks[left + 1]!.count > MERGE_MAX) return;
    chunks[left]!.append(chunks[left + 1]!);
    chunks.splice(left + 1, 1);
  }

  clear(): void {
    this.chunks = [new Chunk()];
    this.count = 0;
  }

  /** All of them, the oldest first. */
  addresses(): Int32Array {
    const all = new Int32Array(this.count);
    let at = 0;
    for (const { cells, count } of this.chunks) {
      all.set(cells.subarray(0, count), at);
      at += count;
    }
    return all;
  }

  /** Those whose serial is below `serial`, the newest first. Nothing may change meanwhile. */
  *newestBelow(serial: number): Generator<Address, void> {
    let c = this.chunkOf(serial);
    let at = this.lowerBound(this.chunks[c]!, serial) - 1;
    for (;;) {
      const chunk = this.chunks[c]!;
      for (; at >= 0; at--) yield chunk.cells[at]!;
      if (c === 0) return;
      c--;
      at = this.chunks[c]!.count - 1;
    }
  }

  /** Those whose serial is not below `serial`, the oldest first. Nothing may change meanwhile. */
  *oldestFrom(serial: number): Generator<Address, void> {
    let c = this.chunkOf(serial);
    let at = this.lowerBound(this.chunks[c]!, serial);
    for (; c < this.chunks.length; c++, at = 0) {
      const chunk = this.chunks[c]!;
      for (; at < chunk.count; at++) yield chunk.cells[at]!;
    }
  }

  /** The cell that so many are older than; undefined when there are no more than those. It depends
   *  on nothing but the order: not on how this one has come to be cut into chunks. */
  at(rank: number): Address | undefined {
    let rest = rank;
    for (const chunk of this.chunks) {
      if (rest < chunk.count) return chunk.cells[rest];
      rest -= chunk.count;
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
      if (this.numbers.serial(chunks[middle]!.cells[0]!) <= serial) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How many of them are below `serial`. */
  private lowerBound(chunk: Chunk, serial: number): number {
    let low = 0;
    let high = chunk.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.numbers.serial(chunk.cells[middle]!) < serial) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
