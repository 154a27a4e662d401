import { byteString } from '../base/bytes.ts';
import { type Int64, parseInt64 } from '../base/int64.ts';
import { utf8Decode } from '../base/utf8.ts';
import { InputBuffer, LENGTH_INVALID, LENGTH_MORE, LENGTH_NEGATIVE } from './input-buffer.ts';
import type { ProtocolError } from './resp-parser.ts';

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;

/** What a server answers: RESP2, and RESP3 for servers that speak it. */
export type RespValue =
  | { readonly kind: 'simple'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: Int64 }
  /** A copy, which pins nothing. */
  | { readonly kind: 'bulk'; readonly bytes: Uint8Array }
  | { readonly kind: 'null' }
  | { readonly kind: 'array' | 'set' | 'push'; readonly items: readonly RespValue[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [RespValue, RespValue])[] }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'bigNumber'; readonly value: bigint }
  | { readonly kind: 'verbatim'; readonly format: string; readonly bytes: Uint8Array };

export interface ReplyLimits {
  readonly bulkBytesMax: number;
  /** Elements of one array, set or push; a map counts its keys and values. */
  readonly itemsMax: number;
  /** Arrays within arrays. */
  readonly depthMax: number;
  /** A simple string, an error, a number. */
  readonly lineBytesMax: number;
}

export const defaultReplyLimits: ReplyLimits = {
  bulkBytesMax: 512 * 1024 * 1024,
  itemsMax: 16 * 1024 * 1024,
  depthMax: 32,
  lineBytesMax: 64 * 1024,
};

/** The first byte of each type. */
const Type = {
  Simple: 0x2b, // +
  Error: 0x2d, // -
  Integer: 0x3a, // :
  Bulk: 0x24, // $
  Array: 0x2a, // *
  Null: 0x5f, // _
  Double: 0x2c, // ,
  Boolean: 0x23, // #
  BigNumber: 0x28, // (
  BulkError: 0x21, // !
  Verbatim: 0x3d, // =
  Map: 0x25, // %
  Set: 0x7e, // ~
  Push: 0x3e, // >
  Attribute: 0x7c, // |
} as const;

const NULL: RespValue = { kind: 'null' };
const DOUBLE = /^-?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/;
const BIG_NUMBER = /^-?\d+$/;

/** An array, set, push, map or attribute whose elements are still arriving. */
interface Frame {
  readonly type: number;
  readonly items: RespValue[];
  /** Elements still missing. */
  left: number;
}

/** Takes the bytes of a connection to a server in any chunking, and gives its replies. */
export class RespReader {
  private readonly limits: ReplyLimits;
  /** `at` stands at the element under way; what came before it is in the frames. */
  private readonly input = new InputBuffer();
  /** The outermost first. */
  private readonly frames: Frame[] = [];
  private failed: ProtocolError | null = null;

  constructor(limits: ReplyLimits = defaultReplyLimits) {
    this.limits = limits;
  }

  /** The chunk must not change afterwards. */
  feed(chunk: Uint8Array): void {
    if (this.failed === null) this.input.feed(chunk);
  }

  /** To be called before the bytes that were fed last are given back; replies read from them are
   *  slices of them. */
  keep(): void {
    this.input.keep();
  }

  /** The next reply; 'more' when it takes more bytes. A protocol error is the last answer. */
  next(): RespValue | 'more' | ProtocolError {
    while (this.failed === null) {
      const element = this.readElement();
      if (element === 'more') return 'more';
      const reply = element === null ? null : this.place(element);
      if (reply !== null) return reply;
    }
    return this.failed;
  }

  /** Null when an aggregate has been opened, an attribute skipped, or the stream has failed. */
  private readElement(): RespValue | 'more' | null {
    const { input } = this;
    if (input.unread === 0) {
      input.release();
      return 'more';
    }
    const type = input.bytes[input.at]!;
    switch (type) {
      case Type.Bulk:
      case Type.BulkError:
      case Type.Verbatim:
        return this.readBulk(type);
      case Type.Array:
      case Type.Map:
      case Type.Set:
      case Type.Push:
      case Type.Attribute:
        return this.openFrame(type);
      default:
        return this.readLine(type);
    }
  }

  private readLine(type: number): RespValue | 'more' | null {
    const { input } = this;
    const lineFeed = input.findLineFeed();
    const length = lineFeed < 0 ? input.unread : lineFeed - input.at;
    if (length > this.limits.lineBytesMax) return this.fail('too long a line');
    if (lineFeed < 0) return 'more';
    if (input.bytes[lineFeed - 1] !== CR) return this.fail('a line without CR LF');
    const line = input.slice(input.at + 1, Math.max(input.at + 1, lineFeed - 1));
    input.at = lineFeed + 1;
    return lineValue(type, line) ?? this.fail(`a malformed element of type ${type}`);
  }

  private readBulk(type: number): RespValue | 'more' | null {
    const { input } = this;
    const length = input.readLength(input.at + 1);
    if (length === LENGTH_MORE) return 'more';
    if (length === LENGTH_NEGATIVE && type === Type.Bulk) {
      input.at = input.lineEnd;
      return NULL;
    }
    if (length < 0 || length > this.limits.bulkBytesMax) return this.fail('invalid bulk length');
    const from = input.lineEnd;
    const to = from + length;
    if (to + 2 > input.end) return 'more';
    if (input.bytes[to] !== CR || input.bytes[to + 1] !== LF) {
      return this.fail('a bulk without CR LF');
    }
    const bytes = input.bytes.slice(from, to);
    input.at = to + 2;
    if (type === Type.Bulk) return { kind: 'bulk', bytes };
    if (type === Type.BulkError) return { kind: 'error', text: utf8Decode(bytes) };
    if (bytes[3] !== COLON) return this.fail('a verbatim string without a format');
    return { kind: 'verbatim', format: byteString(bytes, 0, 3), bytes: bytes.subarray(4) };
  }

  private openFrame(type: number): RespValue | 'more' | null {
    const { input } = this;
    const count = input.readLength(input.at + 1);
    if (count === LENGTH_MORE) return 'more';
    if (count === LENGTH_INVALID) return this.fail('invalid length of an array');
    if (count === LENGTH_NEGATIVE && type !== Type.Array) return this.fail('negative length');
    const left = type === Type.Map || type === Type.Attribute ? 2 * count : count;
    if (left > this.limits.itemsMax) return this.fail('too long an array');
    input.at = input.lineEnd;
    if (count === LENGTH_NEGATIVE) return NULL;
    if (count === 0) return closeFrame({ type, items: [], left: 0 });
    if (this.frames.length === this.limits.depthMax) return this.fail('too deep an array');
    this.frames.push({ type, items: [], left });
    return null;
  }

  /** Puts a whole element into the innermost frame, and closes those that it completes.
   *  @returns the reply, if it is whole now. */
  private place(element: RespValue): RespValue | null {
    let value = element;
    for (;;) {
      const frame = this.frames.at(-1);
      if (frame === undefined) return value;
      frame.items.push(value);
      frame.left--;
      if (frame.left > 0) return null;
      this.frames.pop();
      const closed = closeFrame(frame);
      if (closed === null) return null;
      value = closed;
    }
  }

  private fail(what: string): null {
    this.failed = { protocolError: `ERR Protocol error: ${what}` };
    this.frames.length = 0;
    this.input.at = this.input.end;
    this.input.release();
    return null;
  }
}

/** Null for an attribute: it is about the element that follows, and nobody asked for it. */
function closeFrame(frame: Frame): RespValue | null {
  const { items } = frame;
  switch (frame.type) {
    case Type.Attribute:
      return null;
    case Type.Map: {
      const entries: [RespValue, RespValue][] = [];
      for (let i = 0; i < items.length; i += 2) entries.push([items[i]!, items[i + 1]!]);
      return { kind: 'map', entries };
    }
    case Type.Set:
      return { kind: 'set', items };
    case Type.Push:
      return { kind: 'push', items };
    default:
      return { kind: 'array', items };
  }
}

/** Null when the line is not what its type says. */
function lineValue(type: number, line: Uint8Array): RespValue | null {
  switch (type) {
    case Type.Simple:
      return { kind: 'simple', text: utf8Decode(line) };
    case Type.Error:
      return { kind: 'error', text: utf8Decode(line) };
    case Type.Integer: {
      const text = byteString(line);
      const value = parseInt64(text.startsWith('+') ? text.slice(1) : text);
      return value === null ? null : { kind: 'integer', value };
    }
    case Type.Null:
      return line.length === 0 ? NULL : null;
    case Type.Boolean: {
      const text = byteString(line);
      return text === 't' || text === 'f' ? { kind: 'boolean', value: text === 't' } : null;
    }
    case Type.Double: {
      const value = parseDouble(byteString(line));
      return value === null ? null : { kind: 'double', value };
    }
    case Type.BigNumber: {
      const text = byteString(line);
      return BIG_NUMBER.test(text) ? { kind: 'bigNumber', value: BigInt(text) } : null;
    }
    default:
      return null;
  }
}

function parseDouble(text: string): number | null {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  if (text === 'nan') return Number.NaN;
  return DOUBLE.test(text) ? Number(text) : null;
}
