/** What the order needs of its members. */
export interface Numbered {
  /** Positive, and of no two members the same. */
  readonly serial: number;
}

const CHUNK_MAX = 128;
/** Two neighbours that hold no more than this together become one. */
const MERGE_MAX = CHUNK_MAX / 2;
const DRAWS_MAX = 64;

/**
 * Members in the order of their serial numbers, which is the order in which they came. It is what
 * SCAN walks, from the newest to the oldest: a position is a number that stays right whatever is
 * added (it comes behind the walk) or removed, so the cursor needs nobody to remember it.
 *
 * A list of short arrays: to append costs a push, to remove two binary searches and a short move;
 * 8 bytes a member.
 */
export class CreationOrder<T extends Numbered> {
  /** Ascending; none is empty, but for the only one of an empty order. */
  private chunks: T[][] = [[]];

  /** @param member with a greater serial than all others. */
  append(member: T): void {
    const last = this.chunks[this.chunks.length - 1]!;
    if (last.length < CHUNK_MAX) last.push(member);
    else this.chunks.push([member]);
  }

  /** @param member must be there. */
  remove(member: T): void {
    const { chunks } = this;
    const c = this.chunkOf(member.serial);
    const chunk = chunks[c]!;
    chunk.splice(lowerBound(chunk, member.serial), 1);
    if (chunks.length === 1) return;
    if (chunk.length === 0) {
      chunks.splice(c, 1);
      return;
    }
    const left = c + 1 < chunks.length ? c : c - 1;
    if (chunks[left]!.length + chunks[left + 1]!.length > MERGE_MAX) return;
    chunks[left]!.push(...chunks[left + 1]!);
    chunks.splice(left + 1, 1);
  }

  clear(): void {
    this.chunks = [[]];
  }

  /** Those whose serial is below `serial`, the newest first. Nothing may change meanwhile. */
  *newestBelow(serial: number): Generator<T, void> {
    let c = this.chunkOf(serial);
    let at = lowerBound(this.chunks[c]!, serial) - 1;
    for (;;) {
      const chunk = this.chunks[c]!;
      for (; at >= 0; at--) yield chunk[at]!;
      if (c === 0) return;
      c--;
      at = this.chunks[c]!.length - 1;
    }
  }

  /**
   * Any member, each as likely as the others.
   * @param below a whole number from 0 to below the argument, at random.
   * @returns undefined when there is none.
   */
  pick(below: (n: number) => number): T | undefined {
    // A chunk and a place in it, drawn again while the place is empty: so that who sits in a
    // sparse chunk isn't drawn more often. On average chunks are more than a quarter full.
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const chunk = this.chunks[below(this.chunks.length)]!;
      const member = chunk[below(CHUNK_MAX)];
      if (member !== undefined) return member;
    }
    return this.chunks[below(this.chunks.length)]![0];
  }

  /** The last chunk that starts at or before `serial`; the first one if none does. */
  private chunkOf(serial: number): number {
    const { chunks } = this;
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (chunks[middle]![0]!.serial <= serial) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** How many of them are below `serial`. */
function lowerBound(chunk: readonly Numbered[], serial: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunk[middle]!.serial < serial) low = middle + 1;
    else high = middle;
  }
  return low;
}
