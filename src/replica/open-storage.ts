import type { Member } from '../raft/configuration.ts';
import { DiskError } from '../storage/disk.ts';
import { refusalOf } from '../storage/refusal.ts';
import type { SnapshotSink } from '../storage/snapshot-shelf.ts';
import { Storage } from '../storage/storage.ts';
import { type Failure, failureOf } from './failure.ts';
import { membersImage, StorageIdentityBook } from './identity-book.ts';
import type { ReplicaOptions } from './options.ts';

/** Opens the data directory, or makes an empty one a data directory first; it must be this
 *  member's, and of this cluster.
 *  @param sink as in `Storage.open`. */
export function openStorage(
  options: ReplicaOptions,
  self: Member,
  sink: SnapshotSink,
): Storage | Failure {
  const { clock, disk, freshStartId, limits } = options;
  try {
    if (Storage.isEmpty(disk)) {
      Storage.create(disk, limits, {
        nodeId: self.id,
        name: self.name,
        directoryId: options.freshDirectoryId,
        membersImage: membersImage(options.members),
      });
    }
  } catch (error) {
    if (error instanceof DiskError) return failureOf(refusalOf(error));
    throw error;
  }
  const storage = Storage.open(disk, limits, freshStartId, () => clock.now(), sink);
  if (!(storage instanceof Storage)) return failureOf(storage);
  return StorageIdentityBook.mismatch(storage, self, options.members) ?? storage;
}
