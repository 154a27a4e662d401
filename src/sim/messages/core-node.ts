import { assert } from '../../base/assert.ts';
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
import type { Persist } from '../../base/persist.ts';
import { LOG_START, type SnapshotInfo } from '../../base/snapshot.ts';
import type {
  PromiseMessage,
  ReadEntries,
  ReadSnapshot,
  ReceivedChunk,
} from '../../raft/effects.ts';
import type { Raft } from '../../raft/raft.ts';
import type { DurableImage, DurableLog } from './durable-image.ts';

export interface HeldPromise {
  readonly after: WalSequence;
  readonly message: PromiseMessage;
}

/** A state machine whose state is the hash of all the entries that it has applied, in their order. */
export interface Machine {
  index: Index;
  hash: number;
}

/** A snapshot that is being received: its bytes so far. */
export interface Incoming {
  readonly snapshot: SnapshotInfo;
  bytes: Uint8Array;
}

/** One node: the core, and a host that does nothing by itself. */
export class CoreNode {
  readonly id: NodeId;
  /** Null while the process is down. */
  raft: Raft | null = null;
  incarnation: Incarnation = incarnation(0);
  image: DurableImage = {
    hardState: { currentTerm: TERM_ZERO, votedFor: NOBODY, suspect: false },
    base: LOG_START,
    entries: [],
    commitIndex: INDEX_ZERO,
    snapshots: [],
  };
  /** The durable log as it was when the node last was no suspect: what it may have acknowledged. */
  beforeRot: DurableLog = { base: LOG_START, entries: [] };
  /** Handed out and not yet durable, oldest first. */
  persists: Persist[] = [];
  promises: HeldPromise[] = [];
  reads: ReadEntries[] = [];
  snapshotReads: ReadSnapshot[] = [];
  chunks: ReceivedChunk[] = [];
  incoming: Incoming | null = null;
  /** What the state machine is to jump to. */
  install: SnapshotInfo | null = null;
  machine: Machine = { index: INDEX_ZERO, hash: 0 };
  /** Written, and not published yet: the log is not durable so far. */
  unpublished: SnapshotInfo | null = null;
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

  /** What was only in memory is gone. */
  forget(): void {
    this.raft = null;
    this.persists = [];
    this.promises = [];
    this.reads = [];
    this.snapshotReads = [];
    this.chunks = [];
    this.incoming = null;
    this.install = null;
    this.unpublished = null;
    this.durableSequence = 0;
    this.effectsCommitIndex = INDEX_ZERO;
  }
}
