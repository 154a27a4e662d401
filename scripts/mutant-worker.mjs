// One thread of `npm run mutants`: runs seeds on a mutant until one of them finds it. A seed counts
// only if the sound tree passes it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const { mutant, sound, from, seedsMax, judges } = workerData;

async function load(build) {
  const module = (path) => import(pathToFileURL(join(build, 'src', path)).href);
  const { installNodeNative } = await module('node/native.js');
  installNodeNative();
  const { runSeed } = await module('sim/run.js');
  const { defaultSettings } = await module('sim/plan.js');
  return (seed) => runSeed({ ...defaultSettings, seed, judges }).failure;
}

const runMutant = await load(mutant);
const runSound = await load(sound);
let judge = null;
let seeds = 0;
while (judge === null && seeds < seedsMax) {
  parentPort.postMessage({ seeds });
  const seed = from + seeds++;
  const failure = runMutant(seed);
  if (failure !== null && runSound(seed)?.invariant !== failure.invariant) judge = nameOf(failure);
}
parentPort.postMessage({ seeds, judge });

/** "S6", "assertion S8", "assertion", "TypeError". */
function nameOf({ kind, invariant, stack }) {
  if (kind !== 'crash') return invariant;
  const assertion = /AssertionError: ([SDLR]\d+)?/.exec(stack);
  return assertion === null ? invariant : `assertion ${assertion[1] ?? ''}`.trim();
}
