// Preloaded into a node (`node --import`): says every second for how long the event loop was held
// up at most. Measured from inside, since from outside a slow answer may have other reasons.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

/** The sampling itself is a timer of this period, which is part of every delay. */
const RESOLUTION_MS = 5;
const EVERY_MS = 1000;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
setInterval(() => {
  const maxMs = delays.max / 1e6 - RESOLUTION_MS;
  if (Number.isFinite(maxMs))
    process.stderr.write(`${JSON.stringify({ loopDelayMaxMs: maxMs })}\n`);
  delays.reset();
}, EVERY_MS).unref();
