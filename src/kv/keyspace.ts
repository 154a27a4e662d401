import { EMPTY_BYTES } from '../base/bytes.ts';
import type { Revision } from '../base/ids.ts';
import { BTree } from './b-tree.ts';
import { CellTable } from './cell-table.ts';
import { Cells } from './cells.ts';
import type { HashKey } from './half-sip-hash.ts';
import { mix, murmur3 } from './murmur3.ts';
import { type Address, NOWHERE } from './slab.ts';

/**
 * All keys with their values: a table for point look-ups beside an ordered tree for ranges. The data
 * is in memory that the garbage collector does not look at (slab.ts): a million keys cost it as
 * little as one. An address that `find` gives is good until the next change.
 */
export class Keyspace {
  private readonly cells = new Cells();
  private readonly table: CellTable;
  private readonly order: BTree;
  private sum = 0;

  /** @param hashKey the secret of this node's table; nothing that can be seen depends on it. */
  constructor(hashKey: HashKey) {
    this.table = new CellTable(this.cells, hashKey);
    this.order = new BTree(this.cells);
  }

  get size(): number {
    return this.table.size;
  }

  /** Memory taken for keys and values, in bytes. */
  get bytesReserved(): number {
    return this.cells.bytesReserved;
  }

  /**
   * A signed 32-bit hash of every key, value and revision. It is the sum of a share per key, so it
   * neither depends on the order of the changes nor on how the keyspace came to be: one restored
   * from a snapshot has the digest of the one that was saved.
   */
  get digest(): number {
    return this.sum;
  }

  /** Where key[from, to) is, or NOWHERE. */
  find(key: Uint8Array, from = 0, to = key.length): Address {
    return this.table.find(this.table.hash(key, from, to), key, from, to);
  }

  /** The value at an address, as a byte string. */
  value(address: Address): string {
    return this.cells.value(address);
  }

  /** The revision that wrote the value. */
  modRevision(address: Address): Revision {
    return this.cells.modRevision(address);
  }

  /** Takes key and value from anywhere in larger arrays, and copies both. */
  set(
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    modRevision: Revision,
  ): void {
    const { cells, table, order } = this;
    const keyHash = murmur3(key, keyFrom, keyTo, 0);
    const share = mix(murmur3(value, valueFrom, valueTo, keyHash), modRevision);
    const hash = table.hash(key, keyFrom, keyTo);
    const found = table.find(hash, key, keyFrom, keyTo);
    const valueBytes = valueTo - valueFrom;
    let address = found;
    if (found === NOWHERE) {
      address = cells.create(key, keyFrom, keyTo, valueBytes);
      table.add(hash, address);
      order.add(address, key, keyFrom, keyTo);
    } else {
      this.sum = (this.sum - cells.share(found)) | 0;
      address = cells.resize(found, valueBytes);
      if (address !== found) {
        table.move(hash, found, address);
        order.move(address, key, keyFrom, keyTo);
        cells.free(found);
      }
    }
    cells.write(address, value, valueFrom, modRevision, share);
    this.sum = (this.sum + share) | 0;
  }

  /** @returns whether the key was there. */
  delete(key: Uint8Array): boolean {
    const { cells, table } = this;
    const hash = table.hash(key, 0, key.length);
    const address = table.find(hash, key, 0, key.length);
    if (address === NOWHERE) return false;
    table.remove(hash, address);
    this.order.remove(key, 0, key.length);
    this.sum = (this.sum - cells.share(address)) | 0;
    cells.free(address);
    return true;
  }

  /** The keys, as byte strings, from the first that is not below `start`, in the order of their
   *  bytes. Nothing may change while this runs. */
  *keysFrom(start: Uint8Array = EMPTY_BYTES): Generator<string, void> {
    for (const address of this.order.notBelow(start, 0, start.length))
      yield this.cells.key(address);
  }
}
