// One thread of `npm run mutants`: runs seeds on a mutant until one of them finds it. A seed counts
// only if the sound tree passes it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const { mutant, sound, from, seedsMax, judges, isCore } = workerData;

/** How a build runs a seed: of whole clusters, or of cores alone. */
async function load(build) {
  const module = (path) => import(pathToFileURL(join(build, 'src', path)).href);
  const { installNodeNative } = await module('node/native.js');
  installNodeNative();
  if (isCore) {
    const { runCores } = await module('sim/messages/run.js');
    return (seed) => runCores({ seed }).failure;
  }
  const { runSeed } = await module('sim/run.js');
  const { defaultSettings } = await module('sim/plan.js');
  return (seed) => runSeed({ ...defaultSettings, seed, judges }).failure;
}

const runMutant = await load(mutant);
let runSound = null;
let judge = null;
/** What the mutant has died of, where nobody had spoken before. */
let crash = null;
let seeds = 0;
while (judge === null && seeds < seedsMax) {
  parentPort.postMessage({ seeds });
  const seed = from + seeds++;
  const failure = runMutant(seed);
  if (failure === null) continue;
  runSound ??= await load(sound);
  if (runSound(seed)?.invariant === failure.invariant) continue;
  judge = judgeOf(failure);
  if (judge === null) crash ??= `${failure.invariant}: ${failure.text}`;
}
parentPort.postMessage({ seeds, judge, crash });

/** "S6", "assertion S8", "assertion"; null: it is nobody's word. A replica that falls over a value
 *  which is not there shows that a mutant does not run, not that a test would have found the bug. */
function judgeOf({ kind, invariant, stack }) {
  if (kind !== 'crash') return invariant;
  const [, said] = /AssertionError: ([^\n]*)/.exec(stack) ?? [];
  if (said === undefined) return null;
  const [, rule] = /\b([SDLR]\d{1,2})\b/.exec(said) ?? [];
  return rule === undefined ? 'assertion' : `assertion ${rule}`;
}
