import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { NodeDisk } from '../../node/disk.ts';
import { lockHolder } from '../../node/lock.ts';
import { segmentIdOf } from '../../storage/segment.ts';
import { type CliError, usageError } from '../exit.ts';

/** A node's data directory, opened to be read and nothing else. */
export interface ReadableDirectory {
  readonly disk: NodeDisk;
  /** The node that runs on it, so that its end is in motion; null when none does. */
  readonly runningPid: number | null;
}

/** @throws CliError when it is no data directory; DiskError when it can't be read. */
export function openToRead(directory: string): ReadableDirectory {
  if (!existsSync(directory)) throw usageError(`there is no ${directory}`);
  if (!statSync(directory).isDirectory()) throw usageError(`${directory} is no directory`);
  const disk = new NodeDisk(directory, 'read');
  if (!disk.list().some(isOfDataDirectory)) throw noDataDirectory(directory);
  return { disk, runningPid: lockHolder(directory) };
}

const isOfDataDirectory = (name: string): boolean =>
  name.startsWith('state.') || segmentIdOf(name) > 0;

/** `dkvs cluster` keeps a directory for each node below its own: name one of those. */
function noDataDirectory(directory: string): CliError {
  const message = `${directory} is no data directory of a node`;
  const below = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(directory, entry.name))
    .filter((path) => readdirSync(path).some(isOfDataDirectory));
  const [first] = below;
  if (first !== undefined) return usageError(message, `did you mean ${first}?`);
  return usageError(message, 'it is what a node was started with: dkvs serve --data DIR');
}
