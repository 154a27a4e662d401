import { Readable } from 'node:stream';

const CTRL_C = 0x03;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Stands between the keyboard and the line editor, and hands over one line at a time. What is typed
 * or pasted while a command runs, or while Tab looks for completions, waits here, unechoed, until
 * there is a prompt to show it; but a Ctrl-C gets through to a command that runs, and drops what was
 * typed before it, as a terminal does.
 */
export class TypeAhead extends Readable {
  private readonly waiting: Uint8Array[] = [];
  private readonly onInterrupt: () => void;
  private readonly setRaw: (isRaw: boolean) => void;
  private isHeld = false;
  private isStopped = false;
  private isEnded = false;
  private isFeeding = false;
  private endsInReturn = false;

  /** @param onInterrupt Ctrl-C, while the input is held. */
  constructor(onInterrupt: () => void, setRaw: (isRaw: boolean) => void) {
    super({ read: () => {} });
    this.onInterrupt = onInterrupt;
    this.setRaw = setRaw;
  }

  /** readline asks its input for this. */
  setRawMode(isRaw: boolean): this {
    this.setRaw(isRaw);
    return this;
  }

  /** From the keyboard. */
  type(bytes: Uint8Array): void {
    if (this.isHeld) {
      const at = bytes.lastIndexOf(CTRL_C);
      if (at >= 0) {
        this.waiting.length = 0;
        this.onInterrupt();
      }
      this.waiting.push(bytes.subarray(at + 1));
      return;
    }
    this.waiting.push(bytes);
    this.feed();
  }

  /** The keyboard is gone. */
  end(): void {
    this.isEnded = true;
    this.feed();
  }

  /** Hands over nothing more until `release`. To be called while a line is being taken. */
  hold(): void {
    this.isHeld = true;
  }

  release(): void {
    this.isHeld = false;
    this.feed();
  }

  // readline stops its input while it looks for completions. The bytes come by `emit`, so that what a
  // line makes happen has happened when `feed` looks whether it may go on: no buffer lies between.

  override pause(): this {
    this.isStopped = true;
    return this;
  }

  override resume(): this {
    this.isStopped = false;
    // Readline goes on first, and then takes in what it has found.
    setImmediate(() => this.feed());
    return this;
  }

  private feed(): void {
    if (this.isFeeding) return;
    this.isFeeding = true;
    while (!this.isHeld && !this.isStopped && this.waiting.length > 0) {
      const bytes = this.waiting.shift()!;
      const end = endOfPiece(bytes);
      if (end < bytes.length) this.waiting.unshift(bytes.subarray(end));
      this.emitPiece(bytes.subarray(0, end));
    }
    this.isFeeding = false;
    if (this.isEnded && !this.isHeld && this.waiting.length === 0) this.emit('end');
  }

  /** CR LF is one end of a line, and may come in two pieces. */
  private emitPiece(bytes: Uint8Array): void {
    const isRest = this.endsInReturn && bytes[0] === LF;
    const text = isRest ? bytes.subarray(1) : bytes;
    this.endsInReturn = bytes.at(-1) === CR;
    if (text.length > 0) this.emit('data', Buffer.from(text));
  }
}

/** How many bytes there are up to the first that makes the editor do more than edit, that included. */
function endOfPiece(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => byte === CR || byte === LF || byte === TAB);
  return at < 0 ? bytes.length : at + 1;
}
