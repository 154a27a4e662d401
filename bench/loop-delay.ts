// Preloaded into a node (`node --import`): says every second for how long the event loop was held
// up at most. Measured from inside, since from outside a slow answer may have other reasons; and
// with the processor time of the process in that span, which tells a loop that had too much to do
// from one that the machine did not let run.

import { PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';

/** What a node says of its last second, as one line of JSON on standard error. */
export interface LoopDelay {
  readonly loopDelayMaxMs: number;
  /** The processor time that the process used meanwhile, in all its threads. */
  readonly loopDelayCpuMs: number;
  readonly gcMaxMs: number;
}

const SAMPLE_MS = 5;
const EVERY_MS = 1000;

let worst = { loopDelayMaxMs: 0, loopDelayCpuMs: 0 };
let gcMaxMs = 0;
let sampledAtMs = performance.now();
let cpu = process.cpuUsage();

const collections = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) gcMaxMs = Math.max(gcMaxMs, duration);
});
collections.observe({ entryTypes: ['gc'] });

setInterval(() => {
  const [nowMs, used] = [performance.now(), process.cpuUsage(cpu)];
  const loopDelayMaxMs = nowMs - sampledAtMs - SAMPLE_MS;
  if (loopDelayMaxMs > worst.loopDelayMaxMs) {
    worst = { loopDelayMaxMs, loopDelayCpuMs: (used.user + used.system) / 1000 };
  }
  sampledAtMs = nowMs;
  cpu = process.cpuUsage();
}, SAMPLE_MS).unref();

setInterval(() => {
  const line: LoopDelay = { ...worst, gcMaxMs };
  process.stderr.write(`${JSON.stringify(line)}\n`);
  worst = { loopDelayMaxMs: 0, loopDelayCpuMs: 0 };
  gcMaxMs = 0;
}, EVERY_MS).unref();
