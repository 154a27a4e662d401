import type { NodeId } from '../base/ids.ts';
import type { Member } from '../raft/configuration.ts';

/** What another member has to say about a name: whether, and to which directory, it was bound. */
export type Testimony = 'none' | 'same' | 'other';

/**
 * Whether an empty directory may take its name. A directory that was emptied has forgotten its
 * votes and its acknowledgements; with its name it could help to elect a leader that lacks a
 * committed entry. A member binds a name to a directory, durably, before it counts anything that
 * comes from it; so every quorum that the emptied node was ever part of holds, besides the node
 * itself, majority - 1 others that know it. Any `majority` of the others meets those
 * (majority + majority - 1 > members - 1), so when that many say "never bound", nothing was counted.
 *
 * A cluster of one has no others, and nobody to mislead: it is admitted at once. A cluster of two
 * has one other, and whatever it never bound, nobody counted.
 */
export class Admission {
  private readonly needed: number;
  private readonly neverBound = new Set<NodeId>();
  private readonly others: readonly Member[];

  constructor(others: readonly Member[]) {
    this.others = others;
    this.needed = Math.min(others.length, Math.floor((others.length + 1) / 2) + 1);
  }

  get granted(): boolean {
    return this.neverBound.size >= this.needed;
  }

  /** The members that have not been heard yet, for the log. */
  get waitingFor(): readonly string[] {
    return this.others.filter((m) => !this.neverBound.has(m.id)).map((m) => m.name);
  }

  /** False when the testimony forbids the name for ever. */
  heard(from: NodeId, testimony: Testimony): boolean {
    if (testimony !== 'none') return false;
    this.neverBound.add(from);
    return true;
  }
}
