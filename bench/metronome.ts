// A thread that wakes another, to some 50 µs: a timer of the event loop knows whole milliseconds
// only, and an arrival that waits for one is not on time. It sleeps in between, since a thread that
// spins would take one of the cores from what is measured.

import process from 'node:process';
import { workerData } from 'node:worker_threads';

export interface Metronome {
  readonly intervalMs: number;
  /** [0] 1: the load has not heard the last beat yet; no other is sent. [1] 1: it is to end. */
  readonly state: SharedArrayBuffer;
  readonly port: import('node:worker_threads').MessagePort;
}

const { intervalMs, state, port } = workerData as Metronome;
const shared = new Int32Array(state);
const idle = new Int32Array(new SharedArrayBuffer(4));

let nextMs = performance.now();
while (Atomics.load(shared, 1) === 0) {
  nextMs += intervalMs;
  const waitMs = nextMs - performance.now();
  if (waitMs > 0) Atomics.wait(idle, 0, 0, waitMs);
  else nextMs = performance.now();
  if (Atomics.exchange(shared, 0, 1) === 0) port.postMessage(null);
}
process.exit();
