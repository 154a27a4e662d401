import { ByteWriter, EMPTY_BYTES, readU32 } from '../base/bytes.ts';
import { murmur3View } from './murmur3.ts';
import { itemShare, stateHash } from './state-hash.ts';
import {
  decodeStateHeader,
  ITEM_BYTES_MAX,
  MalformedState,
  STREAM_HEADER_BYTES,
  STREAM_TRAILER_BYTES,
  type StateHeader,
} from './state-stream.ts';

/** No varint is longer: a number of 2^53 has 53 bits. */
const VARINT_BYTES_MAX = 8;

/**
 * Reads a state's items out of its stream (state-stream.ts), which comes in pieces that may be cut
 * anywhere: a piece is pushed, then read until `next` says no. Of what was pushed, it keeps the
 * part of an item whose rest is still to come, and nothing else. It makes no object for an item: the
 * one last read stands in its fields.
 *
 * Everything throws a MalformedState at the first byte that can't be right, and at the end when the
 * items do not have the hash of the state.
 */
export class StateItemReader {
  // The item last read: good until the next call of anything.
  /** What holds it: the key is bytes[keyFrom, keyTo), and the value goes on to `valueTo`. */
  bytes: Uint8Array = EMPTY_BYTES;
  /** The same memory. */
  view = viewOf(EMPTY_BYTES);
  keyFrom = 0;
  keyTo = 0;
  valueTo = 0;
  /** Which key this was to be created. */
  serial = 0;
  /** Whether its serial is above that of all others in order that came before. */
  inOrder = true;
  /** The revision that wrote the value. */
  modRevision = 0;
  /** What it adds to the digest of the keyspace. */
  share = 0;

  private head: StateHeader | null = null;
  private itemsLeft = 0;
  private lastInOrder = 0;
  private sum = 0;
  private isEnded = false;
  /** What is left of the pieces before, when that was not a whole. */
  private readonly rest = new ByteWriter(0);
  // What is to be read: bytes[at, end). Fields are read at the cursor.
  private at = 0;
  private end = 0;
  private cursor = 0;
  private isShort = false;

  /** Null until it has been read. */
  get header(): StateHeader | null {
    return this.head;
  }

  /** Whether the whole stream was read, to its last byte, and found right. */
  get ended(): boolean {
    return this.isEnded;
  }

  /** The digest of the items read so far. */
  get digest(): number {
    return this.sum;
  }

  /** The next piece. It may be reused once `next` has returned false. */
  push(piece: Uint8Array): void {
    if (this.at < this.end || this.rest.length > 0) {
      this.keepRest();
      this.rest.raw(piece);
      this.bytes = this.rest.bytes;
      this.end = this.rest.length;
    } else {
      this.bytes = piece;
      this.end = piece.length;
    }
    this.view = viewOf(this.bytes);
    this.at = 0;
  }

  /** Reads the next item into the fields.
   *  @returns false when there is none before the next piece, or none any more. */
  next(): boolean {
    if (this.head === null && !this.readHeader()) return this.wait();
    if (this.itemsLeft > 0) {
      if (!this.readItem()) return this.wait();
      this.itemsLeft--;
      return true;
    }
    if (!this.isEnded && !this.readTrailer()) return this.wait();
    if (this.at < this.end) throw new MalformedState('there are bytes behind its end');
    return this.wait();
  }

  private wait(): false {
    this.keepRest();
    this.bytes = EMPTY_BYTES;
    return false;
  }

  /** Nothing of a piece is needed any more behind this. */
  private keepRest(): void {
    const { rest, at, end } = this;
    if (this.bytes === rest.bytes) {
      if (at > 0) rest.bytes.copyWithin(0, at, end);
      rest.length = end - at;
    } else if (at < end) {
      rest.clear();
      rest.raw(this.bytes.subarray(at, end));
    }
    this.at = 0;
    this.end = 0;
  }

  private readHeader(): boolean {
    if (this.end - this.at < STREAM_HEADER_BYTES) return false;
    this.head = decodeStateHeader(this.bytes, this.at);
    this.at += STREAM_HEADER_BYTES;
    this.itemsLeft = this.head.count;
    return true;
  }

  private readItem(): boolean {
    this.cursor = this.at;
    this.isShort = false;
    const step = this.varint();
    const serial = step === 0 ? this.varint() : this.lastInOrder + step;
    const modRevision = this.varint();
    const keyLength = this.varint();
    const valueLength = this.varint();
    if (this.isShort) return false;
    this.checkItem(serial, modRevision, keyLength + valueLength);
    const keyTo = this.cursor + keyLength;
    const valueTo = keyTo + valueLength;
    if (valueTo > this.end) return false;
    this.serial = serial;
    this.inOrder = step !== 0;
    this.modRevision = modRevision;
    this.keyFrom = this.cursor;
    this.keyTo = keyTo;
    this.valueTo = valueTo;
    const { view, keyFrom } = this;
    const content = murmur3View(view, keyTo, valueTo, murmur3View(view, keyFrom, keyTo, 0));
    this.share = itemShare(content, modRevision, serial);
    this.sum = (this.sum + this.share) | 0;
    if (step !== 0) this.lastInOrder = serial;
    this.at = valueTo;
    return true;
  }

  private checkItem(serial: number, modRevision: number, length: number): void {
    const { keysCreated, revision } = this.head!;
    if (serial === 0 || serial > keysCreated) {
      throw new MalformedState(`the item numbered ${serial} of ${keysCreated}`);
    }
    if (modRevision === 0 || modRevision > revision) {
      throw new MalformedState(`an item of revision ${modRevision} in a state of ${revision}`);
    }
    if (length > ITEM_BYTES_MAX) throw new MalformedState(`an item of ${length} bytes`);
  }

  private readTrailer(): boolean {
    if (this.end - this.at < STREAM_TRAILER_BYTES) return false;
    const { revision, keysCreated } = this.head!;
    if ((readU32(this.bytes, this.at) | 0) !== stateHash(this.sum, revision, keysCreated)) {
      throw new MalformedState('its items do not have the hash of the state');
    }
    this.at += STREAM_TRAILER_BYTES;
    this.isEnded = true;
    return true;
  }

  /** At the cursor; `isShort` when it is not whole. */
  private varint(): number {
    const { bytes, end } = this;
    let value = 0;
    let unit = 1;
    for (let length = 1; length <= VARINT_BYTES_MAX; length++) {
      if (this.cursor >= end) {
        this.isShort = true;
        return 0;
      }
      const byte = bytes[this.cursor++]!;
      if (byte < 0x80) {
        value += byte * unit;
        if ((byte === 0 && length > 1) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      value += (byte & 0x7f) * unit;
      unit *= 128;
    }
    throw new MalformedState('a number that is not written as it should be');
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** An item as an object; key and value are copies. */
export interface StateItem {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly modRevision: number;
  readonly serial: number;
}

/**
 * The items of a state whose stream comes in pieces, cut anywhere, in the order of the stream: that
 * of their creation but for those that changed while the snapshot was taken.
 * @throws MalformedState as the reader does, and when the pieces end before the stream.
 */
export function* stateItems(pieces: Iterable<Uint8Array>): Generator<StateItem, void> {
  const reader = new StateItemReader();
  for (const piece of pieces) {
    reader.push(piece);
    while (reader.next()) {
      const { bytes, keyFrom, keyTo, valueTo, modRevision, serial } = reader;
      yield {
        key: bytes.slice(keyFrom, keyTo),
        value: bytes.slice(keyTo, valueTo),
        modRevision,
        serial,
      };
    }
  }
  if (!reader.ended) throw new MalformedState('it ends early');
}
