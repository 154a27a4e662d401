import type { Revision } from '../base/ids.ts';
import { mix, murmur3 } from './murmur3.ts';

/**
 * What one item adds to the digest of a keyspace: a signed 32-bit hash of its key, value, revision
 * and serial. The digest is the sum of the shares, so it doesn't depend on the order of the items.
 */
export function itemShare(
  key: Uint8Array,
  keyFrom: number,
  keyTo: number,
  value: Uint8Array,
  valueFrom: number,
  valueTo: number,
  modRevision: number,
  serial: number,
): number {
  const keyHash = murmur3(key, keyFrom, keyTo, 0);
  return mix(mix(murmur3(value, valueFrom, valueTo, keyHash), modRevision), serial);
}

/** The hash of the whole state: a signed 32-bit number. */
export function stateHash(digest: number, revision: Revision, keysCreated: number): number {
  return mix(mix(digest, revision), keysCreated);
}
