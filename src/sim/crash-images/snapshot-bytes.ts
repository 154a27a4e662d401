import { assert } from '../../base/assert.ts';
import { bytesOf } from '../../base/bytes.ts';
import type { Index } from '../../base/ids.ts';
import {
  chunkEnd,
  type Snapshot,
  type SnapshotMeta,
  type SnapshotShape,
  snapshotName,
} from '../../storage/snapshot-file.ts';
import { SnapshotWriter } from '../../storage/snapshot-writer.ts';
import { RecordingDisk } from './recording-disk.ts';

/** A snapshot as another node has it. */
export interface SnapshotBytes {
  readonly snapshot: Snapshot;
  readonly shape: SnapshotShape;
  readonly bytes: Uint8Array;
}

/** Stands for the state behind an entry: the same on every node. */
export function stateBehind(at: Index): Uint8Array {
  return bytesOf(`the state behind ${at}: `.padEnd(100 + (at % 7) * 100, 'x'));
}

/** The file that another node has made of it. */
export function snapshotBytes(meta: SnapshotMeta, blockBytes: number): SnapshotBytes {
  const disk = new RecordingDisk();
  let made: Omit<SnapshotBytes, 'bytes'> | null = null;
  const writer = new SnapshotWriter(disk, meta, blockBytes, {
    published: (snapshot, shape) => {
      made = { snapshot, shape };
    },
    failed: (error) => assert(false, () => `a disk in memory failed: ${error}`),
    over: () => {},
  });
  writer.write(stateBehind(meta.index));
  writer.finish(() => {});
  disk.run();
  return { ...made!, bytes: disk.image().get(snapshotName(meta.index))! };
}

/** Its pieces, as a leader sends them. */
export function* chunksOf(
  { shape, bytes }: SnapshotBytes,
  bytesMax: number,
): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const end = chunkEnd(shape, from, bytesMax);
    yield bytes.slice(from, end);
    from = end;
  }
}
