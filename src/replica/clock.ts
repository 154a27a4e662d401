/**
 * Time as a replica sees it. Real in `node/clock.ts`, simulated in `sim/clock.ts`; both pass the
 * same conformance suite.
 */
export interface Clock {
  /** Milliseconds, with fractions, from an arbitrary start. Monotonic: it never goes back, and it
   *  includes the time the process was held up. */
  now(): number;
  /** Milliseconds since 1970, as the host believes: it may be wrong and may jump, so it is only
   *  ever shown. */
  wallMs(): number;
  /** Calls back once, not before `atMs` of `now()`. */
  timer(atMs: number, callback: () => void): Timer;
  /** Calls back once what is ready now has been read: the end of this turn of the event loop. */
  soon(callback: () => void): void;
}

export interface Timer {
  /** Harmless once it has fired. */
  cancel(): void;
}
