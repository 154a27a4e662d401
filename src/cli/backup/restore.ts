import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ByteWriter, readU32 } from '../../base/bytes.ts';
import { sha256 } from '../../base/sha256.ts';
import { NodeDisk } from '../../node/disk.ts';
import { acquireDirectoryLock } from '../../node/lock.ts';
import { CLUSTER_ID_BYTES, encodeConfiguration, type Member } from '../../raft/configuration.ts';
import { membersImage, restoredMembersImage } from '../../replica/identity-book.ts';
import { createDirectoryBehind } from '../../storage/create.ts';
import { DiskError } from '../../storage/disk.ts';
import { DIRECTORY_ID_BYTES } from '../../storage/segment.ts';
import type { SnapshotMeta } from '../../storage/snapshot-file.ts';
import { SnapshotWriter } from '../../storage/snapshot-writer.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { readSnapshotFile } from './snapshot-source.ts';
import type { WholeSnapshot } from './snapshot-stream.ts';

/** Read from the backup and not yet on the disk: above it, reading waits. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
const LABEL = 'dkvs restore 1';

/** The cluster that a backup becomes: the same on every host that is told the same. */
export interface RestoredCluster {
  readonly clusterId: Uint8Array;
  /** In the order of their ids. */
  readonly members: readonly Member[];
  /** What every member's snapshot begins with. */
  readonly meta: SnapshotMeta;
}

/**
 * Derives the identity of the new cluster. Each host restores its own member, and they have to agree
 * in it without having met: so it follows from the backup, the members and the token, by a hash that
 * nobody can steer. So does the id of the snapshot, for it is another file than the backup's.
 * @param token tells two restores of one backup to the same members apart.
 */
export function restoredCluster(
  { snapshot, shape }: WholeSnapshot,
  members: readonly Member[],
  token: string,
): RestoredCluster {
  const known = new ByteWriter();
  known.rawText(LABEL).u64(snapshot.id).u64(snapshot.index).u64(snapshot.term);
  known.u64(snapshot.bytes).u32(shape.fileCrc);
  const image = membersImage(members);
  known.u32(image.length).raw(image).raw(new TextEncoder().encode(token));
  const digest = sha256(known.view());
  const clusterId = digest.slice(0, CLUSTER_ID_BYTES);
  const id = readU32(digest, 16) + (readU32(digest, 20) & 0x1fffff) * 2 ** 32;
  const configuration = encodeConfiguration({ clusterId, members });
  const { index, term } = snapshot;
  return { clusterId, members, meta: { index, term, id, configuration } };
}

/** @throws CliError unless the directory is missing, or empty. */
export function checkIsFree(directory: string): void {
  if (!existsSync(directory)) return;
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    throw usageError(`${directory} is no directory that can be read: ${(error as Error).message}`);
  }
  const others = names.filter((name) => !name.startsWith('lock.'));
  if (others.length === 0) return;
  throw usageError(
    `${directory} is not empty: there is ${others[0]}`,
    'a restore makes new directories, and touches none that has something in it: name another one, ' +
      'or take away what an earlier restore did not finish',
  );
}

/**
 * Makes the data directory of one member: the snapshot first, under its name once it is durable, then
 * an empty log behind it, then the hard state, whose name makes the directory one. Before that name is
 * durable no node starts on it.
 * @throws CliError
 */
export async function restoreMember(
  file: string,
  directory: string,
  member: Member,
  { clusterId, members, meta }: RestoredCluster,
  blockBytes: number,
): Promise<void> {
  makeDirectory(directory);
  const lock = acquireDirectoryLock(directory);
  if ('heldBy' in lock) throw new CliError(ExitCode.Other, `${lock.heldBy}: stop it first`);
  const disk = new NodeDisk(directory);
  try {
    checkIsFree(directory);
    await writeSnapshot(file, disk, meta, blockBytes);
    const identity = {
      nodeId: member.id,
      name: member.name,
      directoryId: new Uint8Array(randomBytes(DIRECTORY_ID_BYTES)),
      membersImage: restoredMembersImage(clusterId, members),
    };
    createDirectoryBehind(disk, identity, { ...meta, clusterId });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new CliError(
      ExitCode.Other,
      `${directory} can't be written: ${error.message}`,
      'nothing in it can be used: take it away, and restore again',
    );
  } finally {
    disk.close();
    lock.release();
  }
}

/** The backup's state behind a header of its own, so that every block is sealed anew. */
async function writeSnapshot(
  file: string,
  disk: NodeDisk,
  meta: SnapshotMeta,
  blockBytes: number,
): Promise<void> {
  const writing = new Writing(disk, meta, blockBytes);
  const onPayload = (payload: Uint8Array) => writing.writer.write(payload);
  await readSnapshotFile(file, { onPayload }, () => writing.drained());
  await writing.finish();
}

/** A snapshot's writer, to be awaited. */
class Writing {
  readonly writer: SnapshotWriter;
  private failure: DiskError | null = null;
  /** Something has happened. */
  private wake = () => {};

  constructor(disk: NodeDisk, meta: SnapshotMeta, blockBytes: number) {
    const failed = (error: DiskError) => {
      this.failure = error;
      this.wake();
    };
    this.writer = new SnapshotWriter(disk, meta, blockBytes, {
      published: () => {},
      failed,
      over: () => {},
    });
    this.writer.onNoRoom = failed;
    this.writer.onDrain = () => this.wake();
  }

  /** @throws DiskError */
  async drained(): Promise<void> {
    while (this.failure === null && this.writer.pendingBytes > PENDING_BYTES_MAX) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure !== null) throw this.failure;
  }

  /** It has its name, durably. @throws DiskError */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.writer.finish(() => resolve());
    });
    if (this.failure !== null) throw this.failure;
  }
}

/** Its own name is durable too, as far as it is new. */
function makeDirectory(directory: string): void {
  try {
    const first = mkdirSync(directory, { recursive: true });
    if (first === undefined) return;
    const parent = openSync(dirname(first), 'r');
    fsyncSync(parent);
    closeSync(parent);
  } catch (error) {
    throw usageError(`${directory} can't be made: ${(error as Error).message}`);
  }
}
