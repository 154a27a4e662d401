import type { Revision } from '../base/ids.ts';
import { BTree } from './b-tree.ts';
import { buildTree } from './b-tree-builder.ts';
import { CellTable } from './cell-table.ts';
import { Cells } from './cells.ts';
import { CreationOrder } from './creation-order.ts';
import type { HashKey } from './half-sip-hash.ts';
import { KeySort } from './key-sort.ts';
import { Keyspace } from './keyspace.ts';
import { RadixSort } from './radix-sort.ts';
import type { Address } from './slab.ts';
import type { StateItemReader } from './state-item-reader.ts';
import { MalformedState } from './state-stream.ts';

const WORD = 2 ** 32;
const LIST_BITS = 16;
const LIST_MASK = (1 << LIST_BITS) - 1;
/** What is done in one go, in cells. */
const SLICE = 1024;

/** Addresses, in pieces, so that it grows without a stop. */
class AddressList {
  private readonly pieces: Int32Array[] = [];
  length = 0;

  push(address: Address): void {
    if ((this.length & LIST_MASK) === 0) this.pieces.push(new Int32Array(1 << LIST_BITS));
    this.pieces[this.length >> LIST_BITS]![this.length & LIST_MASK] = address;
    this.length++;
  }

  at(at: number): Address {
    return this.pieces[at >> LIST_BITS]![at & LIST_MASK]!;
  }
}

/**
 * Makes a keyspace out of items, faster than one key after the other: cells and table as the items
 * come; the order of creation by one merge, and the tree from one sort, at the end, in slices.
 */
export class KeyspaceBuilder {
  private readonly hashKey: HashKey;
  private readonly cells = new Cells();
  private readonly table: CellTable;
  private readonly inOrder = new AddressList();
  /** Those that came out of the order of their creation. */
  private readonly strays = new AddressList();

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
    this.table = new CellTable(this.cells, hashKey);
  }

  /** So many items will come: believed only as far as it costs little. */
  expect(count: number): void {
    this.table.expect(count);
  }

  /** The item that the reader has just read. */
  add(item: StateItemReader): void {
    const { cells, table } = this;
    const { bytes, keyFrom, keyTo, valueTo } = item;
    const address = cells.create(bytes, keyFrom, keyTo, valueTo - keyTo, item.serial);
    cells.write(address, bytes, keyTo, item.modRevision as Revision, item.share);
    table.add(table.hash(bytes, keyFrom, keyTo), address);
    if (item.inOrder) this.inOrder.push(address);
    else this.strays.push(address);
  }

  /** Yields what each slice has cost, in cells looked at.
   *  @throws MalformedState where a key or a serial came twice. */
  *build(keysCreated: number, digest: number): Generator<number, Keyspace> {
    const { cells, table } = this;
    const strays = yield* this.sortStrays();
    const creation = new CreationOrder(cells);
    const keys = new KeySort(cells, table.size);
    yield* this.merge(strays, creation, keys);
    yield* keys.sort();
    const order = new BTree(cells);
    yield* buildTree(order, keys.addresses);
    return Keyspace.of(this.hashKey, { cells, table, order, creation, keysCreated, digest });
  }

  private *sortStrays(): Generator<number, Int32Array> {
    const { cells, strays } = this;
    const radix = new RadixSort(strays.length);
    for (let at = 0; at < strays.length; at++) {
      const serial = cells.serial(strays.at(at));
      radix.put(at, strays.at(at), serial / WORD, serial);
      if (at % SLICE === 0) yield SLICE;
    }
    yield* radix.sort(0, strays.length);
    const { high, low, address } = radix;
    for (let at = 1; at < strays.length; at++) {
      const isTwice = low[at] === low[at - 1] && high[at] === high[at - 1];
      if (isTwice) throwTwice(cells.serial(address[at]!));
      if (at % SLICE === 0) yield SLICE;
    }
    return address;
  }

  /** Both lists, by serial, into the order of creation and into what will be sorted by key. */
  private *merge(
    strays: Int32Array,
    creation: CreationOrder,
    keys: KeySort,
  ): Generator<number, void> {
    const { cells, inOrder } = this;
    let stray = 0;
    for (let at = 0; at < keys.length; at++) {
      let address: Address;
      if (stray === strays.length) address = inOrder.at(at - stray);
      else if (at - stray === inOrder.length) address = strays[stray++]!;
      else {
        const [a, b] = [inOrder.at(at - stray), strays[stray]!];
        const [serial, straySerial] = [cells.serial(a), cells.serial(b)];
        if (serial === straySerial) throwTwice(serial);
        address = serial < straySerial ? a : strays[stray++]!;
      }
      creation.append(address);
      keys.put(at, address);
      if (at % SLICE === 0) yield SLICE;
    }
  }
}

function throwTwice(serial: number): never {
  throw new MalformedState(`two of its keys were created as number ${serial}`);
}
