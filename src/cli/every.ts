import type { Io } from './io.ts';

/** Does something at once and then again and again, until Ctrl-C or SIGTERM; never twice at a time. */
export async function every(io: Io, intervalMs: number, task: () => Promise<void>): Promise<void> {
  let isStopped = false;
  let wake = () => {};
  const release = io.onStop(() => {
    isStopped = true;
    wake();
  });
  try {
    while (!isStopped) {
      const startedMs = performance.now();
      await task();
      if (isStopped) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, startedMs + intervalMs - performance.now());
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    release();
  }
}
