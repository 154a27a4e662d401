import { PassThrough, Writable } from 'node:stream';
import type { Input, Io, Output, StopSignal, Terminal } from '../../src/cli/io.ts';

class FakeOutput implements Output {
  isTty = false;
  columns = 80;
  rows = 24;
  private resized: (() => void)[] = [];
  readonly chunks: Buffer[] = [];

  write(data: string | Uint8Array): void {
    this.chunks.push(Buffer.from(data as string));
  }

  onResize(callback: () => void): () => void {
    this.resized.push(callback);
    return () => {
      this.resized = this.resized.filter((known) => known !== callback);
    };
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    for (const callback of this.resized) callback();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }
}

/** A process that a test looks into: what it wrote, and the signals it gets. */
export class FakeIo implements Io {
  readonly stdout = new FakeOutput();
  readonly stderr = new FakeOutput();
  readonly env: Record<string, string | undefined> = {};
  stdin: Uint8Array = new Uint8Array(0);
  /** What somebody types. */
  readonly keyboard = new PassThrough();
  isRaw = false;
  private stops: ((signal: StopSignal) => void)[] = [];
  private stdinEnd: () => void = () => {};

  get input(): Input {
    return { isTty: this.stdout.isTty, chunks: () => inPieces(this.stdin) };
  }

  readonly tty: Terminal = {
    input: this.keyboard,
    output: screenOf(this.stdout),
    setRawMode: (isRaw) => {
      this.isRaw = isRaw;
    },
  };

  readStdin(): Promise<Uint8Array> {
    return Promise.resolve(this.stdin);
  }

  onStdinEnd(callback: () => void): void {
    this.stdinEnd = callback;
  }

  onStop(callback: (signal: StopSignal) => void): () => void {
    this.stops.push(callback);
    return () => {
      this.stops = this.stops.filter((known) => known !== callback);
    };
  }

  signal(signal: StopSignal): void {
    for (const callback of this.stops) callback(signal);
  }

  /** How many have taken signals over: none may be left at the end. */
  get listeners(): number {
    return this.stops.length;
  }

  endStdin(): void {
    this.stdinEnd();
  }

  terminal(): this {
    this.stdout.isTty = true;
    this.stderr.isTty = true;
    return this;
  }
}

/** Bytes as a pipe may deliver them. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
}

/** What a line editor writes to, beside all else that is written there. */
function screenOf(output: FakeOutput): Writable {
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      output.write(chunk);
      done();
    },
  });
  return Object.defineProperty(stream, 'columns', { get: () => output.columns });
}

/** Waits until `ok` holds; fails with `what` after two seconds. */
export async function until(ok: () => boolean, what: () => string, limitMs = 2000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!ok()) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
