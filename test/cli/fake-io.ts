import type { Io, Output, StopSignal } from '../../src/cli/io.ts';

class FakeOutput implements Output {
  isTty = false;
  columns = 80;
  readonly chunks: Buffer[] = [];

  write(data: string | Uint8Array): void {
    this.chunks.push(Buffer.from(data as string));
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
  private stops: ((signal: StopSignal) => void)[] = [];
  private stdinEnd: () => void = () => {};

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

/** Waits until `ok` holds; fails with `what` after two seconds. */
export async function until(ok: () => boolean, what: () => string, limitMs = 2000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!ok()) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
