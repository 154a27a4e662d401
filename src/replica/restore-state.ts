import type { HashKey } from '../kv/half-sip-hash.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import { StateRestorer } from '../kv/state-restorer.ts';
import { MalformedState } from '../kv/state-stream.ts';
import { DiskError } from '../storage/disk.ts';
import { refusalOf } from '../storage/refusal.ts';
import type { Storage } from '../storage/storage.ts';
import { type Failure, failureOf, malformedSnapshot } from './failure.ts';

/** At a start, before anything is served: brings the machine to the state of the snapshot that the
 *  log goes on from. What is behind it, the applier will apply; the keys are put in order then. */
export function restoreState(
  storage: Storage,
  machine: StateMachine,
  hashKey: HashKey,
): Failure | null {
  const { snapshot } = storage.recovered;
  if (snapshot === null) return null;
  const restorer = new StateRestorer(hashKey, true);
  try {
    storage.snapshots.readAllSync(snapshot, (payload) => restorer.add(payload));
    let state = restorer.finish(Number.POSITIVE_INFINITY);
    while (state === null) state = restorer.finish(Number.POSITIVE_INFINITY);
    machine.restore(state, snapshot.index);
    return null;
  } catch (error) {
    if (error instanceof MalformedState) return malformedSnapshot(snapshot.index, error.message);
    if (error instanceof DiskError) return failureOf(refusalOf(error));
    throw error;
  }
}
