import { byteString } from '../base/bytes.ts';
import { type Revision, revision } from '../base/ids.ts';
import { type Address, offsetOf, pageOf, Slab } from './slab.ts';

// A cell: seven words, then the key, then the value. The header's words are in the host's order: they
// never leave the process.
const SHARE = 0;
const REVISION_LOW = 1;
const REVISION_HIGH = 2;
const SERIAL_LOW = 3;
const SERIAL_HIGH = 4;
const KEY_LENGTH = 5;
const VALUE_LENGTH = 6;
const HEADER_BYTES = 28;
const WORD = 2 ** 32;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Up to here a loop copies faster than a view is made. */
const LOOP_BYTES_MAX = 48;

/**
 * Keys with their values, as cells of a slab. A key or value that comes in is bytes[from, to) of a
 * larger array, and is copied: a slice of it would be an object, and would pin the whole.
 */
export class Cells {
  private readonly slab = new Slab();

  /** Memory taken from the host, in bytes. */
  get bytesReserved(): number {
    return this.slab.bytesReserved;
  }

  /** A cell for key[keyFrom, keyTo) and a value of that length, which `write` fills in.
   *  @param serial which key this was to be created; below 2^53. */
  create(
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    valueBytes: number,
    serial: number,
  ): Address {
    const keyLength = keyTo - keyFrom;
    const { slab } = this;
    const address = slab.allocate(HEADER_BYTES + keyLength + valueBytes);
    const offset = offsetOf(address);
    const words = slab.pageWords[pageOf(address)]!;
    const at = offset >> 2;
    words[at + SERIAL_LOW] = serial;
    words[at + SERIAL_HIGH] = serial / WORD;
    words[at + KEY_LENGTH] = keyLength;
    words[at + VALUE_LENGTH] = valueBytes;
    copyBytes(key, keyFrom, keyTo, slab.pageBytes[pageOf(address)]!, offset + HEADER_BYTES);
    return address;
  }

  /** A whole cell: its key is at `from`, and its value follows without a gap. */
  restore(
    view: DataView,
    from: number,
    keyLength: number,
    valueLength: number,
    serial: number,
    modRevision: number,
    share: number,
  ): Address {
    const { slab } = this;
    const length = keyLength + valueLength;
    const address = slab.allocate(HEADER_BYTES + length);
    const page = pageOf(address);
    const words = slab.pageWords[page]!;
    const at = offsetOf(address) >> 2;
    words[at + SHARE] = share;
    words[at + REVISION_LOW] = modRevision;
    words[at + REVISION_HIGH] = modRevision / WORD;
    words[at + SERIAL_LOW] = serial;
    words[at + SERIAL_HIGH] = serial / WORD;
    words[at + KEY_LENGTH] = keyLength;
    words[at + VALUE_LENGTH] = valueLength;
    const wordsAt = at + HEADER_BYTES / 4;
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) {
      words[wordsAt + (i >> 2)] = view.getInt32(from + i, IS_LITTLE_ENDIAN);
    }
    const bytes = slab.pageBytes[page]!;
    for (let i = whole; i < length; i++) bytes[4 * wordsAt + i] = view.getUint8(from + i);
    return address;
  }

  free(address: Address): void {
    this.slab.free(address);
  }

  /** Makes room for a value of another length: where it is, if the cell is of that size, else in a
   *  new cell with the same key. Then the old one is still there, to be given back. */
  resize(address: Address, valueBytes: number): Address {
    const { slab } = this;
    const offset = offsetOf(address);
    const words = slab.pageWords[pageOf(address)]!;
    const keyLength = words[(offset >> 2) + KEY_LENGTH]!;
    const before = HEADER_BYTES + keyLength + words[(offset >> 2) + VALUE_LENGTH]!;
    if (slab.fits(before, HEADER_BYTES + keyLength + valueBytes)) {
      words[(offset >> 2) + VALUE_LENGTH] = valueBytes;
      return address;
    }
    const keyFrom = offset + HEADER_BYTES;
    const bytes = slab.pageBytes[pageOf(address)]!;
    return this.create(bytes, keyFrom, keyFrom + keyLength, valueBytes, this.serial(address));
  }

  /** Fills in what `create` and `resize` left open; the value is bytes[valueFrom, …), as long as
   *  they were told. */
  write(
    address: Address,
    bytes: Uint8Array,
    valueFrom: number,
    modRevision: Revision,
    share: number,
  ): void {
    const { slab } = this;
    const offset = offsetOf(address);
    const at = offset >> 2;
    const words = slab.pageWords[pageOf(address)]!;
    words[at + SHARE] = share;
    words[at + REVISION_LOW] = modRevision;
    words[at + REVISION_HIGH] = modRevision / WORD;
    const valueAt = offset + HEADER_BYTES + words[at + KEY_LENGTH]!;
    const valueTo = valueFrom + words[at + VALUE_LENGTH]!;
    copyBytes(bytes, valueFrom, valueTo, slab.pageBytes[pageOf(address)]!, valueAt);
  }

  share(address: Address): number {
    return this.slab.pageWords[pageOf(address)]![(offsetOf(address) >> 2) + SHARE]!;
  }

  modRevision(address: Address): Revision {
    const words = this.slab.pageWords[pageOf(address)]!;
    const at = offsetOf(address) >> 2;
    return revision(words[at + REVISION_HIGH]! * WORD + (words[at + REVISION_LOW]! >>> 0));
  }

  /** Which key this was to be created. */
  serial(address: Address): number {
    const words = this.slab.pageWords[pageOf(address)]!;
    const at = offsetOf(address) >> 2;
    return words[at + SERIAL_HIGH]! * WORD + (words[at + SERIAL_LOW]! >>> 0);
  }

  valueLength(address: Address): number {
    return this.slab.pageWords[pageOf(address)]![(offsetOf(address) >> 2) + VALUE_LENGTH]!;
  }

  keyLength(address: Address): number {
    return this.slab.pageWords[pageOf(address)]![(offsetOf(address) >> 2) + KEY_LENGTH]!;
  }

  /** The bytes that hold the cell, of others too: its key begins at `keyFrom`, and its value follows
   *  without a gap. To be read at once, and never written. */
  bytes(address: Address): Uint8Array {
    return this.slab.pageBytes[pageOf(address)]!;
  }

  keyFrom(address: Address): number {
    return offsetOf(address) + HEADER_BYTES;
  }

  /** The key as a byte string. */
  key(address: Address): string {
    const offset = offsetOf(address);
    const length = this.slab.pageWords[pageOf(address)]![(offset >> 2) + KEY_LENGTH]!;
    const from = offset + HEADER_BYTES;
    return byteString(this.slab.pageBytes[pageOf(address)]!, from, from + length);
  }

  /** The value as a byte string. */
  value(address: Address): string {
    const offset = offsetOf(address);
    const at = offset >> 2;
    const words = this.slab.pageWords[pageOf(address)]!;
    const from = offset + HEADER_BYTES + words[at + KEY_LENGTH]!;
    const to = from + words[at + VALUE_LENGTH]!;
    return byteString(this.slab.pageBytes[pageOf(address)]!, from, to);
  }

  /** Whether the cell's key is key[from, to). */
  hasKey(address: Address, key: Uint8Array, from: number, to: number): boolean {
    const offset = offsetOf(address);
    if (this.slab.pageWords[pageOf(address)]![(offset >> 2) + KEY_LENGTH] !== to - from) {
      return false;
    }
    const bytes = this.slab.pageBytes[pageOf(address)]!;
    for (let i = from, at = offset + HEADER_BYTES; i < to; i++, at++) {
      if (bytes[at] !== key[i]) return false;
    }
    return true;
  }

  /** The byte of the key at this place; -1 behind its end. */
  keyByte(address: Address, at: number): number {
    return at < this.keyLength(address) ? this.bytes(address)[this.keyFrom(address) + at]! : -1;
  }

  /** Four bytes of the key from `at` on, the first one highest; zeros behind its end. */
  keyWord(address: Address, at: number): number {
    const bytes = this.bytes(address);
    const from = this.keyFrom(address) + at;
    const left = this.keyLength(address) - at;
    if (left >= 4) {
      return (
        (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!
      );
    }
    let word = 0;
    for (let i = 0; i < left; i++) word |= bytes[from + i]! << (24 - 8 * i);
    return word;
  }

  /** Three bytes of the key from `at` on, as in `keyWord`, and in the last byte how many more bytes
   *  it has from `at - 4` on, at most 8: of two keys with the same seven bytes, the one that ends
   *  first has the lower word. */
  keyWordEnd(address: Address, at: number): number {
    const left = this.keyLength(address) - at + 4;
    return (this.keyWord(address, at) & ~0xff) | Math.max(0, Math.min(8, left));
  }

  /** How many bytes two keys have in common at their beginning, at most `max`; that they share the
   *  first `from` is known. */
  sharedBytes(a: Address, b: Address, from: number, max: number): number {
    const shortest = Math.min(max, this.keyLength(a), this.keyLength(b));
    const [aBytes, bBytes] = [this.bytes(a), this.bytes(b)];
    const [aFrom, bFrom] = [this.keyFrom(a), this.keyFrom(b)];
    let shared = from;
    while (shared < shortest && aBytes[aFrom + shared] === bBytes[bFrom + shared]) shared++;
    return shared;
  }

  /** Below 0 when key[from, to) comes before the cell's key in the order of their bytes, 0 when it
   *  is that key, above 0 when it comes behind it. */
  compare(key: Uint8Array, from: number, to: number, address: Address): number {
    const offset = offsetOf(address);
    const length = this.slab.pageWords[pageOf(address)]![(offset >> 2) + KEY_LENGTH]!;
    const bytes = this.slab.pageBytes[pageOf(address)]!;
    const shared = Math.min(length, to - from);
    const at = offset + HEADER_BYTES;
    for (let i = 0; i < shared; i++) {
      const difference = key[from + i]! - bytes[at + i]!;
      if (difference !== 0) return difference;
    }
    return to - from - length;
  }

  /** 0 when key[from, to) begins with the first `length` bytes of the cell's key, which it has; else
   *  below or above 0, as it comes before or behind all keys that do. */
  compareStart(
    key: Uint8Array,
    from: number,
    to: number,
    address: Address,
    length: number,
  ): number {
    const bytes = this.slab.pageBytes[pageOf(address)]!;
    const at = offsetOf(address) + HEADER_BYTES;
    const shared = Math.min(length, to - from);
    for (let i = 0; i < shared; i++) {
      const difference = key[from + i]! - bytes[at + i]!;
      if (difference !== 0) return difference;
    }
    return shared - length;
  }
}

/** Copies source[from, to) to into[intoAt, …). */
export function copyBytes(
  source: Uint8Array,
  from: number,
  to: number,
  into: Uint8Array,
  intoAt: number,
): void {
  if (to - from > LOOP_BYTES_MAX) {
    into.set(source.subarray(from, to), intoAt);
    return;
  }
  for (let i = from, at = intoAt; i < to; i++, at++) into[at] = source[i]!;
}
