import { createServer, type Server, type Socket } from 'node:net';

/** Answers one command with RESP; null: not at all. */
export type Answer = (args: readonly string[]) => string | Buffer | null;

/** A tiny server that speaks RESP over a real socket, for tests of what talks to one. */
export class FakeServer {
  readonly port: number;
  /** Every command, as it arrived. */
  readonly received: string[][] = [];
  private readonly server: Server;
  private readonly sockets: Set<Socket> = new Set();

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  static listen(answer: Answer, port = 0): Promise<FakeServer> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        fake.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('close', () => fake.sockets.delete(socket));
        socket.on('error', () => {});
        let unread = '';
        socket.on('data', (chunk) => {
          unread += chunk.toString('latin1');
          for (;;) {
            const taken = takeCommand(unread);
            if (taken === null) return;
            unread = unread.slice(taken.length);
            fake.received.push(taken.args);
            const text = taken.args[0] === 'CLIENT' ? '+OK\r\n' : answer(taken.args);
            if (text !== null) socket.write(typeof text === 'string' ? Buffer.from(text) : text);
          }
        });
      });
      let fake: FakeServer;
      server.on('error', reject);
      server.listen(port, '127.0.0.1', () => {
        fake = new FakeServer(server, (server.address() as { port: number }).port);
        resolve(fake);
      });
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Sockets that are open. */
  get connections(): number {
    return this.sockets.size;
  }

  /** Sends this to whoever is connected. */
  say(text: string): void {
    for (const socket of this.sockets) socket.write(text);
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }
}

function takeCommand(text: string): { args: string[]; length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  let at = head[0].length;
  const args: string[] = [];
  for (let i = 0; i < Number(head[1]); i++) {
    const length = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (length === null) return null;
    at += length[0].length;
    if (text.length < at + Number(length[1]) + 2) return null;
    args.push(text.slice(at, at + Number(length[1])));
    at += Number(length[1]) + 2;
  }
  return { args, length: at };
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** A keyspace of one node that always leads: enough for the command line. */
export function keyspace(): Answer {
  const values = new Map<string, string>();
  return ([name = '', key = '', value = '', ...rest]) => {
    switch (name.toUpperCase()) {
      case 'SET':
        if (rest.includes('NX') && values.has(key)) return '$-1\r\n';
        values.set(key, value);
        return '+OK\r\n';
      case 'GET': {
        const found = values.get(key);
        if (found === undefined) return '$-1\r\n';
        return Buffer.from(`$${found.length}\r\n${found}\r\n`, 'latin1');
      }
      case 'DEL':
        return `:${Number(values.delete(key))}\r\n`;
      case 'EXISTS':
        return `:${Number(values.has(key))}\r\n`;
      case 'INCRBY': {
        const sum = BigInt(values.get(key) ?? 0) + BigInt(value);
        values.set(key, String(sum));
        return `:${sum}\r\n`;
      }
      case 'PING':
        return '+PONG\r\n';
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  };
}
