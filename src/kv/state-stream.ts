import { ByteReader, ByteWriter } from '../base/bytes.ts';
import { type Revision, revision } from '../base/ids.ts';

/*
 * A state as a stream of bytes, which may be cut anywhere. Fixed fields are little-endian; a varint
 * has 7 bits a byte, the lowest first, and none more than it needs.
 *
 *   header   version u8 · revision u64 · keysCreated u64 · count u64
 *   items    as many as the count says, each
 *              step varint           how far its serial is above that of the last item with a step
 *              serial varint         only where the step is 0: out of the order of creation
 *              modRevision, keyLength, valueLength varint
 *              key, value
 *   trailer  hash u32: of the state (state-hash.ts), so of everything above but the count
 *
 * For a key of 16 and a value of 64 bytes that is 7 bytes around them, where fixed fields would be
 * 24: less to write, to check, to send and to keep.
 */
export const STREAM_VERSION = 1;
export const STREAM_HEADER_BYTES = 25;
export const STREAM_TRAILER_BYTES = 4;
/** Of what stands before the key of an item: five varints. */
export const ITEM_HEAD_BYTES_MAX = 5 * 8;
/** Of a key and its value together; a length above it is nonsense. */
export const ITEM_BYTES_MAX = 2 ** 30;

/** The stream is not what a state is written as, or not the whole of it, or its hash is another. */
export class MalformedState extends Error {
  override readonly name = 'MalformedState';

  constructor(what: string) {
    super(`not the stream of a state: ${what}`);
  }
}

export interface StateHeader {
  readonly revision: Revision;
  /** How many keys were ever created: no serial is above it. */
  readonly keysCreated: number;
  /** How many keys there are. */
  readonly count: number;
}

export function encodeStateHeader(header: StateHeader): Uint8Array {
  const writer = new ByteWriter(STREAM_HEADER_BYTES);
  return writer
    .u8(STREAM_VERSION)
    .u64(header.revision)
    .u64(header.keysCreated)
    .u64(header.count)
    .view();
}

/** @param bytes STREAM_HEADER_BYTES of them, from `at` on. */
export function decodeStateHeader(bytes: Uint8Array, at: number): StateHeader {
  const reader = new ByteReader(bytes, at, at + STREAM_HEADER_BYTES);
  const version = reader.u8();
  if (version !== STREAM_VERSION) throw new MalformedState(`its version is ${version}`);
  const header = {
    revision: revision(reader.u64()),
    keysCreated: reader.u64(),
    count: reader.u64(),
  };
  if (!reader.ok) throw new MalformedState('a number of its header is above 2^53');
  if (header.count > header.keysCreated) {
    throw new MalformedState(`${header.count} keys where ${header.keysCreated} were created`);
  }
  return header;
}

/** Writes a whole number below 2^53, in at most 8 bytes.
 *  @returns the place behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  for (; rest >= 0x80; rest = rest < 2 ** 31 ? rest >>> 7 : Math.floor(rest / 128)) {
    bytes[to++] = (rest & 0x7f) | 0x80;
  }
  bytes[to++] = rest;
  return to;
}
