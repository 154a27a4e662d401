import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import type { Member } from '../raft/configuration.ts';

/** What another member has to say about a name: whether, and to which directory, it was bound. */
export type Testimony = 'none' | 'same' | 'other';

type AdmissionStep =
  /** Asks whether its name was ever bound. */
  | 'asking'
  /** On its way to the disk: the name was found free. */
  | 'admitting'
  /** The others may bind it; it says nothing yet. */
  | 'admitted'
  /** On its way to the disk: enough have bound it. */
  | 'establishing'
  | 'established';

/**
 * How an empty directory gets its name, and its voice. A directory that was emptied has forgotten its
 * votes and its acknowledgements; with its name it could help to elect a leader that lacks a
 * committed entry. So it asks first: `testimoniesNeeded` others have to say that they never bound
 * the name. And it says nothing that counts before `bindingsNeeded` others have bound its name to it,
 * durably: so whoever comes later under the same name meets one that remembers. The arithmetic, and
 * what it holds against: docs/admission.md.
 */
export class Admission {
  private readonly others: readonly Member[];
  private readonly neverBound = new Set<NodeId>();
  private readonly bound = new Set<NodeId>();
  private current: AdmissionStep;

  /** @param admitted an earlier start came so far. */
  constructor(others: readonly Member[], admitted: boolean) {
    this.others = others;
    this.current = admitted ? 'admitted' : 'asking';
  }

  get step(): AdmissionStep {
    return this.current;
  }

  get mayBeAdmitted(): boolean {
    const needed = testimoniesNeeded(this.others.length + 1);
    return this.current === 'asking' && this.neverBound.size >= needed;
  }

  get mayBeEstablished(): boolean {
    const needed = bindingsNeeded(this.others.length + 1);
    return this.current === 'admitted' && this.bound.size >= needed;
  }

  admitting(): void {
    this.move('asking', 'admitting');
  }

  admitted(): void {
    this.move('admitting', 'admitted');
  }

  establishing(): void {
    this.move('admitted', 'establishing');
  }

  established(): void {
    this.move('establishing', 'established');
  }

  /** The members whose word is still missing, for the log. */
  get waitingFor(): readonly string[] {
    const heard = this.current === 'asking' ? this.neverBound : this.bound;
    return this.others.filter((m) => !heard.has(m.id)).map((m) => m.name);
  }

  /** False when the testimony forbids the name for ever. */
  heard(from: NodeId, testimony: Testimony): boolean {
    if (testimony === 'other') return false;
    if (testimony === 'none') {
      this.neverBound.add(from);
      return true;
    }
    // Only what is admitted is bound: a directory that does not know that it is has forgotten it.
    if (this.current === 'asking') return false;
    this.bound.add(from);
    return true;
  }

  private move(from: AdmissionStep, to: AdmissionStep): void {
    assert(this.current === from, () => `admission: ${to} behind ${this.current}`);
    this.current = to;
  }
}

/** How many others must never have bound the name: as many as make a majority, if there are so
 *  many. */
export function testimoniesNeeded(members: number): number {
  return Math.min(members - 1, Math.floor(members / 2) + 1);
}

/** How many others must have bound the name before its word counts: no fewer than were asked, and
 *  all but one of a larger cluster. */
export function bindingsNeeded(members: number): number {
  return Math.max(testimoniesNeeded(members), members - 2);
}
