import type { Cells } from './cells.ts';
import { RadixSort } from './radix-sort.ts';
import type { Address } from './slab.ts';
import { MalformedState } from './state-stream.ts';

/** So many are sorted by insertion. */
const FEW = 16;
/** What is done in one go, in cells looked at. */
const SLICE = 1024;
/** Bytes of keys that cost as much as one more cell to be looked at. */
const BYTES_PER_UNIT = 64;

/**
 * Sorts cells by the bytes of their keys, in slices. The bytes that all keys begin with are passed
 * over; by the seven behind them the cells are radix-sorted (radix-sort.ts), with how many of the
 * seven the key has in the last byte, so that a key comes before those that go on behind it; and
 * cells that are still the same, by the bytes behind those, as a sort of their own.
 */
export class KeySort {
  private readonly cells: Cells;
  /** How many cells. */
  readonly length: number;
  private readonly radix: RadixSort;
  /** Ranges to be sorted: from, to, and how many bytes all keys in it share. */
  private readonly waiting: number[] = [];
  /** By the keys of the range looked at so far. */
  private shared = 0;
  private spent = 0;

  constructor(cells: Cells, length: number) {
    this.cells = cells;
    this.length = length;
    this.radix = new RadixSort(length);
  }

  /** The cells, sorted once `sort` is done. */
  get addresses(): Int32Array {
    return this.radix.address;
  }

  put(at: number, address: Address): void {
    this.radix.put(at, address, 0, 0);
  }

  /** Yields what each slice has cost, in cells looked at.
   *  @param shared how many bytes all keys begin with in common.
   *  @throws MalformedState where two cells have the same key. */
  *sort(shared: number): Generator<number, void> {
    if (this.length > FEW) yield* this.sortMany(0, this.length, shared);
    else this.sortFew(0, this.length, 0);
    while (this.waiting.length > 0) {
      const depth = this.waiting.pop()!;
      const to = this.waiting.pop()!;
      const from = this.waiting.pop()!;
      const shared = yield* this.sharedBytes(from, to, depth);
      yield* this.sortMany(from, to, shared);
    }
  }

  /** How many bytes the keys of [from, to) begin with in common: `depth` of them, or more. */
  private *sharedBytes(from: number, to: number, depth: number): Generator<number, number> {
    this.shared = Number.POSITIVE_INFINITY;
    for (let at = from; at < to; ) {
      at = this.compareWith(from, at, to, depth);
      yield this.takeSpent();
    }
    return this.shared;
  }

  /** @param shared how many bytes their keys begin with in common. */
  private *sortMany(from: number, to: number, shared: number): Generator<number, void> {
    for (let at = from; at < to; at += SLICE) {
      this.readKeys(at, Math.min(to, at + SLICE), shared);
      yield SLICE;
    }
    yield* this.radix.sort(from, to);
    for (let at = from; at < to; ) {
      at = this.sortTies(at, to, shared);
      yield this.takeSpent();
    }
  }

  /** Finds how many bytes the keys of [from, to) share with the first one.
   *  @returns how far it has come, before `to` when it has cost enough. */
  private compareWith(first: number, from: number, to: number, depth: number): number {
    const { cells } = this;
    const { address } = this.radix;
    let at = from;
    for (; at < to && this.spent < SLICE; at++) {
      this.shared = cells.sharedBytes(address[first]!, address[at]!, depth, this.shared);
      this.spent += 1 + (this.shared - depth) / BYTES_PER_UNIT;
    }
    return at;
  }

  private readKeys(from: number, to: number, depth: number): void {
    const { cells, radix } = this;
    const { address, high, low } = radix;
    for (let at = from; at < to; at++) {
      high[at] = cells.keyWord(address[at]!, depth);
      low[at] = cells.keyWordEnd(address[at]!, depth + 4);
    }
  }

  /** From `from` on, ranges of the same seven bytes: those of few are sorted, the others put in line.
   *  @returns how far it has come, before `to` when it has cost enough. */
  private sortTies(from: number, to: number, depth: number): number {
    const { high, low } = this.radix;
    let start = from;
    while (start < to && this.spent < SLICE) {
      let end = start + 1;
      while (end < to && high[end] === high[start] && low[end] === low[start]) end++;
      this.spent += end - start;
      if (end - start > 1) this.sortTie(start, end, depth + 7);
      start = end;
    }
    return start;
  }

  private sortTie(from: number, to: number, depth: number): void {
    // Of the same length, all of whose bytes were compared.
    if ((this.radix.low[from]! & 0xff) < 8) throwTwice();
    if (to - from <= FEW) this.sortFew(from, to, depth);
    else this.waiting.push(from, to, depth);
  }

  private sortFew(from: number, to: number, depth: number): void {
    const { cells } = this;
    const { address } = this.radix;
    for (let next = from + 1; next < to; next++) {
      const cell = address[next]!;
      let at = next;
      for (; at > from; at--) {
        const before = address[at - 1]!;
        const shared = cells.sharedBytes(before, cell, depth, Number.POSITIVE_INFINITY);
        const order = cells.keyByte(before, shared) - cells.keyByte(cell, shared);
        this.spent += 1 + (shared - depth) / BYTES_PER_UNIT;
        if (order === 0) throwTwice();
        if (order < 0) break;
        address[at] = before;
      }
      address[at] = cell;
    }
    this.spent += to - from;
  }

  private takeSpent(): number {
    const { spent } = this;
    this.spent = 0;
    return spent;
  }
}

function throwTwice(): never {
  throw new MalformedState('a key is in it twice');
}
