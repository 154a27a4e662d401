import { StateItemReader } from '../../kv/state-item-reader.ts';
import { MalformedState, type StateHeader } from '../../kv/state-stream.ts';
import type { Snapshot, SnapshotShape } from '../../storage/snapshot-file.ts';
import { SnapshotVerifier } from '../../storage/snapshot-verifier.ts';

/** The bytes are not those of a snapshot, or not those that were written. */
export class DamagedSnapshot extends Error {
  override readonly name = 'DamagedSnapshot';
  /** Of the file; the byte where the piece begins that is bad. */
  readonly offset: number;
  /** The number of the block that is bad, from 0; null: it is the header, the footer or the end. */
  readonly block: number | null;

  constructor(what: string, offset: number, block: number | null) {
    super(what);
    this.offset = offset;
    this.block = block;
  }
}

/** Who wants to see a snapshot go by. */
export interface SnapshotListener {
  /** Part of the state's stream: a slice, to be copied if it is kept. */
  onPayload?(payload: Uint8Array): void;
  /** An item stands in the fields of the reader (state-item-reader.ts). */
  onItem?(item: StateItemReader): void;
}

/**
 * A snapshot's bytes from the first to the last, none of them believed before its checksum was: the
 * verifier is that of a follower that receives one, and every item is read and hashed, so that at the
 * end the hash of the whole state is compared too.
 */
export class SnapshotStream {
  private readonly verifier = new SnapshotVerifier();
  private readonly items = new StateItemReader();
  private readonly listener: SnapshotListener;

  constructor(listener: SnapshotListener = {}) {
    this.listener = listener;
  }

  /** Where the next piece begins. */
  get offset(): number {
    return this.verifier.offset;
  }

  get blocks(): number {
    return this.verifier.blocks;
  }

  get isWhole(): boolean {
    return this.verifier.isWhole;
  }

  /** What the snapshot says of itself; null until that was read. */
  get state(): StateHeader | null {
    return this.items.header;
  }

  /**
   * Takes the whole pieces that `bytes` begins with, which stand at `offset` of the file.
   * @returns how many bytes that were.
   * @throws DamagedSnapshot
   */
  take(bytes: Uint8Array): number {
    const { verifier } = this;
    let taken: number | string;
    try {
      taken = verifier.take(bytes, 0, bytes.length, (payload) => this.takePayload(payload));
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      throw new DamagedSnapshot(error.message, verifier.offset, verifier.blocks - 1);
    }
    if (typeof taken === 'number') return taken;
    const isBlock = taken.startsWith('block');
    throw new DamagedSnapshot(taken, verifier.offset, isBlock ? verifier.blocks : null);
  }

  /** To be called behind the last byte. @throws DamagedSnapshot when something is missing. */
  end(): WholeSnapshot {
    const { verifier, items } = this;
    if (!verifier.isWhole) throw new DamagedSnapshot('it is cut off', verifier.offset, null);
    if (!items.ended || items.header === null) {
      throw new DamagedSnapshot('the state in it ends early', verifier.offset, null);
    }
    const { snapshot, shape, blocks } = verifier;
    return { snapshot, shape, blocks, state: items.header };
  }

  private takePayload(payload: Uint8Array): void {
    const { items, listener } = this;
    listener.onPayload?.(payload);
    items.push(payload);
    while (items.next()) listener.onItem?.(items);
  }
}

/** What was read to its end and found right. */
export interface WholeSnapshot {
  readonly snapshot: Snapshot;
  readonly shape: SnapshotShape;
  readonly blocks: number;
  readonly state: StateHeader;
}
