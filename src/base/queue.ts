import { assert } from './assert.ts';

/** There are many queues, and most of them never hold more. */
const SLOTS_MIN = 8;

/** A first-in, first-out ring that doubles when full: no shift ever moves the elements. */
export class Queue<T> {
  private slots: (T | undefined)[] = [];
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(value: T): void {
    if (this.count === this.slots.length) this.grow();
    this.slots[(this.head + this.count) & (this.slots.length - 1)] = value;
    this.count++;
  }

  /** The oldest element; undefined when there is none. */
  peek(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.head];
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const value = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count--;
    return value;
  }

  /** Removes the youngest element. */
  pop(): T | undefined {
    if (this.count === 0) return undefined;
    this.count--;
    const at = (this.head + this.count) & (this.slots.length - 1);
    const value = this.slots[at];
    this.slots[at] = undefined;
    return value;
  }

  /** The element `at` places behind the oldest. */
  at(at: number): T {
    if (at < 0 || at >= this.count) this.refuse(at);
    return this.slots[(this.head + at) & (this.slots.length - 1)] as T;
  }

  clear(): void {
    this.slots = [];
    this.head = 0;
    this.count = 0;
  }

  /** Apart, so that nothing is allocated for a message that nobody reads. */
  private refuse(at: number): void {
    assert(false, () => `queue of ${this.count} has no element ${at}`);
  }

  private grow(): void {
    const size = this.slots.length === 0 ? SLOTS_MIN : this.slots.length * 2;
    const grown: (T | undefined)[] = new Array(size).fill(undefined);
    for (let i = 0; i < this.count; i++) grown[i] = this.at(i);
    this.slots = grown;
    this.head = 0;
  }
}
