import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hex } from '../../base/bytes.ts';
import { formatAddress } from '../../client/address.ts';
import { NodeDisk } from '../../node/disk.ts';
import { decodeConfiguration, type Member } from '../../raft/configuration.ts';
import {
  BLOCK_HEADER_BYTES,
  SNAPSHOT_FOOTER_BYTES,
  type Snapshot,
  snapshotIndexOf,
} from '../../storage/snapshot-file.ts';
import { peekSnapshotSync } from '../../storage/snapshot-reader.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { openToRead } from '../wal/directory.ts';
import {
  DamagedSnapshot,
  type SnapshotListener,
  SnapshotStream,
  type WholeSnapshot,
} from './snapshot-stream.ts';

/** What is read at once; it holds any piece. */
const READ_BYTES = 1024 * 1024;

/** The files that a path names: one, or those in a data directory, the newest first.
 *  @throws CliError */
export function snapshotFilesAt(path: string): readonly string[] {
  if (!existsSync(path)) throw usageError(`there is no ${path}`);
  if (!statSync(path).isDirectory()) return [path];
  openToRead(path);
  const names = readdirSync(path).filter((name) => snapshotIndexOf(name) > 0);
  if (names.length > 0)
    return names
      .sort()
      .reverse()
      .map((name) => join(path, name));
  throw new CliError(
    ExitCode.Other,
    `there is no snapshot in ${path}`,
    'a node takes its first one when its log has grown enough: dkvs backup FILE takes one now',
  );
}

/**
 * Reads a whole file, in order.
 * @param pause awaited between two reads, for whoever takes what is read elsewhere.
 * @throws DamagedSnapshot; CliError when the file can't be read.
 */
export async function readSnapshotFile(
  path: string,
  listener: SnapshotListener = {},
  pause: () => Promise<void> = async () => {},
): Promise<WholeSnapshot> {
  const stream = new SnapshotStream(listener);
  const descriptor = openFile(path);
  try {
    const size = fstatSync(descriptor).size;
    const buffer = new Uint8Array(READ_BYTES);
    while (stream.offset < size) {
      const length = readSync(descriptor, buffer, 0, READ_BYTES, stream.offset);
      if (stream.take(buffer.subarray(0, length)) === 0) break;
      await pause();
    }
    return stream.end();
  } catch (error) {
    throw readable(path, error);
  } finally {
    closeSync(descriptor);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw readable(path, error);
  }
}

/** What the operating system says, as a sentence. */
function readable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof DamagedSnapshot) return error;
  return new CliError(ExitCode.Other, `${path} can't be read: ${(error as Error).message}`);
}

/** What stands at both ends of a file: what it says, not yet whether it is true. */
export interface SnapshotOutline {
  readonly snapshot: Snapshot;
  readonly blocks: number;
  readonly keys: number;
  readonly revision: number;
  readonly clusterId: string;
  readonly members: readonly { readonly name: string; readonly address: string }[];
}

/** Looks at the header, the first block and the footer.
 *  @throws DamagedSnapshot when one of them is bad; CliError when the file can't be read. */
export function outlineOf(path: string): SnapshotOutline {
  const descriptor = openFile(path);
  try {
    const read = peek(path);
    if (typeof read === 'string') throw new DamagedSnapshot(read, 0, null);
    if (!('snapshot' in read)) {
      throw new DamagedSnapshot('its format version is unknown here', 0, null);
    }
    const start = new Uint8Array(READ_BYTES);
    const length = readSync(descriptor, start, 0, READ_BYTES, 0);
    const stream = new SnapshotStream();
    stream.take(start.subarray(0, length));
    if (stream.state === null) throw new DamagedSnapshot('it is cut off', stream.offset, null);
    const { revision, count: keys } = stream.state;
    const { headerBytes, blockBytes, bytes } = read.shape;
    const blocks = Math.ceil(
      (bytes - headerBytes - SNAPSHOT_FOOTER_BYTES) / (blockBytes + BLOCK_HEADER_BYTES),
    );
    return { snapshot: read.snapshot, blocks, keys, revision, ...configurationOf(read.snapshot) };
  } catch (error) {
    throw readable(path, error);
  } finally {
    closeSync(descriptor);
  }
}

function peek(path: string): ReturnType<typeof peekSnapshotSync> {
  const disk = new NodeDisk(dirname(path), 'read');
  try {
    return peekSnapshotSync(disk, basename(path));
  } finally {
    disk.close();
  }
}

/** The cluster that a snapshot was taken of. */
export function configurationOf({ configuration }: Pick<Snapshot, 'configuration'>): {
  readonly clusterId: string;
  readonly members: readonly { readonly name: string; readonly address: string }[];
} {
  const decoded = decodeConfiguration(configuration);
  const members = decoded?.members ?? [];
  return {
    clusterId: decoded === null ? '' : hex(decoded.clusterId),
    members: members.map((member: Member) => ({
      name: member.name,
      address: formatAddress(member),
    })),
  };
}
