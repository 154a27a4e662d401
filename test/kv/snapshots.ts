import { byteString } from '../../src/base/bytes.ts';
import { index } from '../../src/base/ids.ts';
import type { Command } from '../../src/kv/command.ts';
import type { Data } from '../../src/kv/data.ts';
import type { Reply } from '../../src/kv/reply.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { type RestoredState, StateRestorer } from '../../src/kv/state-restorer.ts';
import type { StateSnapshot } from '../../src/kv/state-snapshot.ts';
import { entryOf } from './commands.ts';

export const OTHER_HASH_KEY = { low: 77, high: -78 };

export function applyTo(machine: StateMachine, command: Command): Reply {
  return machine.apply(entryOf(machine.lastApplied + 1, command));
}

/** Everything there is to know of a machine's state, item by item. */
export function contentOf(machine: StateMachine): unknown {
  const { keyspace } = (machine as unknown as { data: Data }).data;
  const items = [...keyspace.createdBefore(Number.POSITIVE_INFINITY)];
  return {
    revision: machine.revision,
    keysCreated: keyspace.keysCreated,
    hash: machine.hash(),
    size: machine.size,
    keys: [...machine.keysFrom('')],
    items: items.map((item) => ({
      key: item.key,
      value: item.value,
      found: keyspace.value(Uint8Array.from(item.key, (char) => char.charCodeAt(0))),
      modRevision: item.modRevision,
      serial: item.serial,
    })),
  };
}

/** What the snapshot has not handed out yet. */
export function takeAll(snapshot: StateSnapshot, bytesMax = 64 * 1024): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let piece = snapshot.next(bytesMax); piece !== null; piece = snapshot.next(bytesMax)) {
    pieces.push(piece.slice());
  }
  return pieces;
}

/** @throws MalformedState */
export function restoreState(pieces: Iterable<Uint8Array>, workMax = 1e9): RestoredState {
  const restorer = new StateRestorer(OTHER_HASH_KEY);
  for (const piece of pieces) restorer.add(piece);
  for (;;) {
    const state = restorer.finish(workMax);
    if (state !== null) return state;
  }
}

/** A machine that has come by the snapshot. */
export function restoreMachine(pieces: Iterable<Uint8Array>, lastApplied = 1000): StateMachine {
  const machine = new StateMachine(OTHER_HASH_KEY);
  machine.restore(restoreState(pieces), index(lastApplied));
  return machine;
}

/** One after the other, as a file would hold them. */
export function streamOf(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

export const keyOf = (bytes: Uint8Array): string => byteString(bytes);
