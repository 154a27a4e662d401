// Preloaded into a node (`node --import`): says every second for how long the event loop was held
// up at most. Measured from inside, since from outside a slow answer may have other reasons; and
// with what the loop's thread did in that span, which tells a loop that had too much to do from one
// that the machine did not let run.

import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';

/** What a node says of its last second, as one line of JSON on standard error. */
export interface LoopDelay {
  /** The longest time that the loop was held up. */
  readonly loopDelayMaxMs: number;
  /** The longest time that its thread ran without coming back to the loop. */
  readonly loopRanMaxMs: number;
  /** The longest garbage collection. */
  readonly gcMaxMs: number;
}

const SAMPLE_MS = 5;
const EVERY_MS = 1000;
/** Of the thread that this runs on: nanoseconds on a processor, and waiting for one
 *  (`Documentation/scheduler/sched-stats.rst` of the kernel). */
const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;

let worst = { loopDelayMaxMs: 0, loopRanMaxMs: 0, gcMaxMs: 0 };
let sampledAtMs = performance.now();
let sampledRanMs = ranMs();

function ranMs(): number {
  return Number(readFileSync(SCHEDULED, 'latin1').split(' ')[0]) / 1e6;
}

const collections = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    worst.gcMaxMs = Math.max(worst.gcMaxMs, duration);
  }
});
collections.observe({ entryTypes: ['gc'] });

setInterval(() => {
  const [nowMs, nowRanMs] = [performance.now(), ranMs()];
  const delayMs = nowMs - sampledAtMs - SAMPLE_MS;
  worst.loopDelayMaxMs = Math.max(worst.loopDelayMaxMs, delayMs);
  // A loop that is not late runs many turns between two samples: what it ran is no pause.
  if (delayMs > 0) {
    worst.loopRanMaxMs = Math.max(worst.loopRanMaxMs, Math.min(nowRanMs - sampledRanMs, delayMs));
  }
  sampledAtMs = nowMs;
  sampledRanMs = nowRanMs;
}, SAMPLE_MS).unref();

setInterval(() => {
  const line: LoopDelay = worst;
  process.stderr.write(`${JSON.stringify(line)}\n`);
  worst = { loopDelayMaxMs: 0, loopRanMaxMs: 0, gcMaxMs: 0 };
}, EVERY_MS).unref();
