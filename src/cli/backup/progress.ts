import type { Io } from '../io.ts';
import type { FetchEvents } from './fetch.ts';
import { bytesText } from './texts.ts';

const EVERY_MS = 200;

/** Tells how a backup goes on standard error: a line that is written over on a terminal, and elsewhere
 *  only what matters afterwards. */
export class FetchProgress implements FetchEvents {
  private readonly io: Io;
  private node = '';
  private shownMs = Number.NEGATIVE_INFINITY;
  private isShown = false;

  constructor(io: Io) {
    this.io = io;
  }

  begun(node: string): void {
    this.node = node;
    this.show(`${node} writes its state down …`);
  }

  progress(bytes: number, bytesAll: number): void {
    const nowMs = performance.now();
    if (nowMs - this.shownMs < EVERY_MS) return;
    this.shownMs = nowMs;
    const percent = Math.floor((100 * bytes) / bytesAll);
    this.show(`${bytesText(bytes)} of ${bytesText(bytesAll)} (${percent} %) from ${this.node}`);
  }

  failed(node: string, why: string): void {
    this.end();
    this.io.stderr.write(`${node} could not go on: ${why}; again, from the start\n`);
  }

  /** Leaves an empty line behind. */
  end(): void {
    if (this.isShown) this.io.stderr.write('\r\x1b[K');
    this.isShown = false;
  }

  private show(line: string): void {
    if (!this.io.stderr.isTty) return;
    this.io.stderr.write(`\r\x1b[K${line}`);
    this.isShown = true;
  }
}
