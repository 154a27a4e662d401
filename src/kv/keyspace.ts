import { assert } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import type { Revision } from '../base/ids.ts';
import { CellTable } from './cell-table.ts';
import { Cells } from './cells.ts';
import { CreationOrder } from './creation-order.ts';
import type { HashKey } from './half-sip-hash.ts';
import { KeyOrder } from './key-order.ts';
import { murmur3 } from './murmur3.ts';
import { type Address, NOWHERE } from './slab.ts';
import { itemShare } from './state-hash.ts';

/** What a key stands for, as it is until the next change: read it before. */
export class Item {
  private readonly cells: Cells;
  private readonly address: Address;

  constructor(cells: Cells, address: Address) {
    this.cells = cells;
    this.address = address;
  }

  /** A byte string, as the value. */
  get key(): string {
    return this.cells.key(this.address);
  }

  get value(): string {
    return this.cells.value(this.address);
  }

  get valueLength(): number {
    return this.cells.valueLength(this.address);
  }

  /** The revision that wrote the value. */
  get modRevision(): Revision {
    return this.cells.modRevision(this.address);
  }

  /** Which key this was to be created: 1 for the first ever, and never used again. */
  get serial(): number {
    return this.cells.serial(this.address);
  }
}

/** Is told before a cell is overwritten or given back. */
export interface CellWatch {
  beforeChange(address: Address): void;
}

/** What a keyspace is made of. */
export interface KeyspaceParts {
  readonly cells: Cells;
  readonly table: CellTable;
  readonly order: KeyOrder;
  readonly creation: CreationOrder;
  readonly keysCreated: number;
  readonly digest: number;
}

/**
 * All keys with their values: a table for point look-ups beside an ordered tree for ranges, and the
 * order of creation for SCAN. The data is in memory that the garbage collector does not look at
 * (slab.ts): a million keys cost it as little as one.
 */
export class Keyspace {
  private readonly hashKey: HashKey;
  private cells: Cells;
  private table: CellTable;
  private order: KeyOrder;
  private creation: CreationOrder;
  private created = 0;
  private sum = 0;
  private watch: CellWatch | null = null;

  /** @param hashKey the secret of this node's table; nothing that can be seen depends on it. */
  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
    this.cells = new Cells();
    this.table = new CellTable(this.cells, hashKey);
    this.creation = new CreationOrder(this.cells);
    this.order = new KeyOrder(this.cells, this.creation);
  }

  /** A keyspace of parts that belong to nobody else. */
  static of(hashKey: HashKey, parts: KeyspaceParts): Keyspace {
    const keyspace = new Keyspace(hashKey);
    keyspace.cells = parts.cells;
    keyspace.table = parts.table;
    keyspace.order = parts.order;
    keyspace.creation = parts.creation;
    keyspace.created = parts.keysCreated;
    keyspace.sum = parts.digest;
    return keyspace;
  }

  get size(): number {
    return this.table.size;
  }

  /** Memory taken for keys and values, in bytes. */
  get bytesReserved(): number {
    return this.cells.bytesReserved;
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

  has(key: Uint8Array): boolean {
    return this.find(key) !== NOWHERE;
  }

  get(key: Uint8Array): Item | undefined {
    const address = this.find(key);
    return address === NOWHERE ? undefined : new Item(this.cells, address);
  }

  /** The value of a key as a byte string: `get` without an object. */
  value(key: Uint8Array): string | undefined {
    const address = this.find(key);
    return address === NOWHERE ? undefined : this.cells.value(address);
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
    const { cells, table } = this;
    const hash = table.hash(key, keyFrom, keyTo);
    const found = table.find(hash, key, keyFrom, keyTo);
    const valueBytes = valueTo - valueFrom;
    let address = found;
    if (found === NOWHERE) {
      address = cells.create(key, keyFrom, keyTo, valueBytes, ++this.created);
      table.add(hash, address);
      this.order.add(address, key, keyFrom, keyTo);
      this.creation.append(address);
    } else {
      if (this.watch !== null) this.watch.beforeChange(found);
      this.sum = (this.sum - cells.share(found)) | 0;
      address = cells.resize(found, valueBytes);
      if (address !== found) this.moved(hash, found, address, key, keyFrom, keyTo);
    }
    const content = murmur3(value, valueFrom, valueTo, murmur3(key, keyFrom, keyTo, 0));
    const share = itemShare(content, modRevision, cells.serial(address));
    cells.write(address, value, valueFrom, modRevision, share);
    this.sum = (this.sum + share) | 0;
  }

  /** @returns whether the key was there. */
  delete(key: Uint8Array): boolean {
    const { cells, table } = this;
    const hash = table.hash(key, 0, key.length);
    const address = table.find(hash, key, 0, key.length);
    if (address === NOWHERE) return false;
    if (this.watch !== null) this.watch.beforeChange(address);
    table.remove(hash, address);
    this.creation.remove(cells.serial(address));
    this.sum = (this.sum - cells.share(address)) | 0;
    this.order.remove(address, key, 0, key.length);
    return true;
  }

  /** Takes no longer for many keys than for few: what is dropped is left to the collector, or to
   *  whoever walks it: nothing changes there any more. */
  clear(): void {
    this.watch = null;
    this.cells = new Cells();
    this.table = new CellTable(this.cells, this.hashKey);
    this.creation = new CreationOrder(this.cells);
    this.order = new KeyOrder(this.cells, this.creation);
    this.sum = 0;
  }

  /** From now on keys are not put in order, until `arrange`: for whoever replays a log. There must be
   *  none yet. */
  postponeOrder(): void {
    assert(this.size === 0, () => `${this.size} keys are in order already`);
    this.order.postpone();
  }

  /** Puts in order what was postponed. @param workMax and @returns as KeyOrder. */
  arrange(workMax: number): boolean {
    return this.order.arrange(workMax);
  }

  /** The keys, as byte strings, from the first that is not below `start`, in the order of their
   *  bytes. Nothing may change while this runs. */
  *keysFrom(start: Uint8Array = EMPTY_BYTES): Generator<string, void> {
    for (const address of this.order.notBelow(start, 0, start.length))
      yield this.cells.key(address);
  }

  /** The items created before the one numbered `serial`, the newest first. Nothing may change while
   *  this runs. */
  *createdBefore(serial: number): Generator<Item, void> {
    for (const address of this.creation.newestBelow(serial)) yield new Item(this.cells, address);
  }

  /** The item that so many are older than, if there are more than those. */
  itemAt(rank: number): Item | undefined {
    const address = this.creation.at(rank);
    return address === undefined ? undefined : new Item(this.cells, address);
  }

  /**
   * For a walk over the cells as they are now, which may go on while they change: `watch` is told
   * before each change, until `unwatch` or `clear`, which leaves the walk what it walks.
   */
  walk(watch: CellWatch): Pick<KeyspaceParts, 'cells' | 'creation'> {
    assert(this.watch === null, () => 'the keyspace is being walked already');
    this.watch = watch;
    return { cells: this.cells, creation: this.creation };
  }

  unwatch(watch: CellWatch): void {
    if (this.watch === watch) this.watch = null;
  }

  /** Where a key is, or NOWHERE: good until the next change. */
  private find(key: Uint8Array): Address {
    return this.table.find(this.table.hash(key, 0, key.length), key, 0, key.length);
  }

  private moved(
    hash: number,
    before: Address,
    after: Address,
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
  ): void {
    this.table.move(hash, before, after);
    this.creation.move(this.cells.serial(before), after);
    this.order.move(before, after, key, keyFrom, keyTo);
  }
}
