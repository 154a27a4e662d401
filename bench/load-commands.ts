import type { LoadOrder } from './load.ts';

const KEY_DIGITS = 12;

/** The commands of a load as RESP: templates are copied, and the digits of the keys filled in. */
export class LoadCommands {
  private readonly order: LoadOrder;
  private readonly set: Template;
  private readonly get: Template;
  private nextKey: number;

  constructor(order: LoadOrder) {
    this.order = order;
    const value = 'x'.repeat(order.valueBytes);
    const key = `$${4 + KEY_DIGITS}\r\nkey:`;
    const digits = '0'.repeat(KEY_DIGITS);
    this.set = template(
      `*3\r\n$3\r\nSET\r\n${key}`,
      `${digits}\r\n$${value.length}\r\n${value}\r\n`,
    );
    this.get = template(`*2\r\n$3\r\nGET\r\n${key}`, `${digits}\r\n`);
    this.nextKey = order.firstKey;
  }

  /** How many are left; without end unless each key is written once. */
  get left(): number {
    if (this.order.keyOrder === 'random') return Number.POSITIVE_INFINITY;
    return this.order.keys - this.nextKey;
  }

  /** The next `count` commands, in memory of their own. There must be as many left. */
  next(count: number): Uint8Array {
    const out = Buffer.allocUnsafe(count * this.set.bytes.length);
    let length = 0;
    for (let i = 0; i < count; i++) {
      const isGet = this.order.getPercent > 0 && Math.random() * 100 < this.order.getPercent;
      const { bytes, digitsAt } = isGet ? this.get : this.set;
      out.set(bytes, length);
      writeDigits(out, length + digitsAt, this.key());
      length += bytes.length;
    }
    return out.subarray(0, length);
  }

  private key(): number {
    if (this.order.keyOrder === 'once') return this.nextKey++;
    return Math.floor(Math.random() * this.order.keys);
  }
}

interface Template {
  readonly bytes: Uint8Array;
  readonly digitsAt: number;
}

const template = (head: string, tail: string): Template => ({
  bytes: Buffer.from(head + tail, 'latin1'),
  digitsAt: head.length,
});

function writeDigits(out: Uint8Array, at: number, value: number): void {
  let rest = value;
  for (let i = at + KEY_DIGITS - 1; i >= at; i--) {
    out[i] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
