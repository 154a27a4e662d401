import type { CellKeys } from '../../src/kv/b-tree-node.ts';

/** Cells that are nothing but numbers, each standing for a key: a byte string. */
export class TextKeys implements CellKeys {
  private readonly keyOf: (address: number) => string;

  constructor(keyOf: (address: number) => string) {
    this.keyOf = keyOf;
  }

  compare(key: Uint8Array, from: number, to: number, address: number): number {
    return order(textOf(key, from, to), this.keyOf(address));
  }

  compareStart(key: Uint8Array, from: number, to: number, address: number, length: number): number {
    return order(textOf(key, from, to).slice(0, length), this.keyOf(address).slice(0, length));
  }

  sharedBytes(a: number, b: number, from: number, max: number): number {
    const [first, second] = [this.keyOf(a), this.keyOf(b)];
    let shared = from;
    while (shared < max && shared < first.length && first[shared] === second[shared]) shared++;
    return shared;
  }

  keyWord(address: number, at: number): number {
    const four = this.keyOf(address).slice(at).padEnd(4, '\0');
    return [0, 1, 2, 3].reduce((word, i) => (word << 8) | four.charCodeAt(i), 0);
  }
}

function textOf(key: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...key.subarray(from, to));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a === b ? 0 : 1;
}
