import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { RunSettings } from '../../sim/plan.ts';
import type { RunResult } from '../../sim/run.ts';

/** A run makes much that does not last: with room for it, most is gone before it is ever copied. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 };

/**
 * A run goes through most of the program and stays nowhere for long: what V8 inlines into each of a
 * thousand functions costs more to compile, at first and again whenever it was wrong, than the calls
 * that it saves (docs/performance.md, "The simulator"). V8 takes these as hints; another version may
 * not know them.
 */
const COMPILER_FLAGS = [
  '--max-inlined-bytecode-size=100',
  '--max-inlined-bytecode-size-cumulative=200',
];

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
  for (const flag of COMPILER_FLAGS) setFlagsFromString(flag);
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
