import type { Limits } from '../base/limits.ts';
import { protocolErrors } from './errors.ts';
import { splitInline } from './inline.ts';
import { InputBuffer, LENGTH_INVALID, LENGTH_MORE, LENGTH_NEGATIVE } from './input-buffer.ts';

const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
/** Redis's PROTO_INLINE_MAX_SIZE. */
const INLINE_BYTES_MAX = 64 * 1024;
/** A command with more arguments gives its list of offsets back to the garbage collector. */
const OFFSETS_KEPT_MAX = 256;

/** What one request may take, in bytes as they stand on the wire. */
export interface RequestLimits {
  readonly argumentsMax: number;
  /** One argument. Above the limits of keys and values, so that these get errors of their own. */
  readonly bulkBytesMax: number;
  /** A whole request, lengths and line ends included. */
  readonly requestBytesMax: number;
  /** A typed line, without its end. */
  readonly inlineBytesMax: number;
}

export function requestLimits(limits: Limits): RequestLimits {
  return {
    argumentsMax: limits.argumentsMax,
    bulkBytesMax: limits.entryBytesMax,
    // A key of n bytes takes 4 + n in an entry, and about 6 + n here.
    requestBytesMax: 2 * limits.entryBytesMax,
    inlineBytesMax: INLINE_BYTES_MAX,
  };
}

/** One request of a client. At least one argument: the command's name. */
export interface Request {
  /** Slices that pin the chunk they arrived in: whoever keeps one copies it. */
  readonly args: readonly Uint8Array[];
  /** Typed as a line, not sent as an array. */
  readonly inline: boolean;
}

/** The stream can't be read on. The text is the error reply to send before closing. */
export interface ProtocolError {
  readonly protocolError: string;
}

/**
 * Takes the bytes of a client's connection in any chunking, and gives its requests: RESP arrays of
 * bulk strings, and typed lines. It is strict where Redis is not: each length ends in CR LF and so
 * does each argument, lest two readers of one stream see different commands.
 */
export class RespParser {
  private readonly limits: RequestLimits;
  /** `at` stands at the start of the request under way; the positions below count from there, and
   *  so hold when the bytes move. */
  private readonly input = new InputBuffer();
  /** Arguments still missing. 0: no array is under way. */
  private argsLeft = 0;
  /** Length of the argument under way; -1 while it is unknown. */
  private bulkLength = -1;
  /** Behind what has been read of the array. */
  private cursor = 0;
  /** From and to of each whole argument. */
  private offsets: number[] = [];
  private failed: ProtocolError | null = null;

  constructor(limits: RequestLimits) {
    this.limits = limits;
  }

  /** Bytes that have arrived and are not yet part of a request that `next` has given. */
  get unread(): number {
    return this.input.unread;
  }

  /** The chunk must not change afterwards. May be called at any time. */
  feed(chunk: Uint8Array): void {
    if (this.failed === null) this.input.feed(chunk);
  }

  /** To be called before the bytes that were fed last are given back. */
  keep(): void {
    this.input.keep();
  }

  /** The next request; 'more' when it takes more bytes. A protocol error is the last answer. */
  next(): Request | 'more' | ProtocolError {
    if (this.failed !== null) return this.failed;
    const { input } = this;
    while (this.argsLeft === 0) {
      if (input.unread === 0) {
        input.release();
        return 'more';
      }
      if (input.bytes[input.at] !== ASTERISK) {
        const request = this.nextLine();
        if (request !== null) return request;
        continue;
      }
      const count = input.readLength(input.at + 1);
      if (count === LENGTH_MORE) return 'more';
      if (count === LENGTH_INVALID || count > this.limits.argumentsMax) {
        return this.fail(protocolErrors.multibulkLength);
      }
      if (count === LENGTH_NEGATIVE || count === 0) {
        input.at = input.lineEnd; // Redis ignores an empty request, and so a client may send one
        continue;
      }
      this.argsLeft = count;
      this.cursor = input.lineEnd - input.at;
    }
    return this.nextArray();
  }

  private nextArray(): Request | 'more' | ProtocolError {
    const { input } = this;
    const { bytes, at, end } = input;
    while (this.argsLeft > 0) {
      if (this.bulkLength < 0) {
        const answer = this.readBulkLength();
        if (answer !== null) return answer;
      }
      const from = at + this.cursor;
      const to = from + this.bulkLength;
      if (to + 2 > end) return 'more';
      if (bytes[to] !== CR || bytes[to + 1] !== LF) return this.fail(protocolErrors.bulkEnd);
      this.offsets.push(this.cursor, to - at);
      this.cursor = to + 2 - at;
      this.bulkLength = -1;
      this.argsLeft--;
    }
    return this.finishArray();
  }

  /** Null when the length is known. */
  private readBulkLength(): 'more' | ProtocolError | null {
    const { input } = this;
    const from = input.at + this.cursor;
    if (from === input.end) return 'more';
    if (input.bytes[from] !== DOLLAR) {
      return this.fail(protocolErrors.expectedBulk(input.bytes[from]!));
    }
    const length = input.readLength(from + 1);
    if (length === LENGTH_MORE) return 'more';
    if (length < 0 || length > this.limits.bulkBytesMax) {
      return this.fail(protocolErrors.bulkLength);
    }
    this.cursor = input.lineEnd - input.at;
    if (this.cursor + length + 2 > this.limits.requestBytesMax) {
      return this.fail(protocolErrors.requestTooBig);
    }
    this.bulkLength = length;
    return null;
  }

  private finishArray(): Request {
    const { input, offsets } = this;
    const args: Uint8Array[] = [];
    for (let i = 0; i < offsets.length; i += 2) {
      args.push(input.slice(input.at + offsets[i]!, input.at + offsets[i + 1]!));
    }
    if (offsets.length > OFFSETS_KEPT_MAX) this.offsets = [];
    else offsets.length = 0;
    input.at += this.cursor;
    return { args, inline: false };
  }

  /** Null when the line was empty: it is ignored. */
  private nextLine(): Request | 'more' | ProtocolError | null {
    const { input, limits } = this;
    const lineFeed = input.findLineFeed();
    const length = lineFeed < 0 ? input.unread : lineFeed - input.at;
    if (length > limits.inlineBytesMax) return this.fail(protocolErrors.inlineTooBig);
    if (lineFeed < 0) return 'more';
    const end = length > 0 && input.bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    const args = splitInline(input.slice(input.at, end));
    if (args === null) return this.fail(protocolErrors.unbalancedQuotes);
    input.at = lineFeed + 1;
    return args.length === 0 ? null : { args, inline: true };
  }

  private fail(text: string): ProtocolError {
    this.failed = { protocolError: text };
    this.input.at = this.input.end;
    this.input.release();
    this.offsets = [];
    return this.failed;
  }
}
