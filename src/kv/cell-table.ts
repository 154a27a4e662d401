import type { Cells } from './cells.ts';
import { type HashKey, halfSipHash } from './half-sip-hash.ts';
import { type Address, NOWHERE } from './slab.ts';

/** The highest of a hash tell the shard. */
export const SHARD_BITS = 8;
const SHARD_SHIFT = 32 - SHARD_BITS;
/** Pairs of a shard: always a power of two. So few fill the 64 bytes that V8 keeps on its own heap: a
 *  table of a few hundred keys asks the allocator for nothing. */
const PAIRS_MIN = 8;

/**
 * Finds a cell by its key: open addressing with linear probing. A pair is the hash of a key beside
 * the address of its cell, so that a search reads other memory only where it is all but found. In
 * 256 shards, each with a table of its own: a table that grows stops everything for as long as its
 * pairs take to move, on all replicas at the same entry, and a 256th part of them takes no time to
 * speak of.
 */
export class CellTable {
  private readonly cells: Cells;
  private readonly hashKey: HashKey;
  /** Pairs of hash and address; NOWHERE where there is none. */
  private readonly shards: Int32Array[] = [];
  private readonly counts = new Int32Array(1 << SHARD_BITS);
  private count = 0;

  constructor(cells: Cells, hashKey: HashKey) {
    this.cells = cells;
    this.hashKey = hashKey;
    const empty = new Int32Array(0);
    for (let shard = 0; shard < 1 << SHARD_BITS; shard++) this.shards.push(empty);
  }

  get size(): number {
    return this.count;
  }

  hash(key: Uint8Array, from: number, to: number): number {
    return halfSipHash(key, from, to, this.hashKey);
  }

  /** The cell of key[from, to), or NOWHERE. */
  find(hash: number, key: Uint8Array, from: number, to: number): Address {
    const pairs = this.shards[hash >>> SHARD_SHIFT]!;
    const mask = pairs.length - 1;
    if (mask < 0) return NOWHERE;
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const address = pairs[at + 1]!;
      if (address === NOWHERE) return NOWHERE;
      if (pairs[at] === hash && this.cells.hasKey(address, key, from, to)) return address;
    }
  }

  /** The key must not be there yet. */
  add(hash: number, address: Address): void {
    const shard = hash >>> SHARD_SHIFT;
    this.count++;
    const count = ++this.counts[shard]!;
    let pairs = this.shards[shard]!;
    if (3 * count > pairs.length) pairs = this.resize(shard, Math.max(PAIRS_MIN, pairs.length));
    put(pairs, hash, address);
  }

  /**
   * Adds the cells from `from` on that belong to the same shard, which must be empty: far faster than
   * one by one in any order, each of which looks at other memory.
   * @param hashes of the cells at the same places.
   * @returns the place of the first one that belongs to another.
   */
  addShard(hashes: Int32Array, cells: Int32Array, from: number): number {
    const shard = hashes[from]! >>> SHARD_SHIFT;
    let to = from + 1;
    while (to < cells.length && hashes[to]! >>> SHARD_SHIFT === shard) to++;
    let pairsMax = PAIRS_MIN;
    while (3 * (to - from) > 2 * pairsMax) pairsMax *= 2;
    const pairs = this.resize(shard, pairsMax);
    for (let at = from; at < to; at++) put(pairs, hashes[at]!, cells[at]!);
    this.counts[shard] = to - from;
    this.count += to - from;
    return to;
  }

  /** Its cell has moved. */
  move(hash: number, from: Address, to: Address): void {
    const pairs = this.shards[hash >>> SHARD_SHIFT]!;
    pairs[placeOf(pairs, hash, from) + 1] = to;
  }

  remove(hash: number, address: Address): void {
    const shard = hash >>> SHARD_SHIFT;
    const pairs = this.shards[shard]!;
    close(pairs, placeOf(pairs, hash, address));
    this.count--;
    const count = --this.counts[shard]!;
    if (pairs.length > 2 * PAIRS_MIN && 16 * count < pairs.length) {
      this.resize(shard, pairs.length >> 2);
    }
  }

  /** @param pairsMax a power of two. */
  private resize(shard: number, pairsMax: number): Int32Array {
    const before = this.shards[shard]!;
    const after = new Int32Array(2 * pairsMax);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== NOWHERE) put(after, before[at]!, before[at + 1]!);
    }
    this.shards[shard] = after;
    return after;
  }
}

function put(pairs: Int32Array, hash: number, address: Address): void {
  const mask = pairs.length - 1;
  let at = (hash << 1) & mask;
  while (pairs[at + 1] !== NOWHERE) at = (at + 2) & mask;
  pairs[at] = hash;
  pairs[at + 1] = address;
}

/** The address stands in the table. */
function placeOf(pairs: Int32Array, hash: number, address: Address): number {
  const mask = pairs.length - 1;
  let at = (hash << 1) & mask;
  while (pairs[at + 1] !== address) at = (at + 2) & mask;
  return at;
}

/** Empties a place, and moves up what was put behind it only because it was taken (Knuth, vol. 3,
 *  6.4, algorithm R): no search ever meets a grave. */
function close(pairs: Int32Array, place: number): void {
  const mask = pairs.length - 1;
  let hole = place;
  for (let at = (hole + 2) & mask; pairs[at + 1] !== NOWHERE; at = (at + 2) & mask) {
    const home = (pairs[at]! << 1) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    pairs[hole] = pairs[at]!;
    pairs[hole + 1] = pairs[at + 1]!;
    hole = at;
  }
  pairs[hole + 1] = NOWHERE;
}
