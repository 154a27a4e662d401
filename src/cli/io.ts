/** Standard output or standard error. */
export interface Output {
  readonly isTty: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Rows of the terminal; 24 where there is none. */
  readonly rows: number;
  write(data: string | Uint8Array): void;
  /** Calls back when the terminal has another size, until the returned function is called. */
  onResize(callback: () => void): () => void;
}

/** Standard input. */
export interface Input {
  readonly isTty: boolean;
  /** What arrives, as it arrives. To be read once. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Both ends of a terminal as streams, for whoever edits lines on it. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Raw: every key arrives as it is typed, Ctrl-C too, and nothing is echoed. */
  setRawMode(isRaw: boolean): void;
}

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Everything of the process that a command may touch, so that tests can stand in for it. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly input: Input;
  readonly tty: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** Calls back when standard input ends: whoever held its other end is gone. */
  onStdinEnd(callback: () => void): void;
  /**
   * Takes over SIGINT and SIGTERM until the returned function is called. One Ctrl-C may arrive
   * twice, from the terminal and again from npm: a repeat within 250 ms counts as one.
   */
  onStop(callback: (signal: StopSignal) => void): () => void;
}

const SAME_STOP_MS = 250;

export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    // A getter: the first look at `process.stdin` opens it.
    get input() {
      return { isTty: process.stdin.isTTY === true, chunks: () => process.stdin };
    },
    get tty() {
      return {
        input: process.stdin,
        output: process.stdout,
        setRawMode: (isRaw: boolean) => void process.stdin.setRawMode?.(isRaw),
      };
    },
    env: process.env,
    async readStdin() {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    },
    onStdinEnd(callback) {
      process.stdin.on('end', callback).on('close', callback).on('error', callback).resume();
    },
    onStop(callback) {
      let lastAtMs = Number.NEGATIVE_INFINITY;
      const listener = (signal: NodeJS.Signals) => {
        const now = performance.now();
        const isRepeat = now - lastAtMs < SAME_STOP_MS;
        lastAtMs = now;
        if (!isRepeat) callback(signal as StopSignal);
      };
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return () => process.off('SIGINT', listener).off('SIGTERM', listener);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // `dkvs … | head` is no failure: whoever read has seen enough.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    isTty: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    write: (data) => void stream.write(data),
    onResize(callback) {
      stream.on('resize', callback);
      return () => stream.off('resize', callback);
    },
  };
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof codes;

/** Colours `text` where the output is a terminal and NO_COLOR is not set (no-color.org). */
export function paint(io: Io, output: Output, style: Style, text: string): string {
  return isColoured(io, output) ? `\x1b[${codes[style]}m${text}\x1b[0m` : text;
}

export function isColoured(io: Io, output: Output): boolean {
  const isPlain = !output.isTty || (io.env['NO_COLOR'] ?? '') !== '' || io.env['TERM'] === 'dumb';
  return !isPlain;
}
