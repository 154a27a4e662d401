import { type Revision, revision } from '../base/ids.ts';
import { Keyspace } from './keyspace.ts';

/** What the state machine keeps, and the one way to change it. */
export class Data {
  readonly keyspace = new Keyspace();
  private currentRevision: Revision = revision(0);

  get revision(): Revision {
    return this.currentRevision;
  }

  /** Once for each command that changes something, however many keys it changes; never for one that
   *  does not. */
  nextRevision(): Revision {
    this.currentRevision = revision(this.currentRevision + 1);
    return this.currentRevision;
  }

  /** The change of a command that writes this key and nothing else. */
  put(key: string, keyBytes: Uint8Array, value: Uint8Array): void {
    this.keyspace.set(key, keyBytes, value, this.nextRevision());
  }

  /** The change of a command that removes this key and nothing else, if it is there.
   *  @returns whether it was. */
  remove(key: string): boolean {
    const removed = this.keyspace.delete(key);
    if (removed) this.nextRevision();
    return removed;
  }
}
