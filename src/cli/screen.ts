import type { Io } from './io.ts';
import { cut } from './live-panel.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

/**
 * The whole terminal, for something that is redrawn: its second screen, as editors use it, so that a
 * terminal that becomes smaller in the meantime can't leave halves of old lines behind, and what was
 * there before is there again afterwards.
 */
export class Screen {
  private readonly io: Io;
  private lines: readonly string[] = [];
  private readonly release: () => void;

  /** Takes the terminal over; `close` gives it back. */
  constructor(io: Io) {
    this.io = io;
    io.stdout.write(ENTER);
    this.release = io.stdout.onResize(() => this.draw());
  }

  show(lines: readonly string[]): void {
    this.lines = lines;
    this.draw();
  }

  /** @param lastWords stay on the terminal that was there before. */
  close(lastWords: readonly string[]): void {
    this.release();
    this.io.stdout.write(LEAVE + lastWords.map((line) => `${line}\n`).join(''));
  }

  private draw(): void {
    const { columns, rows } = this.io.stdout;
    const shown = this.lines.slice(0, rows).map((line) => `${cut(line, columns)}\x1b[K`);
    // One write, or it would flicker; and no line end behind the last row, or it would scroll.
    this.io.stdout.write(`\x1b[H${shown.join('\r\n')}\x1b[J`);
  }
}
