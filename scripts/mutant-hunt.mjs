// What it takes to catch one mutant: seeds of the simulator, or a test. A catch is a judge's word, an
// assertion's, or a test that fails; what else may go wrong with a hunt is trouble, and no catch.

import { Worker } from 'node:worker_threads';

const WORKER = new URL('./mutant-worker.mjs', import.meta.url);
/** A seed takes about a second, and on a machine with much else to do a minute. */
const HANGS_AFTER_MS = 600_000;
/** What runs away with the memory takes its thread with it, and not the machine. */
const MEMORY_MAX_MB = 1024;

/**
 * @typedef {object} Catch
 * @property {number} seeds how many it took; of who was not caught, how many have passed; 0: a test.
 * @property {string | null} judge who spoke first; null: nobody.
 */

/**
 * Runs seeds on a mutant until somebody speaks, or until `seedsMax`, or `untilMs` of
 * `performance.now()`.
 * @param {{mutant: string, sound: string, from: number, seedsMax: number, judges: string,
 *   isCore: boolean}} what the builds, and what is run of them.
 * @param {{untilMs: number, onSeed: (seeds: number) => void, signal: AbortSignal,
 *   memoryMaxMb?: number}} how
 * @returns {Promise<Catch>} rejects with what went wrong with the hunt itself: a thread that died of
 *   anything but what a judge said (a syntax error, no memory), or that does not come back.
 */
export function huntSeeds(what, { untilMs, onSeed, signal, memoryMaxMb = MEMORY_MAX_MB }) {
  return new Promise((resolve, reject) => {
    const resourceLimits = { maxYoungGenerationSizeMb: 64, maxOldGenerationSizeMb: memoryMaxMb };
    const worker = new Worker(WORKER, { workerData: what, resourceLimits });
    let timer;
    let isOver = false;
    // The first word counts: a thread that is told to end says so too.
    const end = (settle, value) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      worker.terminate().then(() => settle(value), reject);
    };
    const fail = (text) => end(reject, new Error(text));
    const abort = () => fail('given up');
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => fail(`a seed takes longer than ${HANGS_AFTER_MS} ms`),
        HANGS_AFTER_MS,
      );
    };
    wait();
    signal.addEventListener('abort', abort);
    worker.on('message', ({ seeds, judge, crash }) => {
      onSeed(seeds);
      if (judge === undefined && performance.now() < untilMs) wait();
      else if (judge === null && crash !== null)
        fail(`it does not run, and no judge says so: ${crash}`);
      else end(resolve, { seeds, judge: judge ?? null });
    });
    worker.on('error', (error) =>
      fail(`its thread died: ${error.code ?? error.name}, ${error.message}`),
    );
    worker.on('exit', (code) => fail(`its thread ended with ${code}`));
  });
}

/**
 * @param {string} suite a file of the compiled tests.
 * @param {string} said what `node --test` has printed, as TAP.
 * @returns {Catch} Only a test that has failed is a catch: a file that can't be loaded has none.
 */
export function verdictOfSuite(suite, said) {
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(said)?.[1] ?? 0);
  if (count('tests') === 0) throw new Error(`test/${suite} runs no test:\n${said.slice(-2000)}`);
  const failed = count('fail') + count('cancelled') > 0;
  return { seeds: 0, judge: failed ? `test/${suite.replace(/\.js$/, '.ts')}` : null };
}
