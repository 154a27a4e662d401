// The floor of a server: a process of its own that does one part of a write, and nothing else.
//
//   answer-net PORT         counts commands and answers each with +OK, on node:net
//   answer PORT             the same on our NodeNetwork
//   log PORT FILE RECORD    and before it answers, writes RECORD bytes a command to FILE, batch by
//                           batch as our log does, and fdatasyncs them: no consensus, no state
//   disk FILE BATCH SECONDS no sockets: one batch after the other; prints what it took as JSON
//
// It prints "ready", and ends when its standard input does, so that nobody has to find it.

import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import { NodeDisk } from '../src/node/disk.ts';
import { installNodeNative } from '../src/node/native.ts';
import { NodeNetwork } from '../src/node/network.ts';
import type { Stream } from '../src/replica/network.ts';
import { batchExtent } from '../src/storage/batch.ts';
import type { DiskFile } from '../src/storage/disk.ts';
import { Histogram } from './histogram.ts';
import { RespCounter } from './resp-counter.ts';

/** As our log: a segment of so many zeros; here it is written round and round. */
const SEGMENT_BYTES = 16 * 1024 * 1024;
/** As our log: what is larger is written by libuv's pool, so that the loop goes on. */
const WRITE_SYNC_BYTES_MAX = 64 * 1024;

const OK = Buffer.from('+OK\r\n');
const answers = (count: number): Uint8Array => Buffer.alloc(count * OK.length, OK);

/** Batches, one at a time: write, fdatasync, done. */
class FloorLog {
  private readonly file: DiskFile;
  private readonly bytes = new Uint8Array(SEGMENT_BYTES / 4).fill(0x5a);
  private offset = 0;

  constructor(path: string) {
    const file = openSync(path, 'w');
    writeSync(file, new Uint8Array(SEGMENT_BYTES));
    this.file = new NodeDisk(dirname(path)).open(basename(path));
    this.file.syncSync();
  }

  write(bodyBytes: number, done: () => void): void {
    const batch = this.bytes.subarray(0, batchExtent(bodyBytes));
    if (this.offset + batch.length > SEGMENT_BYTES) this.offset = 0;
    const offset = this.offset;
    this.offset += batch.length;
    const synced = (error: Error | null) => {
      if (error !== null) throw error;
      done();
    };
    if (batch.length <= WRITE_SYNC_BYTES_MAX) {
      this.file.writeSync(offset, batch);
      this.file.sync(synced);
    } else {
      this.file.write(offset, batch, (error) => {
        if (error !== null) throw error;
        this.file.sync(synced);
      });
    }
  }
}

/** What waits for the next batch is answered by it: batches form while the one before is synced. */
class GroupCommit {
  private readonly log: FloorLog;
  private readonly recordBytes: number;
  private waiting: Map<Stream, number> = new Map();
  private isBusy = false;

  constructor(log: FloorLog, recordBytes: number) {
    this.log = log;
    this.recordBytes = recordBytes;
  }

  add(stream: Stream, commands: number): void {
    this.waiting.set(stream, (this.waiting.get(stream) ?? 0) + commands);
    if (this.isBusy) return;
    this.isBusy = true;
    // After the reads that are ready in this turn of the loop.
    setImmediate(() => this.commit());
  }

  private commit(): void {
    const batch = this.waiting;
    this.waiting = new Map();
    const commands = [...batch.values()].reduce((sum, count) => sum + count, 0);
    this.log.write(commands * this.recordBytes, () => {
      for (const [stream, count] of batch) stream.write(answers(count));
      if (this.waiting.size > 0) this.commit();
      else this.isBusy = false;
    });
  }
}

/** Counts the commands in each chunk. */
function commandCounter(): (chunk: Uint8Array) => number {
  let count = 0;
  const counter = new RespCounter(() => count++);
  return (chunk) => {
    count = 0;
    counter.feed(chunk);
    return count;
  };
}

function serveNet(port: number): void {
  const server = createServer({ noDelay: true }, (socket) => {
    const countOf = commandCounter();
    socket.on('data', (chunk) => socket.write(answers(countOf(chunk))));
    socket.on('error', () => socket.destroy());
  });
  server.listen(port, '127.0.0.1', ready);
}

function serve(port: number, take: (stream: Stream, commands: number) => void): void {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  const accept = (stream: Stream) => {
    const countOf = commandCounter();
    return {
      onOpen() {},
      onBytes(chunk: Uint8Array) {
        const commands = countOf(chunk);
        if (commands > 0) take(stream, commands);
      },
      onEnd: () => stream.end(),
      onDrain() {},
      onClose() {},
    };
  };
  network.listen({ host: '127.0.0.1', port }, accept, (error) => {
    if (error !== null) throw new Error(error);
    ready();
  });
}

function batches(path: string, batchBytes: number, seconds: number): void {
  const log = new FloorLog(path);
  const latency = new Histogram();
  const begunAtMs = performance.now();
  const next = () => {
    const nowMs = performance.now();
    const elapsedMs = nowMs - begunAtMs;
    if (elapsedMs >= seconds * 1000) return ended(elapsedMs);
    log.write(batchBytes, () => {
      latency.record(performance.now() - nowMs);
      next();
    });
  };
  const ended = (elapsedMs: number) => {
    const [p50Ms, p99Ms, p999Ms] = [50, 99, 99.9].map((percent) => latency.percentileMs(percent));
    const perSecond = (latency.count * 1000) / elapsedMs;
    process.stdout.write(`${JSON.stringify({ perSecond, p50Ms, p99Ms, p999Ms })}\n`);
    process.exit();
  };
  ready();
  next();
}

function ready(): void {
  process.stdout.write('ready\n');
}

installNodeNative();
process.stdin.on('end', () => process.exit()).resume();
const [mode, ...args] = process.argv.slice(2);
if (mode === 'answer-net') serveNet(Number(args[0]));
else if (mode === 'answer') serve(Number(args[0]), (stream, count) => stream.write(answers(count)));
else if (mode === 'log') {
  const commit = new GroupCommit(new FloorLog(args[1]!), Number(args[2]));
  serve(Number(args[0]), (stream, count) => commit.add(stream, count));
} else if (mode === 'disk') batches(args[0]!, Number(args[1]), Number(args[2]));
else throw new Error(`no floor is called ${mode}`);
