import type { Revision } from '../base/ids.ts';
import { mix } from './murmur3.ts';

/**
 * What one item adds to the digest of a keyspace, a signed 32-bit hash of all there is of it. The
 * digest is the sum of the shares, so it doesn't depend on the order of the items.
 * @param content the hash of its value, seeded with the hash of its key.
 */
export function itemShare(content: number, modRevision: number, serial: number): number {
  return mix(mix(content, modRevision), serial);
}

/** The hash of the whole state: a signed 32-bit number. */
export function stateHash(digest: number, revision: Revision, keysCreated: number): number {
  return mix(mix(digest, revision), keysCreated);
}
