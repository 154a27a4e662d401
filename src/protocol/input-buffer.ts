import { EMPTY_BYTES } from '../base/bytes.ts';

const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const MINUS = 0x2d;
const GATHER_BYTES_MIN = 512;
const LENGTH_DIGITS_MAX = 10;

/** What `readLength` says instead of a length. */
export const LENGTH_MORE = -1;
export const LENGTH_INVALID = -2;
/** A minus sign and digits: RESP2's null, or a request that Redis ignores. */
export const LENGTH_NEGATIVE = -3;

/**
 * The unread end of a byte stream. A chunk that arrives when nothing is left over is read in place;
 * otherwise what is left over and the chunk are gathered in a buffer that doubles, so that n bytes
 * in any chunking cost O(n). Bytes before `end` never change: slices stay valid for as long as the
 * chunk does, and pin their buffer. Only bytes that have arrived take memory, whatever length a
 * header announces.
 */
export class InputBuffer {
  bytes: Uint8Array = EMPTY_BYTES;
  /** The first unread byte. Written by the reader, who may only move it forward. */
  at = 0;
  /** Behind the last byte that has arrived. */
  end = 0;
  /** Behind the line that `readLength` read last. */
  lineEnd = 0;
  /** Whether `bytes` is this object's own, so that there may be room behind `end`. */
  private gathered = false;
  /** No line feed stands in bytes[at, scanned). */
  private scanned = 0;

  get unread(): number {
    return this.end - this.at;
  }

  /** What it keeps in memory. */
  get heldBytes(): number {
    return this.bytes.length;
  }

  feed(chunk: Uint8Array): void {
    if (this.at === this.end) {
      // A plain view, because the views that Node hands out are of a class of its own.
      this.bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      this.at = 0;
      this.end = chunk.length;
      this.gathered = false;
      this.scanned = 0;
      return;
    }
    if (!this.gathered || this.bytes.length - this.end < chunk.length) this.gather(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Takes what is unread of a chunk that was only lent; slices of it end here. */
  keep(): void {
    if (!this.gathered && this.at < this.end) this.gather(0);
  }

  /** Lets go of the buffer, if everything in it has been read: an idle connection holds none. */
  release(): void {
    if (this.at < this.end) return;
    this.bytes = EMPTY_BYTES;
    this.at = 0;
    this.end = 0;
    this.gathered = false;
    this.scanned = 0;
  }

  /** bytes[from, to), which must have arrived: not copied. */
  slice(from: number, to: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, to - from);
  }

  /** Where the first line feed from `at` on stands; -1 while it has not arrived. However often it
   *  is asked, it looks at each byte once. */
  findLineFeed(): number {
    let i = Math.max(this.at, this.scanned);
    while (i < this.end && this.bytes[i] !== LF) i++;
    this.scanned = i;
    return i < this.end ? i : -1;
  }

  /**
   * Reads the decimal length that starts at `from`, and the CR LF behind it; `lineEnd` then says
   * where it ends. Strict, because whoever reads a length differently reads other commands: no sign
   * but "-", no leading zero, no space, no exponent, at most ten digits.
   * @returns the length, or one of the three constants above.
   */
  readLength(from: number): number {
    const { bytes, end } = this;
    if (from >= end) return LENGTH_MORE;
    const negative = bytes[from] === MINUS;
    const first = negative ? from + 1 : from;
    let value = 0;
    for (let i = first; i < end; i++) {
      const digit = bytes[i]! - ZERO;
      if (digit < 0 || digit > 9) {
        if (i === first || bytes[i]! !== CR) return LENGTH_INVALID;
        if (i + 1 === end) return LENGTH_MORE;
        if (bytes[i + 1] !== LF || (negative && value === 0)) return LENGTH_INVALID;
        this.lineEnd = i + 2;
        return negative ? LENGTH_NEGATIVE : value;
      }
      const leadingZero = i > first && value === 0;
      if (leadingZero || i - first >= LENGTH_DIGITS_MAX) return LENGTH_INVALID;
      value = value * 10 + digit;
    }
    return LENGTH_MORE;
  }

  /** Moves the unread bytes to the start of a new buffer, with room for at least `more`. */
  private gather(more: number): void {
    const unread = this.end - this.at;
    const gathered = new Uint8Array(Math.max(GATHER_BYTES_MIN, 2 * unread, unread + more));
    gathered.set(this.bytes.subarray(this.at, this.end));
    this.bytes = gathered;
    this.scanned = Math.max(0, this.scanned - this.at);
    this.at = 0;
    this.end = unread;
    this.gathered = true;
  }
}
