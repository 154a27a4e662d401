import { byteString } from '../base/bytes.ts';
import type { Revision } from '../base/ids.ts';
import { BTree } from './b-tree.ts';
import { CreationOrder } from './creation-order.ts';
import { mix, murmur3 } from './murmur3.ts';
import { ShardedMap } from './sharded-map.ts';

/** What a key stands for. Written only by the keyspace. */
export interface Item {
  /** A byte string. A one-byte string is compact and, unlike a view of a buffer, costs the garbage
   *  collector one object. */
  value: string;
  /** The revision that wrote the value. */
  modRevision: Revision;
  /** The key's share of `Keyspace.digest`. */
  share: number;
  /** The same string as the one it is found by. */
  readonly key: string;
  /** Which key this was to be created: 1 for the first ever, and never used again. */
  readonly serial: number;
}

/**
 * All keys with their values: a hash for point look-ups beside an ordered tree for ranges, and the
 * order of creation for SCAN. Keys and values are byte strings (base/native.ts), flat copies that
 * pin nothing.
 */
export class Keyspace {
  private items = new ShardedMap<Item>();
  private readonly order = new BTree();
  private readonly creation = new CreationOrder<Item>();
  private created = 0;
  private sum = 0;

  get size(): number {
    return this.items.size;
  }

  /** How many keys were ever created. A part of the state: the next one gets this plus one. */
  get keysCreated(): number {
    return this.created;
  }

  /**
   * A signed 32-bit hash of every key, value, revision and serial. It is the sum of a share per
   * key, so it does not depend on the changes that led here: a keyspace restored from a snapshot
   * has the digest of the one that was saved.
   */
  get digest(): number {
    return this.sum;
  }

  get(key: string): Readonly<Item> | undefined {
    return this.items.get(key);
  }

  /** Takes the bytes beside the key's string because the caller has both. Copies the value. */
  set(key: string, keyBytes: Uint8Array, value: Uint8Array, modRevision: Revision): void {
    const item = this.items.get(key);
    if (item === undefined) {
      this.create(key, keyBytes, value, modRevision);
      return;
    }
    const share = shareOf(keyBytes, value, modRevision, item.serial);
    this.sum = (this.sum - item.share + share) | 0;
    item.value = byteString(value);
    item.modRevision = modRevision;
    item.share = share;
  }

  /** @returns whether the key was there. */
  delete(key: string): boolean {
    const item = this.items.get(key);
    if (item === undefined) return false;
    this.items.delete(key);
    this.order.delete(key);
    this.creation.remove(item);
    this.sum = (this.sum - item.share) | 0;
    return true;
  }

  /** Takes no longer for many keys than for few: what is dropped is left to the collector. */
  clear(): void {
    this.items = new ShardedMap();
    this.order.clear();
    this.creation.clear();
    this.sum = 0;
  }

  /** The keys from the first that is not below `start`, in the order of their bytes. Nothing may
   *  change while this runs. */
  keysFrom(start: string): Generator<string, void> {
    return this.order.from(start);
  }

  /** The items created before the one numbered `serial`, the newest first. Nothing may change while
   *  this runs. */
  createdBefore(serial: number): Generator<Readonly<Item>, void> {
    return this.creation.newestBelow(serial);
  }

  /** @param below as in `CreationOrder.pick` */
  randomItem(below: (n: number) => number): Readonly<Item> | undefined {
    return this.creation.pick(below);
  }

  private create(key: string, keyBytes: Uint8Array, value: Uint8Array, at: Revision): void {
    const serial = ++this.created;
    const share = shareOf(keyBytes, value, at, serial);
    const item = { value: byteString(value), modRevision: at, share, key, serial };
    this.items.set(key, item);
    this.order.add(key);
    this.creation.append(item);
    this.sum = (this.sum + share) | 0;
  }
}

/** Seeds the value's hash with the key's, whose length it covers: no two pairs run together. */
function shareOf(key: Uint8Array, value: Uint8Array, at: Revision, serial: number): number {
  const keyHash = murmur3(key, 0, key.length, 0);
  return mix(mix(murmur3(value, 0, value.length, keyHash), at), serial);
}
