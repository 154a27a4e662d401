import assert from 'node:assert/strict';
import { bytesOf, concatBytes } from '../../src/base/bytes.ts';
import { index, term } from '../../src/base/ids.ts';
import type { SnapshotInfo } from '../../src/base/snapshot.ts';
import {
  chunkEnd,
  type Snapshot,
  type SnapshotMeta,
  type SnapshotShape,
} from '../../src/storage/snapshot-file.ts';
import { SnapshotWriter } from '../../src/storage/snapshot-writer.ts';
import { emptyWorld, type Run, smallLimits } from './world.ts';

/** Snapshots of several blocks, sent in several chunks. */
export const snapshotLimits = { ...smallLimits, snapshotChunkBytesMax: 72 };
export const configuration = bytesOf('three of them');

export const metaAt = (at: number, inTerm = 1, id = at * 1000): SnapshotMeta => {
  return { index: index(at), term: term(inTerm), id, configuration };
};

/** What the state behind an entry looks like. */
export const stateAt = (at: number, bytes = 200): Uint8Array =>
  bytesOf(`state ${at} `.padEnd(bytes, 'x'));

export interface SnapshotFile {
  readonly snapshot: Snapshot;
  readonly shape: SnapshotShape;
  readonly bytes: Uint8Array;
}

/** A snapshot's file, as the writer makes it on a disk of its own. */
export function fileOf(meta: SnapshotMeta, state: Uint8Array, blockBytes: number): SnapshotFile {
  const { disk, later } = emptyWorld();
  let made: Omit<SnapshotFile, 'bytes'> | null = null;
  const writer = new SnapshotWriter(disk, meta, blockBytes, {
    published: (snapshot, shape) => {
      made = { snapshot, shape };
    },
    failed: (error) => assert.fail(error.message),
    over: () => {},
  });
  for (let at = 0; at < state.length; at += 7) writer.write(state.subarray(at, at + 7));
  writer.finish(() => {});
  later.run();
  const [bytes] = disk.image().values();
  return { ...made!, bytes: bytes! };
}

/** A leader's snapshot behind that entry. */
export const leaderFile = (at: number, inTerm: number): SnapshotFile =>
  fileOf(metaAt(at, inTerm), stateAt(at), 64);

/** Takes one of the node's own, and waits for it. */
export function take(run: Run, at: number, inTerm = 1): Snapshot {
  const writer = run.storage.snapshots.begin(metaAt(at, inTerm));
  writer.write(stateAt(at));
  let finished: SnapshotInfo | null = null;
  writer.finish((info) => {
    finished = info;
  });
  assert.equal(finished, null, 'not before it is durable');
  run.later.run();
  const { newest } = run.storage.snapshots;
  assert.equal(newest?.index, at);
  assert.equal(finished, newest);
  return newest!;
}

/** Receives all of it; answers what it was told last. */
export function receive(run: Run, { snapshot, shape, bytes }: SnapshotFile): true | string {
  const receiver = run.storage.snapshots.receive(snapshot);
  let result = 'nothing' as true | string;
  for (let from = 0; from < bytes.length; ) {
    const end = chunkEnd(shape, from, snapshotLimits.snapshotChunkBytesMax);
    let called = false;
    receiver.add(from, bytes.subarray(from, end), (told) => {
      result = told;
      called = true;
    });
    assert.ok(!called, 'later');
    run.later.run();
    if (result !== true) return result;
    from = end;
  }
  assert.deepEqual(receiver.complete, snapshot);
  return result;
}

export function contents(run: Run, info: SnapshotInfo): Uint8Array {
  const blocks: Uint8Array[] = [];
  run.storage.snapshots.readAllSync(info, (payload) => blocks.push(payload.slice()));
  return concatBytes(blocks);
}

/** Reads it as a leader does for a follower. */
export function readChunks(run: Run, info: SnapshotInfo, bytesMax: number): Uint8Array | 'gone' {
  const chunks: Uint8Array[] = [];
  for (let offset = 0; offset < info.bytes; ) {
    const before = chunks.length;
    run.storage.snapshots.readChunk(info, offset, bytesMax, (result) => {
      assert.ok(!(result instanceof Error), String(result));
      if (result !== 'gone') chunks.push(result);
    });
    run.later.run();
    if (chunks.length === before) return 'gone';
    offset += chunks[before]!.length;
  }
  return concatBytes(chunks);
}

export function compact(run: Run, upTo: number): void {
  let done = false;
  run.storage.compact(index(upTo), () => {
    done = true;
  });
  run.later.run();
  assert.ok(done);
}

export const snapshotFiles = (names: readonly string[]): string[] =>
  names.filter((name) => name.includes('snapshot'));
