import { assert } from '../src/base/assert.ts';

/**
 * What the loss of a leader costs, as clients see it. For the cluster: how long until the first
 * acknowledged write that was *begun* after the loss (one that was begun before may have been
 * committed before). For each writer: its longest time without an acknowledgement, from the last
 * one before the loss to the first one of a write begun after it.
 */
export class Outage {
  readonly lostAtMs: number;
  private readonly lastAckMs: number[];
  private readonly longestMs: number[];
  private readonly isBack: boolean[];
  private waiting: number;
  private firstMs: number | null = null;

  /** @param lastAckMs when each writer was last acknowledged. */
  constructor(lostAtMs: number, lastAckMs: readonly number[]) {
    this.lostAtMs = lostAtMs;
    this.lastAckMs = [...lastAckMs];
    this.longestMs = lastAckMs.map(() => 0);
    this.isBack = lastAckMs.map(() => false);
    this.waiting = lastAckMs.length;
  }

  /** A write of this writer, begun at `begunAtMs`, was acknowledged now. */
  acknowledged(writer: number, begunAtMs: number, atMs: number): void {
    this.served(begunAtMs, atMs);
    assert(writer < this.isBack.length, () => `no writer ${writer}`);
    if (this.isBack[writer]!) return;
    this.longestMs[writer] = Math.max(this.longestMs[writer]!, atMs - this.lastAckMs[writer]!);
    this.lastAckMs[writer] = atMs;
    if (begunAtMs <= this.lostAtMs) return;
    this.isBack[writer] = true;
    this.waiting--;
  }

  /** Somebody's write, begun at `begunAtMs`, was acknowledged now. */
  served(begunAtMs: number, atMs: number): void {
    if (begunAtMs > this.lostAtMs) this.firstMs ??= atMs - this.lostAtMs;
  }

  /** From the loss to the first acknowledged write begun after it; null until there is one. */
  get unavailableMs(): number | null {
    return this.firstMs;
  }

  /** Every writer was acknowledged again. */
  get isOver(): boolean {
    return this.firstMs !== null && this.waiting === 0;
  }

  /** Each writer's longest time without an acknowledgement. */
  get gapsMs(): readonly number[] {
    return this.longestMs;
  }
}
