import { byteString } from '../base/bytes.ts';
import type { Limits } from '../base/limits.ts';
import { protocolErrors } from './errors.ts';
import { isSpace, splitInline } from './inline.ts';
import { InputBuffer, LENGTH_INVALID, LENGTH_MORE, LENGTH_NEGATIVE } from './input-buffer.ts';

const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
/** Redis's PROTO_INLINE_MAX_SIZE. */
const INLINE_BYTES_MAX = 64 * 1024;
/** They take a turn's time too, though each takes less than a command. */
const EMPTIES_AT_ONCE = 16;
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

/** The stream can't be read on. */
export interface ProtocolError {
  /** The error reply to send before closing; empty: close at once, without a word. */
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

  /** What it keeps in memory. */
  get heldBytes(): number {
    return this.input.heldBytes;
  }

  /** The chunk must not change afterwards. May be called at any time. */
  feed(chunk: Uint8Array): void {
    if (this.failed === null) this.input.feed(chunk);
  }

  /** To be called before the bytes that were fed last are given back. */
  keep(): void {
    this.input.keep();
  }

  /** The next request; 'more' when it takes more bytes; 'empty' when there were so many empty requests
   *  that a turn may be over. A protocol error is the last answer. */
  next(): Request | 'more' | 'empty' | ProtocolError {
    if (this.failed !== null) return this.failed;
    const { input } = this;
    for (let skipped = 0; this.argsLeft === 0; skipped++) {
      if (skipped === EMPTIES_AT_ONCE) return 'empty';
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

  private finishArray(): Request | ProtocolError {
    const { input, offsets } = this;
    const args: Uint8Array[] = [];
    for (let i = 0; i < offsets.length; i += 2) {
      args.push(input.slice(input.at + offsets[i]!, input.at + offsets[i + 1]!));
    }
    if (offsets.length > OFFSETS_KEPT_MAX) this.offsets = [];
    else offsets.length = 0;
    if (isOtherProtocol(args[0]!)) return this.fail(protocolErrors.otherProtocol);
    input.at += this.cursor;
    return { args, inline: false };
  }

  /** Null when the line was empty: it is ignored. */
  private nextLine(): Request | 'more' | ProtocolError | null {
    const { input, limits } = this;
    const lineFeed = input.findLineFeed();
    const lineEnd = lineFeed < 0 ? input.end : lineFeed;
    // While its line feed has not come, a CR may be the end of the line already.
    const end = lineEnd > input.at && input.bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (end - input.at > limits.inlineBytesMax) return this.fail(protocolErrors.inlineTooBig);
    if (lineFeed < 0) return 'more';
    if (isBlank(input.bytes, input.at, end)) {
      input.at = lineFeed + 1; // at once: a flood of them must cost no more than to read it
      return null;
    }
    const args = splitInline(input.slice(input.at, end));
    if (args === null) return this.fail(protocolErrors.unbalancedQuotes);
    input.at = lineFeed + 1;
    if (isOtherProtocol(args[0]!)) return this.fail(protocolErrors.otherProtocol);
    return { args, inline: true };
  }

  private fail(text: string): ProtocolError {
    this.failed = { protocolError: text };
    this.input.at = this.input.end;
    this.input.release();
    this.offsets = [];
    return this.failed;
  }
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isSpace(bytes[at]!)) return false;
  return true;
}

/**
 * HTTP. A page that a browser shows can make it send a POST to any address that it reaches, with lines
 * in its body that are commands. Redis closes such a connection where it reads POST or the Host
 * header that every request has, before the body, and so does this.
 */
function isOtherProtocol(name: Uint8Array): boolean {
  if (name.length !== POST.length && name.length !== HOST.length) return false;
  const lower = byteString(name).toLowerCase();
  return lower === POST || lower === HOST;
}

const POST = 'post';
const HOST = 'host:';
