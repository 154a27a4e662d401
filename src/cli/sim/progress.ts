import type { Io } from '../io.ts';

const PROGRESS_MS = 1000;
const PROGRESS_PLAIN_MS = 15_000;

/** One line that says how far it is: rewritten on a terminal, now and then elsewhere. */
export class Progress {
  private readonly io: Io;
  private shownMs = performance.now();
  private shown = false;

  constructor(io: Io) {
    this.io = io;
  }

  show(text: string): void {
    const { isTty } = this.io.stderr;
    const now = performance.now();
    if (now - this.shownMs < (isTty ? PROGRESS_MS : PROGRESS_PLAIN_MS)) return;
    this.shownMs = now;
    this.shown = isTty;
    this.io.stderr.write(isTty ? `\r\x1b[K${text}` : `${text}\n`);
  }

  clear(): void {
    if (this.shown) this.io.stderr.write('\r\x1b[K');
    this.shown = false;
  }
}
