import type { Entry } from '../base/entry.ts';
import type { NodeId } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Outcome } from '../client/call.ts';
import type { Reply } from '../kv/reply.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Message } from '../raft/messages.ts';
import type { RaftState } from '../raft/state.ts';
import type { TraceEvent } from '../raft/trace.ts';
import type { Failure } from '../replica/failure.ts';
import type { Recovered } from '../storage/found-log.ts';
import type { DurableState } from '../storage/hard-state.ts';
import type { SimDisk } from './disk.ts';

/** What must never happen has happened: "S1", and in words what was seen. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;
  readonly text: string;

  constructor(invariant: string, text: string) {
    super(`${invariant}: ${text}`);
    this.invariant = invariant;
    this.text = text;
  }
}

/** One member as a judge sees it: what no node sees of another. Nothing of it may be changed. */
export interface SimNode {
  readonly id: NodeId;
  readonly name: string;
  /** Which run of its process this is, or was the last: 1 for the first. 0: never started. */
  readonly run: number;
  readonly isUp: boolean;
  /** How fast its clock goes now: 1 is true time. */
  readonly clockRate: number;
  /** Null while the process is down, and while a new directory waits to be admitted. */
  readonly raftState: RaftState | null;
  /** Null while the process is down. */
  readonly machine: Pick<StateMachine, 'lastApplied' | 'revision' | 'size' | 'hash'> | null;
  readonly disk: SimDisk;
  readonly damage: SimDamage;
}

/** What the fault plan has done to a node's disk beyond what a crash does. Never taken back, but by
 *  the rule that the judge of D3 states. */
export interface SimDamage {
  /** Synced bytes of the log were destroyed: what the node acknowledged may be gone. */
  log: boolean;
  /** Synced bytes of the hard state were destroyed. At most one of the two slots, unless `lost`. */
  hardState: boolean;
  /** The node will never serve again: its directory was emptied, or replaced by an old copy. Its
   *  promises are forgotten, and it must not make others in its old name. */
  lost: boolean;
}

/** The whole, as it is at the moment of each event. */
export interface SimWorldView {
  readonly seed: number;
  /** True time: no node's clock, all of theirs drift. */
  readonly nowMs: number;
  /** By id: nodes[id - 1]. */
  readonly nodes: readonly SimNode[];
  readonly limits: Limits;
}

/** What a start found; the objects are the replica's own. */
export interface SimRecovery {
  readonly recovered: Recovered;
  readonly state: DurableState;
}

/** How a run of a process came to its end. */
export type StopKind =
  /** kill -9: what it had written stays in the page cache. */
  | 'killed'
  /** The machine lost its power: of what was not synced, chance decides. */
  | 'power'
  /** It ended itself, or refused to start: `failure` says why. */
  | 'failed'
  /** SIGTERM: it handed over, drained and closed. */
  | 'stopped';

/** Bytes of a file's contents that became (or are no longer) what a crash leaves for certain. A file
 *  is its inode: its name is told by `directory`. */
export interface DurableChange {
  readonly inode: number;
  /** The name by which the running system knows it now; '' when it has none any more. */
  readonly path: string;
  readonly offset: number;
  /** Valid during the call only. May be empty, when only the size changes. */
  readonly bytes: Uint8Array;
  /** Of the whole file, afterwards: it is cut there, or grows by zeros up to there. */
  readonly size: number;
  /** `crash`: an un-synced write that survived, in part or whole. `damage`: the fault plan. */
  readonly cause: 'sync' | 'crash' | 'damage';
}

/** What a client asks for, once, however often it is sent. */
export interface SimOperation {
  /** Unique, ascending in the order of invocation. */
  readonly id: number;
  readonly client: number;
  /** As byte strings: ['SET', key, value]. */
  readonly args: readonly string[];
  readonly deadlineMs: number;
  readonly invokedAtMs: number;
}

export interface SimDamageReport {
  readonly what:
    | 'rot'
    | 'rotten snapshot'
    | 'unreadable'
    | 'lost-write'
    | 'misdirected-write'
    | 'wiped'
    | 'restored'
    | 'rolled-back';
  /** Empty where all of the directory is meant. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * Sees everything that happens in a simulated world, in order, at the instant it happens; throws a
 * Violation when it must not have. A judge overrides what it cares for: what it doesn't costs
 * nothing.
 */
export abstract class Observer {
  /** Once, before anything else. The view stays valid, and current, to the end. */
  began(_world: SimWorldView): void {}

  /** The node's directory is open, and its run begins: `run` is a new one. */
  started(_node: SimNode, _recovery: SimRecovery): void {}

  /** @param failure only for `failed`. A start that was refused: `started` was not called. */
  stopped(_node: SimNode, _how: StopKind, _failure: Failure | null): void {}

  /** The core made a transition. */
  traced(_node: SimNode, _event: TraceEvent): void {}

  /** The message leaves the node now; if it promises anything, that must be durable already. */
  sent(_node: SimNode, _message: Message): void {}

  applied(_node: SimNode, _entry: Entry, _reply: Reply): void {}

  /** It has written its state down, durably. */
  snapshotTaken(_node: SimNode, _info: SnapshotInfo): void {}

  /** Its machine has jumped to the state of a snapshot. */
  snapshotInstalled(_node: SimNode, _info: SnapshotInfo): void {}

  /** What a crash now would leave of a file's contents has changed. */
  durable(_node: SimNode, _change: DurableChange): void {}

  /** The durable names of the node's directory, all of them, after they have changed: name to
   *  inode. */
  directory(_node: SimNode, _names: ReadonlyMap<string, number>): void {}

  /** The node's process ran in the event that just ended. */
  stepped(_node: SimNode): void {}

  invoked(_operation: SimOperation): void {}

  returned(_operation: SimOperation, _outcome: Outcome): void {}

  /** The fault plan destroyed what was synced. What the disk holds then follows as `durable`. */
  damaged(_node: SimNode, _report: SimDamageReport): void {}

  /** The faults have stopped for good; these nodes, a majority, are whole and connected. Others may
   *  be down, or cut off. */
  healed(_core: readonly SimNode[]): void {}

  /** The last event: all clients have been answered, and nothing more happens. */
  ended(): void {}
}
