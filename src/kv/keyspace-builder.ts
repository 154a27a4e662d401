import { CellTable, SHARD_BITS } from './cell-table.ts';
import { Cells } from './cells.ts';
import { CreationOrder } from './creation-order.ts';
import type { HashKey } from './half-sip-hash.ts';
import { KeyOrder } from './key-order.ts';
import { Keyspace } from './keyspace.ts';
import { RadixSort } from './radix-sort.ts';
import type { Address } from './slab.ts';
import type { StateItemReader } from './state-item-reader.ts';
import { MalformedState } from './state-stream.ts';

const WORD = 2 ** 32;
const LIST_BITS = 15;
const LIST_MASK = (1 << LIST_BITS) - 1;
/** What is done in one go, in cells. */
const SLICE = 1024;

/** Cells with the hashes of their keys, in pieces, so that it grows without a stop. */
class CellList {
  private readonly pieces: Int32Array[] = [];
  length = 0;

  push(address: Address, hash: number): void {
    const at = this.length & LIST_MASK;
    if (at === 0) this.pieces.push(new Int32Array(2 << LIST_BITS));
    const piece = this.pieces[this.length >> LIST_BITS]!;
    piece[2 * at] = address;
    piece[2 * at + 1] = hash;
    this.length++;
  }

  address(at: number): Address {
    return this.pieces[at >> LIST_BITS]![2 * (at & LIST_MASK)]!;
  }

  hash(at: number): number {
    return this.pieces[at >> LIST_BITS]![2 * (at & LIST_MASK) + 1]!;
  }
}

/**
 * Makes a keyspace out of items, several times as fast as one key after the other: the cells as the
 * items come; at the end, in slices, the table shard by shard, the order of creation by one merge,
 * and the tree from one sort (key-order.ts). Each looks at memory in its order, not here and there.
 */
export class KeyspaceBuilder {
  private readonly hashKey: HashKey;
  private readonly cells = new Cells();
  private readonly table: CellTable;
  private readonly inOrder = new CellList();
  /** Those that came out of the order of their creation. */
  private readonly strays = new CellList();
  private readonly postponesOrder: boolean;

  /** @param postponesOrder as `Keyspace.postponeOrder`: for whoever replays a log behind the items. */
  constructor(hashKey: HashKey, postponesOrder: boolean) {
    this.hashKey = hashKey;
    this.postponesOrder = postponesOrder;
    this.table = new CellTable(this.cells, hashKey);
  }

  /** The item that the reader has just read. */
  add(item: StateItemReader): void {
    const { cells } = this;
    const { keyFrom, keyTo } = item;
    const address = cells.restore(
      item.view,
      keyFrom,
      keyTo - keyFrom,
      item.valueTo - keyTo,
      item.serial,
      item.modRevision,
      item.share,
    );
    const list = item.inOrder ? this.inOrder : this.strays;
    list.push(address, this.table.hash(item.bytes, keyFrom, keyTo));
  }

  /** Yields what each slice has cost, in cells looked at.
   *  @throws MalformedState where a key or a serial came twice. */
  *build(keysCreated: number, digest: number): Generator<number, Keyspace> {
    const { cells, table } = this;
    yield* this.fillTable();
    const strays = yield* this.sortStrays();
    const creation = new CreationOrder(cells);
    yield* this.merge(strays, creation);
    const order = new KeyOrder(cells, creation);
    order.postpone();
    if (!this.postponesOrder) yield* order.arranging();
    return Keyspace.of(this.hashKey, { cells, table, order, creation, keysCreated, digest });
  }

  private *fillTable(): Generator<number, void> {
    const { inOrder, strays, table } = this;
    const radix = new RadixSort(inOrder.length + strays.length);
    let at = 0;
    for (const list of [inOrder, strays]) {
      for (let i = 0; i < list.length; i++) {
        radix.put(at++, list.address(i), list.hash(i), 0);
        if (at % SLICE === 0) yield SLICE;
      }
    }
    yield* radix.sort(0, at, SHARD_BITS / 8);
    for (let from = 0; from < at; ) {
      const to = table.addShard(radix.high, radix.address, from);
      yield to - from;
      from = to;
    }
  }

  private *sortStrays(): Generator<number, Int32Array> {
    const { cells, strays } = this;
    const radix = new RadixSort(strays.length);
    for (let at = 0; at < strays.length; at++) {
      const serial = cells.serial(strays.address(at));
      radix.put(at, strays.address(at), serial / WORD, serial);
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

  /** Both lists, by serial, into the order of creation. */
  private *merge(strays: Int32Array, creation: CreationOrder): Generator<number, void> {
    const { cells, inOrder, table } = this;
    let stray = 0;
    for (let at = 0; at < table.size; at++) {
      let address: Address;
      if (stray === strays.length) address = inOrder.address(at - stray);
      else if (at - stray === inOrder.length) address = strays[stray++]!;
      else {
        const [a, b] = [inOrder.address(at - stray), strays[stray]!];
        const [serial, straySerial] = [cells.serial(a), cells.serial(b)];
        if (serial === straySerial) throwTwice(serial);
        address = serial < straySerial ? a : strays[stray++]!;
      }
      creation.append(address);
      if (at % SLICE === 0) yield SLICE;
    }
  }
}

function throwTwice(serial: number): never {
  throw new MalformedState(`two of its keys were created as number ${serial}`);
}
