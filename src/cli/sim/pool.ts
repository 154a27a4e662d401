import { Worker } from 'node:worker_threads';
import type { RunSettings } from '../../sim/plan.ts';
import type { RunResult } from '../../sim/run.ts';

/** A run makes much that does not last: with room for it, most is gone before it is ever copied. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 };

const CLUSTERS = new URL('./worker.js', import.meta.url);

/**
 * Runs seeds on several threads.
 * @param next answers what to run next; null when there is nothing left.
 * @param done called with each result, in the order in which they come.
 * @param script what each thread is: takes settings, and answers with results.
 */
export async function runAll<Settings = RunSettings, Result = RunResult>(
  threads: number,
  next: () => Settings | null,
  done: (result: Result) => void,
  script = CLUSTERS,
): Promise<void> {
  const runOne = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(script, { resourceLimits });
      const ask = () => {
        const settings = next();
        if (settings !== null) worker.postMessage(settings);
        else worker.terminate().then(() => resolve(), reject);
      };
      worker.on('message', (result: Result) => {
        done(result);
        ask();
      });
      worker.on('error', reject);
      ask();
    });
  await Promise.all(Array.from({ length: threads }, runOne));
}
