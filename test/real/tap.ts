import { createConnection, createServer, type Server, type Socket } from 'node:net';

/**
 * Stands between a client and a node. It can lose an answer: the command has reached the node, the
 * node has done it and answered, and the connection breaks before the client hears of it. Nobody
 * who stands where the client stands can tell this from a command that was never done.
 */
export class Tap {
  readonly port: number;
  /** How many answers it has lost. */
  lost = 0;
  private readonly server: Server;
  private readonly sockets: Set<Socket>;
  private awaited: string | null = null;

  static async open(target: number): Promise<Tap> {
    const sockets = new Set<Socket>();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return new Tap(server, sockets, target, typeof address === 'object' ? address!.port : 0);
  }

  private constructor(server: Server, sockets: Set<Socket>, target: number, port: number) {
    this.server = server;
    this.sockets = sockets;
    this.port = port;
    server.on('connection', (client) => this.join(client, createConnection(target, '127.0.0.1')));
  }

  /** The answer to the next command that contains this text is lost, with its connection. */
  loseAnswerTo(text: string): void {
    this.awaited = text;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket, node: Socket): void {
    let losing = false;
    const end = () => {
      client.destroy();
      node.destroy();
    };
    for (const socket of [client, node]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        this.sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      if (this.awaited !== null && chunk.includes(this.awaited)) {
        losing = true;
        this.awaited = null;
      }
      node.write(chunk);
    });
    node.on('data', (chunk) => {
      if (!losing) client.write(chunk);
      else {
        this.lost++;
        end();
      }
    });
  }
}
