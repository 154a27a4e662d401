import type { SimNode } from '../observer.ts';

/** Who has not run for so long was paused, or held up: that time does not count. A leader runs at
 *  least at each of its heartbeats, which a slow clock makes 100 ms of. */
const HELD_UP_MS = 150;

interface Stretch {
  readonly run: number;
  readonly what: number;
  seenMs: number;
  lastedMs: number;
}

/** How long something has gone on at a node, by its own clock, and while its process ran. To be asked
 *  at each step of the node. */
export class Lasting {
  private readonly stretches = new Map<SimNode, Stretch>();

  /** @param what another number is another thing, and begins anew; null: it does not go on.
   *  @param nowMs true time. */
  howLong(node: SimNode, what: number | null, nowMs: number): number {
    if (what === null) {
      this.stretches.delete(node);
      return 0;
    }
    const stretch = this.stretches.get(node);
    if (stretch === undefined || stretch.what !== what || stretch.run !== node.run) {
      this.stretches.set(node, { run: node.run, what, seenMs: nowMs, lastedMs: 0 });
      return 0;
    }
    const passedMs = nowMs - stretch.seenMs;
    if (passedMs <= HELD_UP_MS) stretch.lastedMs += passedMs * node.clockRate;
    stretch.seenMs = nowMs;
    return stretch.lastedMs;
  }
}
