import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

const PATIENCE_MS = 5000;

/** Lets the event loop turn until `done` holds. */
export async function until(done: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!done()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await turn();
  }
}

export async function pass(ms: number): Promise<void> {
  await sleep(ms);
}
