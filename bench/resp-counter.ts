const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const [SIMPLE, ERROR, INTEGER, BULK, ARRAY, NULL] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a, 0x5f];

type State = 'type' | 'line' | 'length' | 'body';

/**
 * Counts whole RESP values in a stream without making anything of them: replies for a load,
 * commands for a floor. What it costs is what the measuring itself costs, so it allocates nothing.
 */
export class RespCounter {
  /** The first error reply, for whoever wants to know why. */
  firstError = '';
  private readonly onValue: (isError: boolean) => void;
  private state: State = 'type';
  private type = 0;
  private length = 0;
  private isNegative = false;
  /** Bytes of a bulk string and its CRLF that are still to come. */
  private bodyLeft = 0;
  /** Elements of arrays that are still to come: what is in them is no value of its own. */
  private elementsLeft = 0;
  private errorText = '';

  constructor(onValue: (isError: boolean) => void) {
    this.onValue = onValue;
  }

  /** @throws when it is no RESP: there is nothing to count then. */
  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.state === 'body') at = this.skipBody(chunk, at);
      else this.take(chunk[at++]!);
    }
  }

  private skipBody(chunk: Uint8Array, at: number): number {
    const skipped = Math.min(this.bodyLeft, chunk.length - at);
    this.bodyLeft -= skipped;
    if (this.bodyLeft === 0) this.valueEnds();
    return at + skipped;
  }

  private take(byte: number): void {
    if (this.state === 'type') this.begin(byte);
    else if (byte === LF) this.lineEnds();
    else if (byte === CR) return;
    else if (this.type === ERROR) this.errorText += String.fromCharCode(byte);
    else if (this.state === 'length') {
      if (byte === 0x2d) this.isNegative = true;
      else this.length = this.length * 10 + byte - ZERO;
    }
  }

  private begin(byte: number): void {
    this.type = byte;
    this.length = 0;
    this.isNegative = false;
    if (byte === BULK || byte === ARRAY) this.state = 'length';
    else if (byte === SIMPLE || byte === ERROR || byte === INTEGER || byte === NULL) {
      this.state = 'line';
    } else throw new Error(`no RESP value begins with byte ${byte}`);
  }

  private lineEnds(): void {
    if (this.type === BULK && !this.isNegative) {
      this.state = 'body';
      this.bodyLeft = this.length + 2;
    } else if (this.type === ARRAY && !this.isNegative && this.length > 0) {
      this.state = 'type';
      // The array is one of its parent's elements, and ends with the last of its own.
      this.elementsLeft += this.elementsLeft === 0 ? this.length : this.length - 1;
    } else this.valueEnds();
  }

  private valueEnds(): void {
    this.state = 'type';
    const isError = this.type === ERROR;
    if (isError) {
      this.firstError ||= this.errorText;
      this.errorText = '';
    }
    if (this.elementsLeft > 0 && --this.elementsLeft > 0) return;
    this.onValue(isError);
  }
}
