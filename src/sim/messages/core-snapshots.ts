import { assert } from '../../base/assert.ts';
import { concatBytes } from '../../base/bytes.ts';
import type { Entry } from '../../base/entry.ts';
import { type Index, indexPlus } from '../../base/ids.ts';
import { native } from '../../base/native.ts';
import { Prng } from '../../base/prng.ts';
import { isSameSnapshot, type SnapshotInfo } from '../../base/snapshot.ts';
import { Violation } from '../observer.ts';
import type { CoreCluster } from './core-cluster.ts';
import type { CoreNode, Machine } from './core-node.ts';
import { cutFront, lastIndexOf } from './durable-image.ts';

/** A file of a snapshot lies on many disks, and is the same everywhere. */
interface SnapshotFile {
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/**
 * What the hosts of a cluster of cores do about snapshots, each step when its owner says so. The
 * state of a machine is the hash of its entries; the bytes of a file are noise of its own.
 */
export class CoreSnapshots {
  /** While everything else is done at once, pieces of snapshots wait for whoever asks for them. */
  areSlow = false;
  private readonly cluster: CoreCluster;
  private readonly files = new Map<number, SnapshotFile>();

  constructor(cluster: CoreCluster) {
    this.cluster = cluster;
  }

  /** The bytes that are in the snapshot of this id, wherever it lies. */
  fileOf({ id }: SnapshotInfo): SnapshotFile {
    const file = this.files.get(id);
    assert(file !== undefined, () => `there is no snapshot ${id}`);
    return file;
  }

  /** The state that a start restores. */
  restored(node: CoreNode): Machine {
    const newest = node.image.snapshots.at(-1);
    if (newest === undefined) return { index: 0 as Index, hash: 0 };
    return { index: newest.index, hash: this.fileOf(newest).hash };
  }

  /** Applies what is committed, or jumps to the snapshot that took the log's place. */
  apply(id: number): void {
    const node = this.cluster.node(id);
    const { machine, install } = node;
    if (install !== null) {
      node.install = null;
      machine.index = install.index;
      machine.hash = this.fileOf(install).hash;
      for (const witness of this.cluster.witnesses) witness.applied?.(node);
      this.cluster.act(id, (raft) => raft.applied(install.index));
    }
    while (machine.index < node.effectsCommitIndex) {
      const { record } = entryOf(node, indexPlus(machine.index, 1));
      machine.hash = native.crc32(record, 0, record.length, machine.hash);
      machine.index = indexPlus(machine.index, 1);
      for (const witness of this.cluster.witnesses) witness.applied?.(node);
    }
    this.cluster.act(id, (raft) => raft.applied(machine.index));
  }

  /** Writes a snapshot of what the node has applied, of so many bytes. It is published once the log is
   *  durable up to there (D-7). */
  write(id: number, bytes: number): void {
    const node = this.cluster.node(id);
    const { machine, image } = node;
    const newest = image.snapshots.at(-1)?.index ?? 0;
    if (node.install !== null || node.unpublished !== null || machine.index <= newest) return;
    const { index, hash } = machine;
    const file = this.files.size + 1;
    this.files.set(file, { bytes: new Prng(file).bytes(bytes), hash });
    node.unpublished = { index, term: node.up.termAt(index), id: file, bytes };
  }

  /** Of three snapshots the oldest is removed, but for one that is on its way to somebody. */
  publish(id: number): void {
    const node = this.cluster.node(id);
    const { unpublished: snapshot, image } = node;
    if (snapshot === null || node.up.stableIndex < snapshot.index) return;
    node.unpublished = null;
    const pins = node.up.snapshotPins(this.cluster.nowMs);
    const isPinned = (one: SnapshotInfo) => pins.some((pin) => isSameSnapshot(pin, one));
    image.snapshots.push(snapshot);
    image.snapshots = image.snapshots.filter(
      (one, i) => i >= image.snapshots.length - 2 || isPinned(one),
    );
    for (const witness of this.cluster.witnesses) witness.snapshotTaken?.(node, snapshot);
    this.cluster.act(id, (raft) => raft.snapshotTaken(snapshot));
  }

  /** Cuts the log, to the last snapshot but one: so many are kept. Or to the last. */
  compact(id: number, toNewest: boolean): void {
    const node = this.cluster.node(id);
    const { image } = node;
    const target = image.snapshots.at(toNewest ? -1 : -2);
    if (target === undefined || node.persists.some(({ reset }) => reset !== null)) return;
    const pins = node.up.snapshotPins(this.cluster.nowMs).map(({ index }) => index);
    const to = Math.min(target.index, lastIndexOf(image), ...pins) as Index;
    if (to <= image.base.index) return;
    cutFront(image, to);
    const { base } = image;
    for (const witness of this.cluster.witnesses) witness.compacted?.(node);
    this.cluster.act(id, (raft) => raft.compacted(base));
  }

  /** Answers the node's oldest read of a snapshot, with so many bytes at most; none: it failed. */
  answerRead(id: number, bytesMax = Number.POSITIVE_INFINITY): void {
    const node = this.cluster.node(id);
    const read = node.snapshotReads.shift();
    if (read === undefined) return;
    const isThere = node.image.snapshots.some((one) => isSameSnapshot(one, read.snapshot));
    const { offset } = read;
    const length = Math.min(bytesMax, read.bytesMax);
    const bytes =
      isThere && length > 0
        ? this.fileOf(read.snapshot).bytes.slice(offset, offset + length)
        : null;
    for (const witness of this.cluster.witnesses) witness.snapshotRead?.(node, bytes !== null);
    this.cluster.act(id, (raft) => raft.snapshotRead(this.cluster.nowMs, read, bytes));
  }

  /** The host takes the oldest piece that has come. */
  takeChunk(id: number): void {
    const node = this.cluster.node(id);
    const chunk = node.chunks.shift();
    if (chunk === undefined) return;
    const { snapshot, offset, bytes } = chunk;
    let { incoming } = node;
    if (incoming === null || !isSameSnapshot(incoming.snapshot, snapshot)) {
      incoming = { snapshot, bytes: new Uint8Array(0) };
      node.incoming = incoming;
    }
    if (offset === incoming.bytes.length) incoming.bytes = concatBytes([incoming.bytes, bytes]);
    if (incoming.bytes.length < snapshot.bytes) {
      const has = incoming.bytes.length;
      this.cluster.act(id, (raft) => raft.chunkTaken(this.cluster.nowMs, chunk, has));
      return;
    }
    node.incoming = null;
    this.verify(node, snapshot, incoming.bytes);
    this.received(node, snapshot);
  }

  /** The checksums of a real file would see it; but nobody is to rely on that. */
  private verify(node: CoreNode, snapshot: SnapshotInfo, bytes: Uint8Array): void {
    const file = this.fileOf(snapshot).bytes;
    if (file.every((byte, i) => byte === bytes[i])) return;
    throw new Violation('D4', `${node.name} got a snapshot ${snapshot.id} that is none`);
  }

  private received(node: CoreNode, snapshot: SnapshotInfo): void {
    const { nowMs, witnesses } = this.cluster;
    const { lastIndex, commitIndex } = node.up;
    const before = { lastIndex, commitIndex };
    this.cluster.act(node.id, (raft) => {
      const outcome = raft.snapshotReceived(nowMs, snapshot);
      for (const witness of witnesses) witness.received?.(node, snapshot, outcome, before);
    });
  }
}

function entryOf({ up, image }: CoreNode, at: Index): Entry {
  const inMemory = up.entriesInMemory(at, 0, at);
  const entry = inMemory?.[0] ?? image.entries[at - image.base.index - 1];
  assert(entry?.index === at, () => `entry ${at} is nowhere`);
  return entry;
}
