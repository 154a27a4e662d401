import { assert } from '../base/assert.ts';
import { writeU32 } from '../base/bytes.ts';
import type { Revision } from '../base/ids.ts';
import { BLOCK_BYTES, ByteBlocks } from './byte-blocks.ts';
import type { Cells } from './cells.ts';
import type { CreationOrder } from './creation-order.ts';
import type { Keyspace } from './keyspace.ts';
import type { Address } from './slab.ts';
import { stateHash } from './state-hash.ts';
import {
  encodeStateHeader,
  ITEM_HEAD_BYTES_MAX,
  STREAM_HEADER_BYTES,
  STREAM_TRAILER_BYTES,
  writeVarint,
} from './state-stream.ts';

/** So many bytes asked for let the walk look at one cell, whether or not that is in the state. */
const BYTES_PER_VISIT = 16;

/**
 * The state of one instant as a stream of bytes (state-stream.ts), written down bit by bit while
 * the state goes on changing: a copy on write, cell by cell.
 *
 * It walks the cells in the order of their creation; a serial tells where it is, whatever comes and
 * goes. A cell that a later revision has written is not of that instant any more. One that is about
 * to be overwritten or deleted before the walk has come to it is written to the stream at once, out
 * of order, and waits there. So every item of the instant is in the stream once, and the stream's
 * length doesn't depend on what happens meanwhile: a walk always comes to its end.
 *
 * Memory: what `next` has not handed out yet, at most one call's worth and the items that were
 * overwritten or deleted since and before; never more than the stream. FLUSHALL costs nothing, but
 * what it dropped stays in memory until the end of the walk.
 */
export class StateSnapshot {
  /** Of the instant. */
  readonly revision: Revision;
  private readonly keyspace: Keyspace;
  private readonly cells: Cells;
  private readonly creation: CreationOrder;
  private readonly hash: number;
  private readonly out = new ByteBlocks();
  private readonly head = new Uint8Array(ITEM_HEAD_BYTES_MAX);
  /** Items of the instant that are not in the stream yet. */
  private itemsLeft: number;
  /** The walk has looked at every cell whose serial is not above it. */
  private position = 0;
  /** Of the last item that the walk wrote. */
  private lastSerial = 0;
  private isWhole = false;
  private isEnded = false;

  constructor(keyspace: Keyspace, revision: Revision) {
    const { keysCreated, size: count } = keyspace;
    this.keyspace = keyspace;
    this.revision = revision;
    this.itemsLeft = count;
    this.hash = stateHash(keyspace.digest, revision, keysCreated);
    const { cells, creation } = keyspace.walk(this);
    this.cells = cells;
    this.creation = creation;
    this.out.append(encodeStateHeader({ revision, keysCreated, count }), 0, STREAM_HEADER_BYTES);
  }

  /** Written to the stream and not handed out yet, in bytes. */
  get bufferedBytes(): number {
    return this.out.length;
  }

  /** Whether it costs nothing any more: everything has been handed out, or `end` was called. */
  get ended(): boolean {
    return this.isEnded;
  }

  /**
   * The next bytes of the stream, and null when all have been handed out. They are valid until the next
   * call, and until the state changes. What it costs is bounded by `bytesMax`, and one item: so the
   * piece is empty where the walk has met nothing but what has changed meanwhile, and there is more
   * to come.
   * @param bytesMax above 0; more than 64 KiB at a time are never handed out.
   */
  next(bytesMax: number): Uint8Array | null {
    if (this.isEnded) return null;
    this.walk(Math.min(bytesMax, BLOCK_BYTES));
    if (this.isWhole && this.out.length === 0) {
      this.end();
      return null;
    }
    return this.out.take(bytesMax);
  }

  /** Done with, or abandoned: it costs nothing from now on. */
  end(): void {
    this.keyspace.unwatch(this);
    this.out.clear();
    this.isEnded = true;
  }

  /** The keyspace calls it before it overwrites or gives back a cell. */
  beforeChange(address: Address): void {
    const { cells } = this;
    const serial = cells.serial(address);
    if (serial <= this.position || cells.modRevision(address) > this.revision) return;
    const at = writeVarint(this.head, 0, 0);
    this.write(address, writeVarint(this.head, at, serial));
    this.close();
  }

  /** Goes on until so many bytes wait. */
  private walk(bytes: number): void {
    if (this.isWhole || this.out.length >= bytes) return;
    const { cells, out } = this;
    let visits = Math.ceil(bytes / BYTES_PER_VISIT);
    for (const address of this.creation.oldestFrom(this.position + 1)) {
      this.position = cells.serial(address);
      if (cells.modRevision(address) <= this.revision) {
        const step = this.position - this.lastSerial;
        this.lastSerial = this.position;
        this.write(address, writeVarint(this.head, 0, step));
      }
      if (this.itemsLeft === 0 || out.length >= bytes || --visits === 0) break;
    }
    this.close();
    assert(this.isWhole || out.length >= bytes || visits === 0, () => {
      return `${this.itemsLeft} items of a snapshot are not there`;
    });
  }

  /** @param headAt where the head of the item is to go on, behind what tells its serial. */
  private write(address: Address, headAt: number): void {
    const { cells, head, out } = this;
    const keyLength = cells.keyLength(address);
    const valueLength = cells.valueLength(address);
    let at = writeVarint(head, headAt, cells.modRevision(address));
    at = writeVarint(head, at, keyLength);
    at = writeVarint(head, at, valueLength);
    out.append(head, 0, at);
    const from = cells.keyFrom(address);
    out.append(cells.bytes(address), from, from + keyLength + valueLength);
    this.itemsLeft--;
  }

  /** Once every item is in the stream, no change matters any more. */
  private close(): void {
    if (this.itemsLeft > 0 || this.isWhole) return;
    this.isWhole = true;
    this.keyspace.unwatch(this);
    const trailer = new Uint8Array(STREAM_TRAILER_BYTES);
    writeU32(trailer, 0, this.hash);
    this.out.append(trailer, 0, STREAM_TRAILER_BYTES);
  }
}
