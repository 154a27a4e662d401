import { parentPort } from 'node:worker_threads';
import { installNodeNative } from '../../node/native.ts';
import { type CoreRunSettings, runCores } from '../../sim/messages/run.ts';

/** One thread of `dkvs sim --core`. */
installNodeNative();
parentPort?.on('message', (settings: CoreRunSettings) => {
  parentPort?.postMessage(runCores(settings));
});
