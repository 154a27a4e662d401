import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { StateRestorer } from '../kv/state-restorer.ts';
import { MalformedState } from '../kv/state-stream.ts';
import type { DiskError } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';
import { diskFailed, type Failure, malformedSnapshot } from './failure.ts';

/** Of the trees and tables that a turn builds: a millisecond or two (`StateRestorer.finish`). */
const WORK_PER_TURN = 20_000;

/** Whom an installer tells. */
export interface SnapshotInstallerHost {
  /** The machine is in the state behind `info.index`. */
  installed(info: SnapshotInfo): void;
  fail(failure: Failure): void;
  askForTurn(): void;
}

/**
 * Brings the state machine to where a received snapshot is: reads the file, once the log has been
 * reset to it, and builds the new state beside the old one, a slice a turn.
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

  constructor(
    machine: StateMachine,
    storage: Storage,
    hashKey: HashKey,
    host: SnapshotInstallerHost,
  ) {
    this.machine = machine;
    this.storage = storage;
    this.hashKey = hashKey;
    this.host = host;
  }

  /** While true, nothing can be applied. */
  get isInstalling(): boolean {
    return this.wanted !== null;
  }

  /** The log was reset to this snapshot. A later one takes the place of an earlier one. */
  install(info: SnapshotInfo): void {
    this.wanted = info;
    this.restorer = null;
    this.read = false;
  }

  /** A turn's part of the work. */
  run(): void {
    const { wanted } = this;
    if (wanted === null) return;
    if (this.restorer === null) {
      // Not before the file has its name, and is durable with the log that begins behind it.
      if (this.storage.snapshots.newest?.id === wanted.id) this.startReading(wanted);
    } else if (this.read) {
      this.build(wanted, this.restorer);
    }
  }

  close(): void {
    this.wanted = null;
    this.restorer = null;
  }

  private startReading(info: SnapshotInfo): void {
    const restorer = new StateRestorer(this.hashKey);
    const isStill = () => this.restorer === restorer;
    this.restorer = restorer;
    const onBlock = (payload: Uint8Array) => {
      if (isStill()) this.guarded(info, () => restorer.add(payload));
    };
    this.storage.snapshots.readAll(info, onBlock, (error: DiskError | null) => {
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
      const state = restorer.finish(WORK_PER_TURN);
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
