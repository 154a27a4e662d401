import { createConnection, type Socket } from 'node:net';
import { errorCode, NOT_APPLIED_CODES } from '../../protocol/errors.ts';
import type { MemberAddress } from '../members.ts';
import type { Fate } from './ledger.ts';

const ANSWER_MS = 5000;

/** A connection as `nc` makes it: lines typed in, raw bytes coming back. */
export class TypedLine {
  private readonly socket: Socket;
  private received = '';
  private isClosed = false;
  private changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.changed();
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        this.isClosed = true;
        this.changed();
      });
  }

  static async open({ host, port }: MemberAddress): Promise<TypedLine> {
    const socket = createConnection({ host, port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new TypedLine(socket);
  }

  /**
   * Types a line.
   * @returns the line that comes back, CR LF included; null when the connection closes instead.
   * @throws when neither happens: no command may hang.
   */
  async ask(line: string): Promise<string | null> {
    this.socket.write(`${line}\r\n`);
    let late: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        late = setTimeout(() => reject(new Error(`no answer to ${line}`)), ANSWER_MS);
        this.changed = () => {
          const end = this.received.indexOf('\r\n') + 2;
          if (end < 2 && !this.isClosed) return;
          resolve(end < 2 ? null : this.received.slice(0, end));
          this.received = this.received.slice(end);
        };
        this.changed();
      });
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** What an answer says about the write that was asked for. */
export function fateOf(answer: string | null): Fate {
  if (answer === null || !/^[-+:]/.test(answer)) return 'unknown';
  if (!answer.startsWith('-')) return 'acknowledged';
  const code = errorCode(answer.slice(1).trimEnd());
  return NOT_APPLIED_CODES.has(code) || code === 'ERR' ? 'refused' : 'unknown';
}
