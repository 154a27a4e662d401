// Preloaded into a node (`node --import`): on each SIGUSR2 it prints, as one line of JSON on
// standard error, what happened inside since the one before. It is no part of src/, which pays
// nothing for it.

import fs from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';
import { Histogram } from './histogram.ts';

/** What a node says of the time between two signals. */
export interface ProbeFigures {
  readonly probe: true;
  readonly spanMs: number;
  readonly collections: number;
  readonly collectionsMs: number;
  readonly collectionMaxMs: number;
  /** How much later than it was due a timer ran. */
  readonly loopDelayP50Ms: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  /** fsync and fdatasync of files. */
  readonly syncs: number;
  readonly syncP50Ms: number;
  readonly syncP99Ms: number;
  /** Of files: what was handed to the kernel. */
  readonly writtenBytes: number;
}

/** A timer that runs a thousand times a second sees what holds up the loop, and costs little. */
const RESOLUTION_MS = 1;
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
loop.enable();

let begunAtMs = performance.now();
let [collections, collectionsMs, collectionMaxMs, writtenBytes] = [0, 0, 0, 0];
let syncs = new Histogram();

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    collections++;
    collectionsMs += duration;
    collectionMaxMs = Math.max(collectionMaxMs, duration);
  }
}).observe({ entryTypes: ['gc'] });

type Callback = (error: NodeJS.ErrnoException | null) => void;
type Sync = (descriptor: number, done: Callback) => void;
type Write = (
  descriptor: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  ...rest: unknown[]
) => unknown;

const timed =
  (sync: Sync): Sync =>
  (descriptor, done) => {
    const begun = performance.now();
    sync(descriptor, (error) => {
      syncs.record(performance.now() - begun);
      done(error);
    });
  };

const counted =
  (write: Write): Write =>
  (descriptor, bytes, from, length, ...rest) => {
    writtenBytes += length;
    return write(descriptor, bytes, from, length, ...rest);
  };

// node/disk.ts calls them as properties of this one object.
const { fsync, fdatasync, write, writeSync } = fs;
Object.assign(fs, {
  fsync: timed(fsync),
  fdatasync: timed(fdatasync),
  write: counted(write as Write),
  writeSync: counted(writeSync as Write),
});

process.on('SIGUSR2', () => {
  const delayMs = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const figures: ProbeFigures = {
    probe: true,
    spanMs: performance.now() - begunAtMs,
    collections,
    collectionsMs,
    collectionMaxMs,
    loopDelayP50Ms: delayMs(loop.percentile(50)),
    loopDelayP99Ms: delayMs(loop.percentile(99)),
    loopDelayMaxMs: delayMs(loop.max),
    syncs: syncs.count,
    syncP50Ms: syncs.percentileMs(50),
    syncP99Ms: syncs.percentileMs(99),
    writtenBytes,
  };
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  begunAtMs = performance.now();
  [collections, collectionsMs, collectionMaxMs, writtenBytes] = [0, 0, 0, 0];
  syncs = new Histogram();
  loop.reset();
});
