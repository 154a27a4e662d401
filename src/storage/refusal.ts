import type { DiskError } from './disk.ts';

/**
 * Why a directory can't be opened. Not a failure of this process: a sentence for the operator.
 *
 * - `not-empty`: no data directory, yet other files lie in it
 * - `missing`: a file that must be there is not
 * - `state`: the two slots of the hard state are both bad, or contradict the log
 * - `rot`: bytes of the log that may have been promised are not what was written
 * - `stale`: an old copy: the other members know what became of it, and have said so
 * - `version`: written by a version of DKVS that this one does not know
 * - `io`: the operating system reported an error
 */
export interface Refusal {
  readonly kind: 'not-empty' | 'missing' | 'state' | 'rot' | 'stale' | 'version' | 'io';
  readonly file: string;
  /** In bytes, where the trouble begins. */
  readonly offset: number;
  /** What is wrong, and where. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

const KEEP_AND_RESTORE =
  'Keep a copy of the directory. If the storage below can restore this very file (RAID, a ' +
  'checksumming file system), do that. Otherwise leave this node stopped: the other members have ' +
  'the data and go on without it. Never copy files of another member here.';

export const REMEDIES: Record<Refusal['kind'], string> = {
  'not-empty': 'Name an empty directory, or the one this node has used before.',
  missing: KEEP_AND_RESTORE,
  state: KEEP_AND_RESTORE,
  rot: KEEP_AND_RESTORE,
  stale:
    'Put the newest copy of the directory in its place, and start that. If there is none, leave this ' +
    'node stopped: the other members have the data and go on without it.',
  version: 'Start it with the version of DKVS that wrote it, or a newer one.',
  io: 'Look for the cause in the kernel log and the disk itself; then start again.',
};

export function refusal(
  kind: Refusal['kind'],
  file: string,
  offset: number,
  what: string,
): Refusal {
  const where = offset === 0 ? file : `${file} at byte ${offset}`;
  return { kind, file, offset, message: `${where}: ${what}`, remedy: REMEDIES[kind] };
}

export function refusalOf(error: DiskError): Refusal {
  return refusal('io', error.file, 0, error.message);
}

export function isRefusal(value: object): value is Refusal {
  return 'remedy' in value;
}
