import type { SnapshotInfo } from '../base/snapshot.ts';
import type { HashKey } from '../kv/half-sip-hash.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { StateRestorer } from '../kv/state-restorer.ts';
import { MalformedState } from '../kv/state-stream.ts';
import type { SnapshotSink } from '../storage/snapshot-shelf.ts';
import type { OnBlock } from '../storage/snapshot-verifier.ts';
import { type Failure, malformedSnapshot } from './failure.ts';

/**
 * At a start, before anything is served: takes the snapshot that the log goes on from, as the
 * storage verifies it, and brings the machine to its state. What is behind it, the applier will
 * apply; the keys are put in order then.
 */
export class StartingState implements SnapshotSink {
  private readonly hashKey: HashKey;
  private restorer: StateRestorer;
  /** Its bytes were verified, so whoever wrote it meant something else by them. */
  private malformed: MalformedState | null = null;

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
    this.restorer = new StateRestorer(hashKey, true);
  }

  begin(): OnBlock {
    const restorer = new StateRestorer(this.hashKey, true);
    this.restorer = restorer;
    this.malformed = null;
    return (payload) => this.attempt(() => restorer.add(payload));
  }

  /** @param snapshot the one that was begun last and turned out to be good; null: there is none. */
  restore(snapshot: SnapshotInfo | null, machine: StateMachine): Failure | null {
    if (snapshot === null) return null;
    this.attempt(() => {
      let state = this.restorer.finish(Number.POSITIVE_INFINITY);
      while (state === null) state = this.restorer.finish(Number.POSITIVE_INFINITY);
      machine.restore(state, snapshot.index);
    });
    const { malformed } = this;
    return malformed === null ? null : malformedSnapshot(snapshot.index, malformed.message);
  }

  private attempt(body: () => void): void {
    if (this.malformed !== null) return;
    try {
      body();
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      this.malformed = error;
    }
  }
}
