import { createConnection, type Socket } from 'node:net';
import { Queue } from '../src/base/queue.ts';
import { RespCounter } from './resp-counter.ts';

export interface LoadSocketEvents {
  /** A reply: `dueMs` is what was given to `send` with its command. */
  onReply(dueMs: number, isError: boolean): void;
  onIdle(socket: LoadSocket): void;
  onFailure(reason: string): void;
}

/** One connection of a load: what was sent and is not answered yet, in order. */
export class LoadSocket {
  private readonly socket: Socket;
  private readonly due: Queue<number> = new Queue();
  private readonly replies: RespCounter;
  private isClosed = false;

  private constructor(socket: Socket, events: LoadSocketEvents) {
    this.socket = socket;
    this.replies = new RespCounter((isError) => events.onReply(this.due.shift()!, isError));
    socket.on('data', (chunk) => {
      this.replies.feed(chunk);
      if (this.due.length === 0) events.onIdle(this);
    });
    const failed = (reason: string) => {
      if (!this.isClosed) events.onFailure(reason);
    };
    socket.on('error', (error) => failed(error.message));
    socket.on('close', () => failed('the server closed the connection'));
  }

  static open(port: number, events: LoadSocketEvents): Promise<LoadSocket> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new LoadSocket(socket, events));
      });
    });
  }

  get firstError(): string {
    return this.replies.firstError;
  }

  /** When each of the commands without an answer was due. */
  get unanswered(): readonly number[] {
    return Array.from({ length: this.due.length }, (_, i) => this.due.at(i));
  }

  /** @param commands as many as `dueMs` has elements; not changed afterwards. */
  send(commands: Uint8Array, dueMs: readonly number[]): void {
    for (const due of dueMs) this.due.push(due);
    this.socket.write(commands);
  }

  close(): void {
    this.isClosed = true;
    this.socket.destroy();
  }
}
