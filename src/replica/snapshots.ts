import { type Index, indexPlus } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Effects } from '../raft/effects.ts';
import type { Raft } from '../raft/raft.ts';
import type { DiskError } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { Failure } from './failure.ts';
import { SnapshotInstaller } from './snapshot-installer.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { SnapshotTransfers } from './snapshot-transfers.ts';

/** What snapshots are made of, and where they go. */
export interface SnapshotParts {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly hashKey: HashKey;
  readonly limits: Limits;
  readonly random: Prng;
  readonly clock: Clock;
}

/** What a replica hears of its snapshots. */
export interface SnapshotEvents {
  /** This node has written its state down, durably; what its log needs no longer, it will drop. */
  taken(info: SnapshotInfo, tookMs: number): void;
  postponed(error: DiskError): void;
  /** The log was reset: nothing may be applied until `installed`. */
  installing(info: SnapshotInfo): void;
  installed(info: SnapshotInfo): void;
  fail(failure: Failure): void;
  askForTurn(): void;
}

/**
 * All that a replica does about snapshots: takes its own and cuts the log behind them, sends them,
 * receives them, and installs what it has received.
 */
export class Snapshots {
  private readonly raft: Raft;
  private readonly storage: Storage;
  private readonly clock: Clock;
  private readonly events: SnapshotEvents;
  private readonly taker: SnapshotTaker;
  private readonly transfers: SnapshotTransfers;
  private readonly installer: SnapshotInstaller;
  /** Being sent: they stay, and so does the log behind them. */
  private pinned: readonly SnapshotInfo[] = [];

  constructor(parts: SnapshotParts, events: SnapshotEvents) {
    const { raft, storage, machine, hashKey, limits, random, clock } = parts;
    this.raft = raft;
    this.storage = storage;
    this.clock = clock;
    this.events = events;
    this.taker = new SnapshotTaker(machine, storage, limits, random, {
      termAt: (index) => raft.termAt(index),
      get stableIndex() {
        return raft.stableIndex;
      },
      finishing: () => this.pinWhatIsSent(),
      taken: (info, begunMs) => {
        this.taken(info);
        events.taken(info, clock.now() - begunMs);
      },
      postponed: (error) => events.postponed(error),
      askForTurn: () => events.askForTurn(),
    });
    const askForTurn = () => events.askForTurn();
    const wantAnother = (than: SnapshotInfo) => this.want(than.index);
    this.transfers = new SnapshotTransfers(storage, raft, clock, askForTurn, wantAnother);
    this.installer = new SnapshotInstaller(machine, storage, hashKey, clock, {
      get isInHurry() {
        return raft.role === 'leader';
      },
      installed: (info) => events.installed(info),
      fail: (failure) => events.fail(failure),
      askForTurn: () => events.askForTurn(),
    });
  }

  /** The configuration in force, encoded: a snapshot carries it. */
  set configuration(bytes: Uint8Array) {
    this.taker.configuration = bytes;
  }

  get isTaking(): boolean {
    return this.taker.isTaking;
  }

  /** It waits for what the disk may have done by now. */
  get isAtWork(): boolean {
    return this.taker.isTaking || this.installer.isInstalling;
  }

  get nextDeadlineMs(): number {
    return Math.min(this.taker.nextDeadlineMs, this.installer.nextDeadlineMs);
  }

  /** Asks for a snapshot that covers everything up to `index`, though none is due. */
  want(index: Index): void {
    this.taker.want(index);
  }

  carryOut({ snapshotReads, chunks, install }: Effects): void {
    for (const read of snapshotReads) this.transfers.read(read);
    for (const chunk of chunks) this.transfers.take(chunk);
    if (install === null) return;
    this.taker.abandon();
    this.installer.install(install);
    this.events.installing(install);
  }

  /** A turn's part of the work. */
  run(nowMs: number): void {
    this.installer.run(nowMs);
    if (!this.installer.isInstalling) this.taker.run(nowMs);
  }

  close(): void {
    this.taker.abandon();
    this.transfers.close();
    this.installer.close();
  }

  /**
   * The log is cut behind the older of the two snapshots, not the newer: so if that turns out to be
   * bad, the older one and the log are enough, and whoever lags a little finds in the log what it
   * lacks. Nor is it cut behind one that is being sent.
   */
  private taken(info: SnapshotInfo): void {
    const { raft, storage } = this;
    raft.snapshotTaken(info);
    const { previous } = storage.snapshots;
    if (previous === null) return;
    let upTo = previous.index;
    for (const { index } of this.pinned) if (index < upTo) upTo = index;
    if (upTo < indexPlus(storage.base.index, 1)) return;
    storage.compact(upTo, () => raft.compacted(storage.base));
  }

  private pinWhatIsSent(): void {
    const { snapshots } = this.storage;
    const sent = this.raft.snapshotPins(this.clock.now());
    for (const info of sent) snapshots.pin(info);
    for (const info of this.pinned) snapshots.unpin(info);
    this.pinned = sent;
  }
}
