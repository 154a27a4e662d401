import { ByteWriter, byteString } from '../base/bytes.ts';

/** A reply as the client sees it. */
export type RespValue =
  | { readonly kind: 'simple'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number | bigint }
  | { readonly kind: 'bulk'; readonly bytes: Uint8Array }
  | { readonly kind: 'null' }
  | { readonly kind: 'array'; readonly items: readonly RespValue[] };

/** The bytes are no reply: nothing behind them can be understood. */
export interface WireDefect {
  readonly kind: 'defect';
  readonly text: string;
}

/** An argument of a command: text goes out as UTF-8. */
export type Argument = string | Uint8Array;

/** Incremental parser of replies. */
export interface ReplyParser {
  feed(chunk: Uint8Array): void;
  /** The next whole reply; null while more bytes are needed; a defect ends the connection. */
  next(): RespValue | WireDefect | null;
}

/** How commands and replies look on the wire. */
export interface Wire {
  request(args: readonly Argument[]): Uint8Array;
  replies(): ReplyParser;
}

export const respWire: Wire = {
  request: encodeRequest,
  replies: () => new RespReplies(),
};

function encodeRequest(args: readonly Argument[]): Uint8Array {
  const writer = new ByteWriter(64);
  writer.rawText(`*${args.length}\r\n`);
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? utf8(arg) : arg;
    writer.rawText(`$${bytes.length}\r\n`).raw(bytes).rawText('\r\n');
  }
  return writer.view();
}

export function utf8(text: string): Uint8Array {
  const writer = new ByteWriter(text.length + 8);
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
    if (point < 0x80) writer.u8(point);
    else if (point < 0x800) writer.u8(0xc0 | (point >> 6)).u8(0x80 | (point & 63));
    else {
      if (point < 0x10000) writer.u8(0xe0 | (point >> 12));
      else writer.u8(0xf0 | (point >> 18)).u8(0x80 | ((point >> 12) & 63));
      writer.u8(0x80 | ((point >> 6) & 63)).u8(0x80 | (point & 63));
    }
  }
  return writer.view();
}

class RespReplies implements ReplyParser {
  private buffer = new Uint8Array(0);
  private at = 0;
  private defect: string | null = null;

  feed(chunk: Uint8Array): void {
    const rest = this.buffer.subarray(this.at);
    const joined = new Uint8Array(rest.length + chunk.length);
    joined.set(rest);
    joined.set(chunk, rest.length);
    this.buffer = joined;
    this.at = 0;
  }

  next(): RespValue | WireDefect | null {
    const from = this.at;
    const value = this.value();
    if (this.defect !== null) return { kind: 'defect', text: this.defect };
    if (value === null) this.at = from;
    return value;
  }

  private line(): string | null {
    const end = this.buffer.indexOf(13, this.at);
    if (end < 0 || end + 1 >= this.buffer.length) return null;
    const text = byteString(this.buffer, this.at, end);
    this.at = end + 2;
    return text;
  }

  private value(): RespValue | null {
    const line = this.line();
    if (line === null) return null;
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
        return { kind: 'simple', text: rest };
      case '-':
        return { kind: 'error', text: rest };
      case ':': {
        const value = Number(rest);
        return { kind: 'integer', value: Number.isSafeInteger(value) ? value : BigInt(rest) };
      }
      case '_':
        return { kind: 'null' };
      case '$':
        return this.bulk(Number(rest));
      case '*':
        return this.array(Number(rest));
      default:
        this.defect = `reply starts with ${JSON.stringify(line[0] ?? '')}`;
        return null;
    }
  }

  private bulk(length: number): RespValue | null {
    if (length === -1) return { kind: 'null' };
    if (this.buffer.length - this.at < length + 2) return null;
    const bytes = this.buffer.slice(this.at, this.at + length);
    this.at += length + 2;
    return { kind: 'bulk', bytes };
  }

  private array(length: number): RespValue | null {
    if (length === -1) return { kind: 'null' };
    const items: RespValue[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.value();
      if (item === null) return null;
      items.push(item);
    }
    return { kind: 'array', items };
  }
}
