import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { type RestoredState, StateRestorer } from '../kv/state-restorer.ts';
import { MalformedState } from '../kv/state-stream.ts';
import type { DiskError } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import { diskFailed, type Failure, malformedSnapshot } from './failure.ts';
import { Rests } from './rests.ts';

/** Of the trees and tables that a slice builds: a millisecond (`StateRestorer.finish`). */
const WORK_PER_SLICE = 10_000;

/** Whom an installer tells. */
export interface SnapshotInstallerHost {
  /** Whether somebody may wait for this node's state: then there are no rests. */
  readonly isInHurry: boolean;
  /** The machine is in the state behind `info.index`. */
  installed(info: SnapshotInfo): void;
  fail(failure: Failure): void;
  askForTurn(): void;
}

/**
 * Brings the state machine to where a received snapshot is: reads the file, once the log has been
 * reset to it, and builds the new state beside the old one, a slice a turn, with rests between.
 */
export class SnapshotInstaller {
  private readonly machine: StateMachine;
  private readonly storage: Storage;
  private readonly hashKey: HashKey;
  private readonly host: SnapshotInstallerHost;
  /** The log begins behind it, or is about to; null: the machine is where the log is. */
  private wanted: SnapshotInfo | null = null;
  private restorer: StateRestorer | null = null;
  private read = false;
  /** Reads the next part of the file; null while that is under way. */
  private readOn: (() => void) | null = null;
  private readonly rests: Rests;

  constructor(
    machine: StateMachine,
    storage: Storage,
    hashKey: HashKey,
    clock: Clock,
    host: SnapshotInstallerHost,
  ) {
    this.machine = machine;
    this.storage = storage;
    this.hashKey = hashKey;
    this.rests = new Rests(clock);
    this.host = host;
  }

  /** While true, nothing can be applied. */
  get isInstalling(): boolean {
    return this.wanted !== null;
  }

  /** The log was reset to this snapshot. A later one takes the place of an earlier one. */
  install(info: SnapshotInfo): void {
    this.close();
    this.wanted = info;
  }

  /** When `run` has something to do that no other event asks for. */
  get nextDeadlineMs(): number {
    const isResting = this.wanted !== null && (this.read || this.readOn !== null);
    return isResting ? this.rests.untilMs : Number.POSITIVE_INFINITY;
  }

  /** A turn's part of the work. */
  run(nowMs: number): void {
    const { wanted, readOn } = this;
    if (wanted === null) return;
    if (this.restorer === null) {
      // Not before the file has its name, and is durable with the log that begins behind it.
      if (this.storage.snapshots.newest?.id === wanted.id) this.startReading(wanted);
      return;
    }
    if (nowMs < this.rests.untilMs && !this.host.isInHurry) return;
    this.readOn = null;
    if (this.read) this.build(wanted, this.restorer);
    else readOn?.();
  }

  close(): void {
    const { readOn } = this;
    this.wanted = null;
    this.restorer = null;
    this.readOn = null;
    this.read = false;
    // To its end, for nobody: so the file is closed.
    readOn?.();
  }

  private startReading(info: SnapshotInfo): void {
    const restorer = new StateRestorer(this.hashKey);
    const isStill = () => this.restorer === restorer;
    this.restorer = restorer;
    const onBlock = (payload: Uint8Array) => {
      if (!isStill()) return;
      this.rests.slice(() => this.guarded(info, () => restorer.add(payload)));
    };
    const between = (goOn: () => void) => {
      if (!isStill()) {
        goOn();
        return;
      }
      this.readOn = goOn;
      this.host.askForTurn();
    };
    this.storage.snapshots.readAll(info, onBlock, between, (error: DiskError | null) => {
      if (!isStill()) return;
      if (error !== null) {
        this.host.fail(diskFailed(`the snapshot at ${info.index} can't be read: ${error.message}`));
        return;
      }
      this.read = true;
      this.host.askForTurn();
    });
  }

  private build(info: SnapshotInfo, restorer: StateRestorer): void {
    this.guarded(info, () => {
      let state: RestoredState | null = null;
      this.rests.slice(() => {
        state = restorer.finish(WORK_PER_SLICE);
      });
      if (state === null) {
        this.host.askForTurn();
        return;
      }
      this.wanted = null;
      this.restorer = null;
      this.machine.restore(state, info.index);
      this.host.installed(info);
    });
  }

  /** Its bytes were verified, so whoever wrote it meant something else by them. */
  private guarded(info: SnapshotInfo, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      this.close();
      this.host.fail(malformedSnapshot(info.index, error.message));
    }
  }
}
