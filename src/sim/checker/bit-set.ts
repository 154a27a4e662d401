/** A set of small numbers, of a size that is known beforehand. */
export class BitSet {
  private readonly words: Uint32Array;
  /** Every word before it is full. */
  private low = 0;
  /** Every word from here on is empty. */
  private high = 0;

  constructor(size: number) {
    this.words = new Uint32Array((size >>> 5) + 1);
  }

  has(bit: number): boolean {
    return ((this.words[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  add(bit: number): void {
    const at = bit >>> 5;
    this.words[at]! |= 1 << (bit & 31);
    if (at >= this.high) this.high = at + 1;
    while (this.words[this.low] === 0xffffffff) this.low++;
  }

  delete(bit: number): void {
    const at = bit >>> 5;
    this.words[at]! &= ~(1 << (bit & 31));
    if (at < this.low) this.low = at;
    while (this.high > 0 && this.words[this.high - 1] === 0) this.high--;
  }

  /** Equal for equal sets, and for no others of this size. Short while the set is close to being a
   *  run of numbers from 0 on, as the linearized operations of a history are. */
  fingerprint(): string {
    let text = `${this.low}:`;
    for (let at = this.low; at < this.high; at++) {
      const word = this.words[at]!;
      text += String.fromCharCode(word >>> 16, word & 0xffff);
    }
    return text;
  }

  /** What is in here now, for `isSuperset` later. */
  copy(): Uint32Array {
    return this.words.slice(0, this.high);
  }

  /** Whether everything of an earlier copy is in here. */
  isSuperset(copy: Uint32Array): boolean {
    for (let at = 0; at < copy.length; at++) {
      if ((copy[at]! & ~this.words[at]!) !== 0) return false;
    }
    return true;
  }
}
