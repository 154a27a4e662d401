import { assert } from '../../base/assert.ts';
import type { Entry } from '../../base/entry.ts';
import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  incarnation,
  NOBODY,
  type NodeId,
  TERM_ZERO,
  type WalSequence,
} from '../../base/ids.ts';
import type { HardState, Persist } from '../../base/persist.ts';
import type { PromiseMessage, ReadEntries } from '../../raft/effects.ts';
import type { Raft } from '../../raft/raft.ts';

/** What a crash would leave: the judge of everything that was promised. */
export interface DurableImage {
  hardState: HardState;
  entries: Entry[];
  commitIndex: Index;
}

export interface HeldPromise {
  readonly after: WalSequence;
  readonly message: PromiseMessage;
}

/** One node: the core, and a host that does nothing by itself. */
export class CoreNode {
  readonly id: NodeId;
  /** Null while the process is down. */
  raft: Raft | null = null;
  incarnation: Incarnation = incarnation(0);
  image: DurableImage = {
    hardState: { currentTerm: TERM_ZERO, votedFor: NOBODY, suspect: false },
    entries: [],
    commitIndex: INDEX_ZERO,
  };
  /** The durable log as it was when the node last was no suspect: what it may have acknowledged. */
  beforeRot: Entry[] = [];
  /** Handed out and not yet durable, oldest first. */
  persists: Persist[] = [];
  promises: HeldPromise[] = [];
  reads: ReadEntries[] = [];
  durableSequence = 0;
  effectsCommitIndex: Index = INDEX_ZERO;

  constructor(id: NodeId) {
    this.id = id;
  }

  get name(): string {
    return `n${this.id}`;
  }

  get up(): Raft {
    assert(this.raft !== null, () => `node ${this.id} is down`);
    return this.raft;
  }
}

/** Writes to the image what a host's disk does, in the order that `Persist` promises. */
export function applyPersist(image: DurableImage, persist: Persist): void {
  if (persist.hardState !== null) image.hardState = persist.hardState;
  if (persist.truncateFrom !== 0) image.entries.length = persist.truncateFrom - 1;
  for (const entry of persist.entries) {
    assert(
      entry.index === image.entries.length + 1,
      () => `entry ${entry.index} does not follow the durable log, ${image.entries.length} long`,
    );
    image.entries.push(entry);
  }
  assert(
    persist.commitIndex <= image.entries.length,
    () => `the commit hint ${persist.commitIndex} is beyond the durable log`,
  );
  image.commitIndex = persist.commitIndex;
}
