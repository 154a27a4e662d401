import type { Disk } from './disk.ts';
import type { Recovered } from './found-log.ts';
import { recover } from './recovery.ts';
import { isRefusal, type Refusal } from './refusal.ts';

/** What a directory has been made to be. */
export interface Accepted {
  /** Whether it was a suspect's; if not, nothing was changed but what any start would. */
  readonly wasSuspect: boolean;
  readonly name: string;
  readonly recovered: Recovered;
}

/**
 * Takes a suspect's log for whole, as it is: what it lacks of what was acknowledged is given up.
 * For the operator of a cluster that has too few sound members left, and nobody else.
 * @throws DiskError
 */
export function acceptDataLoss(disk: Disk, segmentBytes: number): Accepted | Refusal {
  const recovery = recover(disk, { segmentBytes });
  if (isRefusal(recovery)) return recovery;
  const { files, recovered, segment } = recovery;
  const { image } = files;
  const { suspect: wasSuspect, name } = image.state;
  if (wasSuspect) {
    const state = { ...image.state, suspect: false };
    files.saveSync({ ...image, sequence: image.sequence + 1, state });
  }
  segment.close();
  files.close();
  return { wasSuspect, name, recovered };
}
