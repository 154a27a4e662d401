import { assert } from '../base/assert.ts';
import type { Index } from '../base/ids.ts';

/**
 * The AppendEntries on their way to one follower, oldest first: a ring of fixed size. It bounds how
 * far a leader runs ahead of a follower's answers, in messages and in bytes.
 */
export class Inflights {
  /** The last index of each message, and its bytes. */
  private readonly lastIndexes: Float64Array;
  private readonly sizes: Float64Array;
  private head = 0;
  count = 0;
  /** Bytes of all of them together. */
  bytes = 0;

  constructor(messagesMax: number) {
    this.lastIndexes = new Float64Array(messagesMax);
    this.sizes = new Float64Array(messagesMax);
  }

  get isFull(): boolean {
    return this.count === this.lastIndexes.length;
  }

  add(lastIndex: Index, bytes: number): void {
    assert(!this.isFull, () => `more than ${this.count} messages in flight`);
    const at = (this.head + this.count) % this.lastIndexes.length;
    this.lastIndexes[at] = lastIndex;
    this.sizes[at] = bytes;
    this.count++;
    this.bytes += bytes;
  }

  /** An acknowledgement covers every earlier message too, so that a lost one holds nothing up. */
  freeTo(index: Index): void {
    while (this.count > 0 && this.lastIndexes[this.head]! <= index) {
      this.bytes -= this.sizes[this.head]!;
      this.head = (this.head + 1) % this.lastIndexes.length;
      this.count--;
    }
  }

  clear(): void {
    this.head = 0;
    this.count = 0;
    this.bytes = 0;
  }
}
