import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';

type LookupDone = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Asks the system's resolver, but never twice at once for the same name. A resolver that hangs
 * holds a thread of the pool for many seconds, while peers are dialed twice a second: without this
 * the questions would pile up.
 */
export class SharedLookup {
  private readonly waiting = new Map<string, LookupDone[]>();

  /** For the `lookup` option of `net.connect`, which always asks with the same options. */
  readonly lookup = (hostname: string, options: LookupOptions, done: LookupDone): void => {
    const others = this.waiting.get(hostname);
    if (others !== undefined) {
      others.push(done);
      return;
    }
    const all = [done];
    this.waiting.set(hostname, all);
    lookup(hostname, options, (error, address, family) => {
      this.waiting.delete(hostname);
      for (const callback of all) callback(error, address, family);
    });
  };
}
