import { assert } from './assert.ts';
import type { Incarnation } from './ids.ts';

/**
 * How two copies of one data directory are told apart. A count of starts can't do it: the original
 * and a copy of it count on from the same number, each by itself. So every start also draws a random
 * id, and the directory keeps the ids of its last starts. Who remembers one start of a directory
 * then finds it in the history of every later start, and finds another one there, in the same place,
 * when the two histories have parted.
 *
 * A history is those ids, newest first, without gaps. How long it is follows from the count.
 */
export const START_ID_BYTES = 8;
/** How many starts a history goes back. */
export const STARTS_MAX = 64;

/** The length of the history of a directory that was started so often. */
export function historyBytes(starts: Incarnation): number {
  return Math.min(starts, STARTS_MAX) * START_ID_BYTES;
}

/** The history after one more start. */
export function withStart(history: Uint8Array, startId: Uint8Array): Uint8Array {
  assert(startId.length === START_ID_BYTES, () => `a start id of ${startId.length} bytes`);
  const kept = history.subarray(0, (STARTS_MAX - 1) * START_ID_BYTES);
  const longer = new Uint8Array(START_ID_BYTES + kept.length);
  longer.set(startId);
  longer.set(kept, START_ID_BYTES);
  return longer;
}

/** The id of the start that was so many starts ago, as a copy; null when that is too long ago. */
export function startAgo(history: Uint8Array, starts: number): Uint8Array | null {
  const at = starts * START_ID_BYTES;
  return at < history.length ? history.slice(at, at + START_ID_BYTES) : null;
}
