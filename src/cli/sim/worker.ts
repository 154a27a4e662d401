import { parentPort } from 'node:worker_threads';
import { installNodeNative } from '../../node/native.ts';
import type { RunSettings } from '../../sim/plan.ts';
import { runSeed } from '../../sim/run.ts';

/** One thread of `dkvs sim`: takes settings, one run after the other, and answers with results. */
installNodeNative();
parentPort?.on('message', (settings: RunSettings) => {
  parentPort?.postMessage(runSeed(settings));
});
