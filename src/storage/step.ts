import { DiskError } from './disk.ts';

/**
 * Runs one step of an asynchronous operation. Its synchronous calls throw, and inside a callback
 * nobody would catch that: it goes to `done` instead. The step must not call `done` itself before
 * it returns.
 */
export function step(done: (error: DiskError) => void, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    done(error);
  }
}
