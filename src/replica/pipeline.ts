import type { Limits } from '../base/limits.ts';
import { Queue } from '../base/queue.ts';
import type { Reply } from '../kv/reply.ts';

/** A command's place in the order of replies. */
export interface PendingReply {
  /** Null until answered. */
  reply: Reply | null;
  /** What it takes of the log until it is answered. */
  readonly bytes: number;
}

const FIRST_WINDOW = 8;
const REPLIES_REMEMBERED = 16;

/**
 * The commands of one connection whose replies have not been written yet, oldest first; and how many
 * of them there may be. What their replies will be is not known when they are read, and once in the
 * log they are carried out: so they are few until the client was seen to take its replies.
 */
export class Pipeline {
  private readonly limits: Limits;
  private readonly pending = new Queue<PendingReply>();
  private pendingBytes = 0;
  /** How many commands may be unanswered. */
  private window: number;
  /** How long its longest reply of late was: what it has unanswered may come to as much, each. */
  private replyBytes = 0;

  constructor(limits: Limits) {
    this.limits = limits;
    this.window = Math.min(FIRST_WINDOW, limits.clientPipelineMax);
  }

  get length(): number {
    return this.pending.length;
  }

  /** No further command is to be run before some of these are answered. */
  get isFull(): boolean {
    const { clientPauseOutputBytes, clientPipelineBytesMax } = this.limits;
    return (
      this.pending.length >= this.window ||
      this.pending.length * this.replyBytes > clientPauseOutputBytes ||
      this.pendingBytes >= clientPipelineBytesMax
    );
  }

  push(place: PendingReply): void {
    this.pending.push(place);
    this.pendingBytes += place.bytes;
  }

  /** Whether its reply is the next to be written. */
  isNext(place: PendingReply): boolean {
    return this.pending.peek() === place;
  }

  /** The reply that is to be written next; null when there is none so far. */
  takeReply(): Reply | null {
    const head = this.pending.peek();
    if (head === undefined || head.reply === null) return null;
    this.pending.shift();
    this.pendingBytes -= head.bytes;
    return head.reply;
  }

  /** A reply of this length was written. */
  wrote(bytes: number): void {
    this.replyBytes = Math.max(bytes, this.replyBytes - this.replyBytes / REPLIES_REMEMBERED);
  }

  /** The client takes its replies. */
  widen(): void {
    this.window = Math.min(2 * this.window, this.limits.clientPipelineMax);
  }
}
