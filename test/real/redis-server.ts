import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { until } from './cluster.ts';
import { type Words, wordBytes } from './generated-commands.ts';

/** A real redis-server on a socket of its own, that keeps nothing. */
export class RedisServer {
  private readonly child: ChildProcess;
  private readonly directory: string;
  private readonly link: RawLink;

  static async start(): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-redis-'));
    const path = join(directory, 's');
    const settings = {
      port: '0',
      unixsocket: path,
      databases: '1',
      save: '',
      appendonly: 'no',
      'proto-max-bulk-len': String(2 ** 20),
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn('redis-server', args, { cwd: directory, stdio: 'ignore' });
    const socket = await until(
      () => tryConnect(path),
      () => 'redis-server',
    );
    return new RedisServer(child, directory, socket);
  }

  private constructor(child: ChildProcess, directory: string, socket: Socket) {
    this.child = child;
    this.directory = directory;
    this.link = new RawLink(socket);
  }

  /** The bytes of the reply to each, in order. */
  ask(requests: readonly Words[]): Promise<Buffer[]> {
    return this.link.ask(requests);
  }

  async stop(): Promise<void> {
    this.link.close();
    const gone = new Promise((resolve) => this.child.on('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
    rmSync(this.directory, { recursive: true });
  }
}

/** A socket that is asked many things at once, and gives the replies as they came, byte by byte. */
export class RawLink {
  private readonly socket: Socket;
  private unread: Buffer = Buffer.alloc(0);
  private replies: Buffer[] = [];
  private wanted = 0;
  private done: (replies: Buffer[]) => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.read(chunk));
  }

  ask(requests: readonly Words[]): Promise<Buffer[]> {
    this.wanted = requests.length;
    return new Promise((resolve) => {
      this.done = resolve;
      this.socket.write(Buffer.concat(requests.map((words) => encodeRequest(wordBytes(words)))));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk]);
    let at = 0;
    for (;;) {
      const end = replyEnd(this.unread, at);
      if (end < 0) break;
      this.replies.push(this.unread.subarray(at, end));
      at = end;
    }
    this.unread = this.unread.subarray(at);
    if (this.replies.length < this.wanted) return;
    const replies = this.replies;
    this.replies = [];
    this.done(replies);
  }
}

/** Where the reply ends that starts at `at`; -1 when it isn't whole. */
export function replyEnd(bytes: Buffer, at: number): number {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return -1;
  const type = bytes[at];
  const length = Number(bytes.toString('latin1', at + 1, line));
  let end = line + 2;
  if (type === 0x24 && length >= 0) end += length + 2;
  if (type === 0x2a) for (let i = 0; i < length && end >= 0; i++) end = replyEnd(bytes, end);
  return end > bytes.length ? -1 : end;
}

function tryConnect(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}
