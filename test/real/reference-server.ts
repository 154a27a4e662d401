import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteString } from '../../src/base/bytes.ts';
import { RespReader } from '../../src/protocol/resp-reader.ts';
import { type PortBlock, reservePorts } from './ports.ts';

/** A real redis-server of its own, in cluster mode, to compare with. */
export class RedisServer {
  private readonly directory: string;
  private readonly ports: PortBlock;
  private readonly child: ChildProcess;

  private constructor(directory: string, ports: PortBlock) {
    this.directory = directory;
    this.ports = ports;
    const settings = {
      port: String(ports.first),
      bind: '127.0.0.1',
      dir: directory,
      unixsocket: join(directory, 'socket'),
      save: '',
      'cluster-enabled': 'yes',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    this.child = spawn('redis-server', args, { stdio: 'ignore' });
  }

  static async start(): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-redis-'));
    return new RedisServer(directory, await reservePorts());
  }

  /** A connection, as soon as the server takes one. */
  async connect(): Promise<RedisConnection> {
    for (let tries = 0; ; tries++) {
      const socket = connect(join(this.directory, 'socket'));
      const error = await new Promise<Error | null>((resolve) => {
        socket.once('connect', () => resolve(null));
        socket.once('error', resolve);
      });
      if (error === null) return new RedisConnection(socket);
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    this.ports.release();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Asks one thing at a time, and gives the bytes of the answer. */
export class RedisConnection {
  private readonly socket: Socket;
  private reader = new RespReader();
  private heard = '';
  private answered: (heard: string) => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.onData(new Uint8Array(chunk)));
  }

  ask(request: Uint8Array): Promise<string> {
    return new Promise((resolve) => {
      this.answered = resolve;
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private onData(chunk: Uint8Array): void {
    this.heard += byteString(chunk);
    this.reader.feed(chunk);
    if (this.reader.next() === 'more') return;
    const { heard } = this;
    this.heard = '';
    this.reader = new RespReader();
    this.answered(heard);
  }
}
