import { byteString } from '../base/bytes.ts';
import type { Revision } from '../base/ids.ts';
import { BTree } from './b-tree.ts';
import { mix, murmur3 } from './murmur3.ts';

/** What a key stands for. Written only by the keyspace. */
export interface Item {
  /** A byte string. A one-byte string is compact and, unlike a view of a buffer, costs the garbage
   *  collector one object. */
  value: string;
  /** The revision that wrote the value. */
  modRevision: Revision;
  /** The key's share of `Keyspace.digest`. */
  share: number;
}

/**
 * All keys with their values: a hash for point look-ups beside an ordered tree for ranges. Keys and
 * values are byte strings (base/native.ts), flat copies that pin nothing.
 */
export class Keyspace {
  private readonly items = new Map<string, Item>();
  private readonly order = new BTree();
  private sum = 0;

  get size(): number {
    return this.items.size;
  }

  /**
   * A signed 32-bit hash of every key, value and revision. It is the sum of a share per key, so it
   * neither depends on the order of the changes nor on how the keyspace came to be: one restored
   * from a snapshot has the digest of the one that was saved.
   */
  get digest(): number {
    return this.sum;
  }

  get(key: string): Readonly<Item> | undefined {
    return this.items.get(key);
  }

  /** Takes the bytes beside the key's string because the caller has both. Copies the value. */
  set(key: string, keyBytes: Uint8Array, value: Uint8Array, modRevision: Revision): void {
    const share = shareOf(keyBytes, value, modRevision);
    const item = this.items.get(key);
    if (item === undefined) {
      this.items.set(key, { value: byteString(value), modRevision, share });
      this.order.add(key);
      this.sum = (this.sum + share) | 0;
    } else {
      this.sum = (this.sum - item.share + share) | 0;
      item.value = byteString(value);
      item.modRevision = modRevision;
      item.share = share;
    }
  }

  /** @returns whether the key was there. */
  delete(key: string): boolean {
    const item = this.items.get(key);
    if (item === undefined) return false;
    this.items.delete(key);
    this.order.delete(key);
    this.sum = (this.sum - item.share) | 0;
    return true;
  }

  /** The keys from the first that is not below `start`, in the order of their bytes. Nothing may
   *  change while this runs. */
  keysFrom(start: string): Generator<string, void> {
    return this.order.from(start);
  }
}

/** Seeds the value's hash with the key's, whose length it covers: no two pairs run together. */
function shareOf(key: Uint8Array, value: Uint8Array, modRevision: Revision): number {
  const keyHash = murmur3(key, 0, key.length, 0);
  return mix(murmur3(value, 0, value.length, keyHash), modRevision);
}
