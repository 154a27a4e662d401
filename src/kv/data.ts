import { type Revision, revision } from '../base/ids.ts';
import type { HashKey } from './half-sip-hash.ts';
import { Keyspace } from './keyspace.ts';

const BYTES_PER_UNIT = 256;

/** What the state machine keeps, and the one way to change it. */
export class Data {
  private currentKeyspace: Keyspace;
  private currentRevision: Revision = revision(0);
  private spent = 0;

  constructor(hashKey: HashKey) {
    this.currentKeyspace = new Keyspace(hashKey);
  }

  get keyspace(): Keyspace {
    return this.currentKeyspace;
  }

  get revision(): Revision {
    return this.currentRevision;
  }

  /** What the commands that may take long have cost so far: about one unit a microsecond. A number
   *  that all replicas agree in, where a clock is none; it is no part of the state. */
  get work(): number {
    return this.spent;
  }

  spend(units: number): void {
    this.spent += units;
  }

  /** For whoever reads or writes so many bytes of values. */
  spendOnBytes(bytes: number): void {
    this.spent += bytes / BYTES_PER_UNIT;
  }

  /** Once for each command that changes something, however many keys it changes; never for one that
   *  does not. */
  nextRevision(): Revision {
    this.currentRevision = revision(this.currentRevision + 1);
    return this.currentRevision;
  }

  /** All of it, by another state. */
  replace(keyspace: Keyspace, at: Revision): void {
    this.currentKeyspace = keyspace;
    this.currentRevision = at;
  }

  /** The change of a command that writes this key and nothing else. */
  put(key: Uint8Array, value: Uint8Array): void {
    this.set(key, value, this.nextRevision());
  }

  /** A part of a change. */
  set(key: Uint8Array, value: Uint8Array, at: Revision): void {
    this.currentKeyspace.set(key, 0, key.length, value, 0, value.length, at);
  }

  /** The change of a command that removes this key and nothing else, if it is there.
   *  @returns whether it was. */
  remove(key: Uint8Array): boolean {
    const removed = this.currentKeyspace.delete(key);
    if (removed) this.nextRevision();
    return removed;
  }
}
