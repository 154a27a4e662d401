import type { Io } from './io.ts';

/**
 * Lines that say how things stand. On a terminal they are redrawn in place, below whatever else is
 * printed; elsewhere a line is printed when what it says has changed.
 */
export class LivePanel {
  private readonly io: Io;
  private shown: readonly string[] = [];
  private readonly printed: Map<string, string> = new Map();

  constructor(io: Io) {
    this.io = io;
  }

  /** @param rows each with a name, what is worth a line of its own, and the line on a terminal. */
  show(rows: readonly { name: string; news: string; line: string }[]): void {
    if (this.io.stdout.isTty) {
      this.redraw(rows.map(({ line }) => line));
      return;
    }
    for (const { name, news } of rows) {
      if (this.printed.get(name) === news) continue;
      this.printed.set(name, news);
      this.io.stdout.write(`${news}\n`);
    }
  }

  /** Prints a line above the panel, where it stays. */
  say(line: string): void {
    const below = this.shown;
    this.end(line);
    if (this.io.stdout.isTty) this.redraw(below);
  }

  /** Prints the last line, in the place of the panel. */
  end(line: string): void {
    this.io.stdout.write(`${this.eraser()}${line}\n`);
    this.shown = [];
  }

  private redraw(lines: readonly string[]): void {
    // One write, or it would flicker.
    const { columns } = this.io.stdout;
    const text = lines.map((line) => `${cut(line, columns)}\n`).join('');
    this.io.stdout.write(this.eraser() + text);
    this.shown = lines;
  }

  private eraser(): string {
    return this.shown.length === 0 ? '' : `\x1b[${this.shown.length}A\x1b[J`;
  }
}

/** A line that wraps would take two rows, and the next redraw would miss one. */
export function cut(line: string, columns: number): string {
  let visible = 0;
  let text = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence has no width.
  for (const part of line.split(/(\x1b\[\d*m)/)) {
    const isEscape = part.startsWith('\x1b');
    text += isEscape ? part : part.slice(0, Math.max(0, columns - 1 - visible));
    if (!isEscape) visible += part.length;
  }
  return text;
}
