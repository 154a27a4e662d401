import { bytesOf } from '../../src/base/bytes.ts';
import { index, nodeId, term } from '../../src/base/ids.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { encodeConfiguration, type Member } from '../../src/raft/configuration.ts';
import { RecordingDisk } from '../../src/sim/crash-images/recording-disk.ts';
import { type SnapshotMeta, snapshotName } from '../../src/storage/snapshot-file.ts';
import { SnapshotWriter } from '../../src/storage/snapshot-writer.ts';
import { entryOf, setCommand } from '../kv/commands.ts';

export const oldMembers: readonly Member[] = ['n1', 'n2', 'n3'].map((name, i) => {
  return { id: nodeId(i + 1), name, host: '10.0.0.9', port: 7001 + i, peerPort: 17001 + i };
});
export const oldClusterId = bytesOf('the old cluster!');

export interface BackupOptions {
  readonly id?: number;
  readonly blockBytes?: number;
}

/** The state stream of a machine, and where it is. */
export function streamOf(machine: StateMachine): Uint8Array[] {
  const state = machine.beginSnapshot();
  const parts: Uint8Array[] = [];
  for (let part = state.next(64 * 1024); part !== null; part = state.next(64 * 1024)) {
    parts.push(part.slice());
  }
  return parts;
}

/** Keys and values are byte strings. */
export function machineOf(pairs: readonly (readonly [string, string])[]): StateMachine {
  const machine = new StateMachine();
  pairs.forEach(([key, value], i) => {
    machine.apply(entryOf(i + 1, setCommand(key, value)));
  });
  return machine;
}

/** Writes a snapshot with the real writer. */
export function writeSnapshot(
  disk: RecordingDisk,
  meta: SnapshotMeta,
  stream: readonly Uint8Array[],
  blockBytes: number,
): void {
  const writer = new SnapshotWriter(disk, meta, blockBytes, {
    published: () => {},
    failed: (error) => {
      throw error;
    },
    over: () => {},
  });
  for (const part of stream) writer.write(part);
  writer.finish(() => {});
  disk.run();
}

/** A backup as `dkvs backup` would have written it. */
export function backupOf(
  pairs: readonly (readonly [string, string])[],
  { id = 4711, blockBytes = 64 * 1024 }: BackupOptions = {},
): Uint8Array {
  const machine = machineOf(pairs);
  const meta = {
    index: index(machine.lastApplied),
    term: term(3),
    id,
    configuration: encodeConfiguration({ clusterId: oldClusterId, members: oldMembers }),
  };
  const disk = new RecordingDisk();
  writeSnapshot(disk, meta, streamOf(machine), blockBytes);
  return disk.image().get(snapshotName(meta.index))!;
}
