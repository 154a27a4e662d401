import type { Address } from './slab.ts';

const DIGITS = 8;
const DIGIT_VALUES = 256;
/** What is done in one go, in elements. */
const SLICE = 1024;

/** Cells with a number of 64 bits each, unsigned, as two halves. */
class Column {
  readonly high: Int32Array;
  readonly low: Int32Array;
  readonly address: Int32Array;

  constructor(length: number) {
    this.high = new Int32Array(length);
    this.low = new Int32Array(length);
    this.address = new Int32Array(length);
  }
}

/**
 * Sorts cells by a number of 64 bits, stable, in slices: a radix sort from the last byte to the
 * first (Knuth, vol. 3, 5.2.5, algorithm R), that passes over a byte which is the same everywhere.
 * A comparison sort would cost some twenty looks at memory a cell; this costs one or two a byte
 * that differs.
 */
export class RadixSort {
  private sorted: Column;
  private spare: Column;
  private readonly counts = new Int32Array(DIGITS * DIGIT_VALUES);

  constructor(length: number) {
    this.sorted = new Column(length);
    this.spare = new Column(length);
  }

  get high(): Int32Array {
    return this.sorted.high;
  }

  get low(): Int32Array {
    return this.sorted.low;
  }

  get address(): Int32Array {
    return this.sorted.address;
  }

  put(at: number, address: Address, high: number, low: number): void {
    this.sorted.address[at] = address;
    this.sorted.high[at] = high;
    this.sorted.low[at] = low;
  }

  /** Those in [from, to). Yields what each slice has cost, in elements.
   *  @param bytes so many of the highest are looked at. */
  *sort(from: number, to: number, bytes = DIGITS): Generator<number, void> {
    const { sorted } = this;
    this.counts.fill(0);
    for (let at = from; at < to; at += SLICE) {
      this.count(at, Math.min(to, at + SLICE));
      yield SLICE;
    }
    let source = sorted;
    let target = this.spare;
    for (let digit = DIGITS - bytes; digit < DIGITS; digit++) {
      if (!this.placesOf(digit, from, to)) continue;
      for (let at = from; at < to; at += SLICE) {
        this.scatter(source, target, at, Math.min(to, at + SLICE), digit);
        yield SLICE;
      }
      [source, target] = [target, source];
    }
    if (source === sorted) return;
    if (from === 0 && to === sorted.address.length) {
      this.sorted = source;
      this.spare = sorted;
      return;
    }
    for (let at = from; at < to; at += SLICE) {
      copy(source, sorted, at, Math.min(to, at + SLICE));
      yield SLICE;
    }
  }

  private count(from: number, to: number): void {
    const { high, low } = this.sorted;
    const { counts } = this;
    for (let at = from; at < to; at++) {
      const [a, b] = [low[at]!, high[at]!];
      counts[a & 0xff]!++;
      counts[256 + ((a >>> 8) & 0xff)]!++;
      counts[512 + ((a >>> 16) & 0xff)]!++;
      counts[768 + (a >>> 24)]!++;
      counts[1024 + (b & 0xff)]!++;
      counts[1280 + ((b >>> 8) & 0xff)]!++;
      counts[1536 + ((b >>> 16) & 0xff)]!++;
      counts[1792 + (b >>> 24)]!++;
    }
  }

  /** Turns the counts of a digit into where its values go.
   *  @returns false when there is but one value. */
  private placesOf(digit: number, from: number, to: number): boolean {
    const { counts } = this;
    let place = from;
    for (let at = digit * DIGIT_VALUES; at < (digit + 1) * DIGIT_VALUES; at++) {
      const count = counts[at]!;
      if (count === to - from) return false;
      counts[at] = place;
      place += count;
    }
    return true;
  }

  private scatter(source: Column, target: Column, from: number, to: number, digit: number): void {
    const { counts } = this;
    const word = digit < 4 ? source.low : source.high;
    const shift = (digit & 3) * 8;
    const base = digit * DIGIT_VALUES;
    for (let at = from; at < to; at++) {
      const place = counts[base + ((word[at]! >>> shift) & 0xff)]!++;
      target.high[place] = source.high[at]!;
      target.low[place] = source.low[at]!;
      target.address[place] = source.address[at]!;
    }
  }
}

function copy(source: Column, target: Column, from: number, to: number): void {
  target.high.set(source.high.subarray(from, to), from);
  target.low.set(source.low.subarray(from, to), from);
  target.address.set(source.address.subarray(from, to), from);
}
