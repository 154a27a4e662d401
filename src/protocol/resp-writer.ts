import { unreachable } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import { native } from '../base/native.ts';
import type { Reply } from '../kv/reply.ts';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const DOLLAR = 0x24;
const ASTERISK = 0x2a;
const PERCENT = 0x25;
const TILDE = 0x7e;
const UNDERSCORE = 0x5f;
const EQUALS = 0x3d;

/** The version of RESP that a client asked for with HELLO. */
export type ProtocolVersion = 2 | 3;

/** A connection with little to say holds a small block, one with much a larger. */
const BLOCK_MIN = 1024;
const BLOCK_MAX = 16 * 1024;
/** Less than this is not worth keeping of a block; nor is one that a long reply made large. */
const REST_MIN = 64;
/** Type, sign, 19 digits, CR LF. */
const NUMBER_LINE_MAX = 24;

/**
 * Writes replies as RESP2 or RESP3, and hands off what it has written, so that a turn's replies to a
 * client leave in one write. Bytes handed off are never touched again: the rest of the block serves
 * the next turn, and a full block is left to the socket.
 */
export class RespWriter {
  /** Of what is written from now on. */
  protocol: ProtocolVersion = 2;
  private block: Uint8Array = EMPTY_BYTES;
  /** What has been written and not yet taken: block[start, end). */
  private start = 0;
  private end = 0;
  /** What was written before that: blobs, which are handed off as they are, and what stands between. */
  private parts: Uint8Array[] = [];
  private partsBytes = 0;

  /** How many bytes `take` would give, called until it gives none. */
  get length(): number {
    return this.partsBytes + this.end - this.start;
  }

  /** Hands off what was written since the last time: all of it, if there is no blob in it, or else as
   *  far as that; none when there is no more. */
  take(): Uint8Array {
    const part = this.parts.shift();
    if (part === undefined) return this.takeBlock();
    this.partsBytes -= part.length;
    return part;
  }

  private takeBlock(): Uint8Array {
    const { block, start, end } = this;
    if (start === end) return EMPTY_BYTES;
    if (block.length - end < REST_MIN || block.length > BLOCK_MAX) {
      this.block = EMPTY_BYTES;
      this.start = 0;
      this.end = 0;
    } else this.start = end;
    return block.subarray(start, end);
  }

  write(reply: Reply): void {
    switch (reply.kind) {
      case 'simple':
        this.writeLine(PLUS, reply.text);
        return;
      case 'error':
        this.writeLine(MINUS, reply.text);
        return;
      case 'integer':
        if (typeof reply.value === 'number') this.writeNumber(COLON, reply.value);
        else this.writeLine(COLON, String(reply.value));
        return;
      case 'bulk':
        this.writeBulk(DOLLAR, reply.bytes);
        return;
      case 'blob':
        this.writeBlob(reply.bytes);
        return;
      case 'null':
        if (this.protocol === 2) this.writeLine(DOLLAR, '-1');
        else this.writeLine(UNDERSCORE, '');
        return;
      case 'array':
        this.writeItems(ASTERISK, reply.items);
        return;
      case 'set':
        this.writeItems(this.protocol === 2 ? ASTERISK : TILDE, reply.items);
        return;
      case 'map':
        this.writeMap(reply.entries);
        return;
      case 'verbatim':
        if (this.protocol === 2) this.writeBulk(DOLLAR, reply.bytes);
        else this.writeBulk(EQUALS, `txt:${reply.bytes}`);
        return;
      default:
        unreachable(reply);
    }
  }

  private writeItems(type: number, items: readonly Reply[]): void {
    this.writeNumber(type, items.length);
    for (const item of items) this.write(item);
  }

  private writeMap(entries: readonly (readonly [Reply, Reply])[]): void {
    if (this.protocol === 2) this.writeNumber(ASTERISK, 2 * entries.length);
    else this.writeNumber(PERCENT, entries.length);
    for (const [key, value] of entries) {
      this.write(key);
      this.write(value);
    }
  }

  private writeBulk(type: number, bytes: string): void {
    this.writeNumber(type, bytes.length);
    this.reserve(bytes.length + 2);
    this.end += native.writeByteString(this.block, this.end, bytes);
    this.writeLineEnd();
  }

  private writeBlob(bytes: Uint8Array): void {
    this.writeNumber(DOLLAR, bytes.length);
    for (const part of [this.takeBlock(), bytes]) {
      if (part.length > 0) this.parts.push(part);
      this.partsBytes += part.length;
    }
    this.reserve(2);
    this.writeLineEnd();
  }

  /** A line end within the text would forge another reply: it is written as a space. */
  private writeLine(type: number, text: string): void {
    this.reserve(text.length + 3);
    const { block } = this;
    let at = this.end;
    block[at++] = type;
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i);
      block[at++] = char === CR || char === LF ? SPACE : char;
    }
    this.end = at;
    this.writeLineEnd();
  }

  /** @param value a safe integer */
  private writeNumber(type: number, value: number): void {
    this.reserve(NUMBER_LINE_MAX);
    const { block } = this;
    block[this.end++] = type;
    let rest = value;
    if (rest < 0) {
      block[this.end++] = MINUS;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; rest >= limit; limit *= 10) digits++;
    for (let at = this.end + digits - 1; at >= this.end; at--) {
      const tenth = Math.floor(rest / 10);
      block[at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.end += digits;
    this.writeLineEnd();
  }

  private writeLineEnd(): void {
    this.block[this.end++] = CR;
    this.block[this.end++] = LF;
  }

  /** Makes room; moves what has not been taken to a new block when this one is too small. */
  private reserve(more: number): void {
    if (this.end + more <= this.block.length) return;
    const written = this.end - this.start;
    const doubled = Math.min(BLOCK_MAX, 2 * this.block.length);
    const block = new Uint8Array(Math.max(BLOCK_MIN, doubled, 2 * written, written + more));
    block.set(this.block.subarray(this.start, this.end));
    this.block = block;
    this.start = 0;
    this.end = written;
  }
}
