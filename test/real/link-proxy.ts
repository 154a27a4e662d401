import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { defaultLimits } from '../../src/base/limits.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';

/** Where one node's peers are to be caught, and where the node really listens for them. */
export interface ProxiedPort {
  /** The id that the node has for its peers: its place in the order of names, from 1. */
  readonly node: number;
  readonly listen: number;
  readonly target: number;
}

/**
 * Stands between the peers of a cluster, on every link, in both directions. It learns who dials
 * from the first frame, a Hello, and can then do to one link what a network does: let nothing
 * through any more, without a word. Nothing is closed; what was under way is held and arrives after
 * the healing, as TCP would send it again.
 */
export class LinkProxy {
  private readonly servers: Server[] = [];
  private readonly streams = new Set<ProxiedStream>();
  /** Directions that let nothing through: `from>to`. */
  private readonly cuts = new Set<string>();

  static async listen(ports: readonly ProxiedPort[]): Promise<LinkProxy> {
    const proxy = new LinkProxy();
    await Promise.all(ports.map((port) => proxy.serve(port)));
    return proxy;
  }

  /** Nothing passes between the two any more. */
  cut(a: number, b: number): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** Nothing that `from` says reaches `to`; the other direction is as it was. */
  cutOneWay(from: number, to: number): void {
    this.cuts.add(`${from}>${to}`);
    this.changed();
  }

  /** Every link carries everything again. */
  heal(): void {
    this.cuts.clear();
    this.changed();
  }

  /** Who has dialed whom, `1>2`, of the streams that are open. */
  get links(): readonly string[] {
    return [...this.streams].map(({ from, to }) => `${from}>${to}`).sort();
  }

  close(): void {
    for (const server of this.servers) server.close();
    for (const stream of this.streams) stream.destroy();
  }

  private serve({ node, listen, target }: ProxiedPort): Promise<void> {
    const server = createServer((socket) => {
      const stream = new ProxiedStream(socket, node, target, this.cuts);
      this.streams.add(stream);
      stream.onGone = () => this.streams.delete(stream);
    });
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen(listen, '127.0.0.1', resolve);
    });
  }

  private changed(): void {
    for (const stream of this.streams) stream.cutsChanged();
  }
}

/** One stream: from the dialer's socket to a socket of our own to the node that was dialed. */
class ProxiedStream {
  /** 0 until its Hello has told. */
  from = 0;
  readonly to: number;
  onGone: () => void = () => {};
  private readonly targetPort: number;
  private readonly cuts: ReadonlySet<string>;
  private readonly dialer: Socket;
  private there: Half | null = null;
  private back: Half | null = null;

  constructor(dialer: Socket, to: number, targetPort: number, cuts: ReadonlySet<string>) {
    this.dialer = dialer.setNoDelay(true);
    this.to = to;
    this.targetPort = targetPort;
    this.cuts = cuts;
    dialer.on('error', () => {});
    dialer.on('close', () => {
      if (this.there === null) this.onGone();
    });
    this.awaitHello();
  }

  cutsChanged(): void {
    this.there?.setCut(this.cuts.has(`${this.from}>${this.to}`));
    this.back?.setCut(this.cuts.has(`${this.to}>${this.from}`));
  }

  destroy(): void {
    this.dialer.destroy();
    this.there?.to.destroy();
  }

  private awaitHello(): void {
    const reader = new FrameReader(defaultLimits);
    const chunks: Buffer[] = [];
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      reader.feed(chunk);
      const frame = reader.next();
      if (frame === null) return;
      this.dialer.off('data', onData).pause();
      if (frame.kind !== 'Hello') {
        this.dialer.destroy();
        return;
      }
      this.from = frame.introduction.fromNode;
      this.connect(chunks);
    };
    this.dialer.on('data', onData);
  }

  private connect(said: readonly Buffer[]): void {
    const target = createConnection({ host: '127.0.0.1', port: this.targetPort, noDelay: true });
    target.on('error', () => {});
    this.there = new Half(this.dialer, target, said);
    this.back = new Half(target, this.dialer, []);
    let open = 2;
    for (const socket of [this.dialer, target]) {
      socket.on('close', () => {
        if (--open === 0) this.onGone();
      });
    }
    this.cutsChanged();
  }
}

/** One direction of a stream: what `from` sends goes to `to`, unless it is cut or `to` is full. */
class Half {
  readonly from: Socket;
  readonly to: Socket;
  private held: readonly Buffer[];
  private isCut = false;
  private isFull = false;
  /** Its sender is gone, and the cut has kept that from the receiver. */
  private ending: 'end' | 'reset' | null = null;

  constructor(from: Socket, to: Socket, held: readonly Buffer[]) {
    this.from = from;
    this.to = to;
    this.held = held;
    from.pause();
    from.on('data', (chunk: Buffer) => {
      this.isFull = !to.write(chunk);
      this.flow();
    });
    to.on('drain', () => {
      this.isFull = false;
      this.flow();
    });
    from.on('end', () => this.end('end'));
    from.on('close', (hadError) => this.end(hadError ? 'reset' : 'end'));
  }

  setCut(isCut: boolean): void {
    this.isCut = isCut;
    if (!isCut) {
      for (const chunk of this.held) this.to.write(chunk);
      this.held = [];
      if (this.ending !== null) this.end(this.ending);
    }
    this.flow();
  }

  private flow(): void {
    if (this.isCut || this.isFull) this.from.pause();
    else this.from.resume();
  }

  private end(how: 'end' | 'reset'): void {
    if (this.isCut) this.ending = how;
    else if (how === 'end') this.to.end();
    else this.to.resetAndDestroy();
  }
}
