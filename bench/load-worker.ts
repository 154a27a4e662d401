// The thread of a load: see load.ts. It does nothing else, so that whoever measures meanwhile is
// not in its way.

import { MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { Arrivals } from './arrivals.ts';
import { Histogram } from './histogram.ts';
import type { LoadOrder, LoadOutcome } from './load.ts';
import { LoadCommands } from './load-commands.ts';
import { LoadSocket } from './load-socket.ts';
import type { Metronome } from './metronome.ts';

/** What is still unanswered so long after the last command was due is given up. */
const GRACE_MS = 10_000;
/** An open loop ends early when so many commands wait: more would only fill the load's memory. */
const UNANSWERED_MAX = 200_000;
/** What is due in the beginning of an open loop is sent and not counted: its threads are cold. */
const LEAD_IN_SECONDS = 0.5;
/** An open loop looks at what is due at most this often. */
const BEAT_MIN_MS = 0.1;

class Load {
  private readonly order: LoadOrder;
  private readonly commands: LoadCommands;
  private readonly latency = new Histogram();
  private readonly lateness = new Histogram();
  private readonly windows: Histogram[] = [];
  private readonly sockets: LoadSocket[] = [];
  private requests = 0;
  private errors = 0;
  private unanswered = 0;
  /** What was due before is not counted. */
  private begunAtMs = 0;
  private lastReplyMs = 0;
  private isOver = false;
  private allAnswered: () => void = () => {};

  constructor(order: LoadOrder) {
    this.order = order;
    this.commands = new LoadCommands(order);
  }

  async run(): Promise<LoadOutcome> {
    const closed = this.order.ratePerSecond === null;
    for (let i = 0; i < this.order.connections; i++) {
      const socket = await LoadSocket.open(this.order.port, {
        onReply: (dueMs, isError) => this.replied(dueMs, isError),
        onIdle: (idle) => closed && this.sendNext(idle),
        onFailure: (reason) => {
          throw new Error(reason);
        },
      });
      this.sockets.push(socket);
    }
    const before = performance.eventLoopUtilization();
    this.begunAtMs = performance.now();
    const abandoned = closed ? await this.closedLoop() : await this.openLoop();
    const busy = performance.eventLoopUtilization(before).utilization;
    const firstError = this.sockets.find((socket) => socket.firstError !== '')?.firstError ?? '';
    for (const socket of this.sockets) socket.close();
    return {
      requests: this.requests,
      errors: this.errors,
      firstError,
      seconds: (this.lastReplyMs - this.begunAtMs) / 1000,
      latency: this.latency.data,
      windows: this.windows.map(({ data }, i) => {
        return { fromMs: i * this.order.windowMs!, latency: data };
      }),
      lateness: this.lateness.data,
      abandoned,
      busy,
    };
  }

  private async closedLoop(): Promise<number> {
    for (const socket of this.sockets) this.sendNext(socket);
    return await this.drained(this.order.seconds * 1000);
  }

  private sendNext(socket: LoadSocket): void {
    const nowMs = performance.now();
    const count = Math.min(this.order.pipeline, this.commands.left);
    if (count === 0 || nowMs >= this.begunAtMs + this.order.seconds * 1000) this.isOver = true;
    if (this.isOver) {
      if (this.unanswered === 0) this.allAnswered();
      return;
    }
    this.unanswered += count;
    socket.send(this.commands.next(count), new Array(count).fill(nowMs));
  }

  private async openLoop(): Promise<number> {
    const { seconds } = this.order;
    const rate = this.order.ratePerSecond!;
    let arrivals = new Arrivals(rate, 0, 0);
    await onEachBeat(Math.max(BEAT_MIN_MS, 1000 / rate), () => {
      const nowMs = performance.now();
      if (arrivals.total === 0) {
        // Its thread has come up: what is due is due from now on.
        arrivals = new Arrivals(rate, LEAD_IN_SECONDS + seconds, nowMs);
        this.begunAtMs = nowMs + LEAD_IN_SECONDS * 1000;
      }
      for (let n = arrivals.take(nowMs); n >= 0; n = arrivals.take(nowMs)) {
        const dueMs = arrivals.dueMs(n);
        this.unanswered++;
        if (dueMs >= this.begunAtMs) this.lateness.record(nowMs - dueMs);
        this.sockets[n % this.sockets.length]!.send(this.commands.next(1), [dueMs]);
      }
      return !arrivals.isOver && this.unanswered < UNANSWERED_MAX;
    });
    this.isOver = true;
    return arrivals.left + (await this.drained(0));
  }

  private replied(dueMs: number, isError: boolean): void {
    const nowMs = performance.now();
    this.unanswered--;
    if (dueMs >= this.begunAtMs) {
      this.latency.record(nowMs - dueMs);
      this.recordInWindow(nowMs, nowMs - dueMs);
      this.lastReplyMs = nowMs;
      this.requests++;
      if (isError) this.errors++;
    }
    if (this.isOver && this.unanswered === 0) this.allAnswered();
  }

  private recordInWindow(nowMs: number, latencyMs: number): void {
    if (this.order.windowMs === null) return;
    const at = Math.floor((nowMs - this.begunAtMs) / this.order.windowMs);
    while (this.windows.length <= at) this.windows.push(new Histogram());
    this.windows[at]!.record(latencyMs);
  }

  /** @returns how many were given up. */
  private async drained(runMs: number): Promise<number> {
    if (this.isOver && this.unanswered === 0) return 0;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.allAnswered = resolve;
      if (Number.isFinite(runMs)) timer = setTimeout(resolve, runMs + GRACE_MS);
    });
    clearTimeout(timer);
    const nowMs = performance.now();
    for (const dueMs of this.sockets.flatMap((socket) => socket.unanswered)) {
      this.latency.record(nowMs - dueMs);
    }
    return this.unanswered;
  }
}

/** Calls `beat` in even distances, until it returns false. */
async function onEachBeat(intervalMs: number, beat: () => boolean): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const state = new SharedArrayBuffer(8);
  const shared = new Int32Array(state);
  const worker = new Worker(new URL('./metronome.js', import.meta.url), {
    workerData: { intervalMs, state, port: port2 } satisfies Metronome,
    transferList: [port2],
  });
  await new Promise<void>((resolve) => {
    port1.on('message', () => {
      Atomics.store(shared, 0, 0);
      if (beat()) return;
      Atomics.store(shared, 1, 1);
      resolve();
    });
  });
  port1.close();
  await worker.terminate();
}

parentPort!.postMessage(await new Load(workerData as LoadOrder).run());
