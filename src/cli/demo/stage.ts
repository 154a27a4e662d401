import { setTimeout as sleep } from 'node:timers/promises';
import { type Io, paint, type Style } from '../io.ts';
import { table } from '../output.ts';

interface Measure {
  readonly what: string;
  readonly ms: number;
}

/** Below the time at the start of a line. */
const INDENT = ' '.repeat(10);

/** Tells the story: what happens, when, and what was measured and checked. */
export class Stage {
  /** Checks that did not hold. */
  readonly failures: string[] = [];
  /** Set when the story is broken off: what is still on its way to its end says no more. */
  isOver = false;
  private checks = 0;
  private acts = 0;
  private readonly measures: Measure[] = [];
  private readonly io: Io;
  private readonly isFast: boolean;
  private readonly startedAtMs = performance.now();

  /** @param isFast without pauses for reading. */
  constructor(io: Io, isFast: boolean) {
    this.io = io;
    this.isFast = isFast;
  }

  /** A line without a time. */
  say(line: string): void {
    if (!this.isOver) this.io.stdout.write(`${line}\n`);
  }

  async act(title: string): Promise<void> {
    if (this.acts > 0) await this.pause(1000);
    this.acts++;
    this.say('');
    this.say(this.paint('bold', `ACT ${this.acts}  ${title}`));
  }

  /** Something happened, now. */
  tell(text: string): void {
    const seconds = ((performance.now() - this.startedAtMs) / 1000).toFixed(3);
    this.say(`${this.paint('dim', seconds.padStart(8))}  ${text}`);
  }

  /** More about it. */
  more(text: string): void {
    this.say(INDENT + text);
  }

  /** A command line that was run, and what it printed. */
  shell(command: string, output: string): void {
    this.say(`    ${this.paint('cyan', `$ ${command}`)}`);
    for (const line of output.trimEnd().split('\n')) this.say(`    ${line}`);
  }

  /** What went over a socket; null when it was closed instead. */
  wire(direction: 'sent' | 'came', bytes: string | null): void {
    const shown = bytes === null ? '(the connection was closed)' : JSON.stringify(bytes);
    this.more(`${direction === 'sent' ? '→' : '←'} ${shown}`);
  }

  /** A row of the table at the end. */
  measure(what: string, ms: number): void {
    this.measures.push({ what, ms });
  }

  /** States what must be true. The story goes on when it is not, but ends badly. */
  check(ok: boolean, what: string): void {
    this.checks++;
    if (!ok) this.failures.push(what);
    this.tell(`${ok ? this.paint('green', '✓') : this.paint('red', '✗ NOT TRUE:')} ${what}`);
  }

  async pause(ms: number): Promise<void> {
    if (!this.isFast) await sleep(ms);
  }

  /** The table of what was measured, and the verdict. */
  curtain(acknowledged: number): void {
    const rows = this.measures.map(({ what, ms }) => [`  ${what}`, `${Math.round(ms)} ms`]);
    this.say('');
    this.say(this.paint('bold', 'MEASURED'));
    for (const line of table(rows, new Set([1]))) this.say(line);
    this.say('');
    if (this.failures.length === 0) {
      const verdict = this.paint('green', 'VERDICT');
      this.say(
        `${verdict}  nothing was lost: ${acknowledged} writes acknowledged, and all are there`,
      );
      this.more(`${this.checks} checks, and all hold`);
      return;
    }
    const verdict = this.paint('red', 'VERDICT');
    this.say(`${verdict}  ${this.failures.length} of ${this.checks} checks do not hold:`);
    for (const failure of this.failures) this.say(`  ${failure}`);
  }

  private paint(style: Style, text: string): string {
    return paint(this.io, this.io.stdout, style, text);
  }
}
