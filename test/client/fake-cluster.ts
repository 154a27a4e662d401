import { byteString, bytesOf } from '../../src/base/bytes.ts';
import { type Address, formatAddress } from '../../src/client/address.ts';
import type { Transport, TransportHandlers, TransportStream } from '../../src/client/transport.ts';

/** What a scripted node does with a command: text to send, `silence`, or `reset`. */
export type Script = (
  args: readonly string[],
  time: number,
) => string | typeof silence | typeof reset;
export const silence = Symbol('silence');
export const reset = Symbol('reset');

type Health = 'up' | 'refused' | 'unreachable' | 'frozen';

/** One scripted node. Replies come in order, `delayMs` after the command arrived. */
export class FakeNode {
  health: Health = 'up';
  delayMs = 1;
  script: Script;
  /** Every command but the greeting, as it arrived. */
  readonly received: string[] = [];
  connections = 0;
  readonly streams: Set<FakeStream> = new Set();

  constructor(script: Script) {
    this.script = script;
  }
}

/** Nodes, streams and timers in virtual time: nothing happens but in `run`. */
export class FakeCluster implements Transport {
  private time = 0;
  private sequence = 0;
  private events: { at: number; sequence: number; run: (() => void) | null }[] = [];
  private readonly nodes: Map<string, FakeNode> = new Map();

  /** Adds a node at `127.0.0.1:port`. */
  node(port: number, script: Script): FakeNode {
    const node = new FakeNode(script);
    this.nodes.set(`127.0.0.1:${port}`, node);
    return node;
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return 0.5;
  }

  soon(callback: () => void): void {
    this.timer(this.time, callback);
  }

  timer(atMs: number, callback: () => void): { cancel(): void } {
    const at = Math.max(atMs, this.time);
    const event = { at, sequence: this.sequence++, run: callback as (() => void) | null };
    this.events.push(event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  connect(address: Address, handlers: TransportHandlers): TransportStream {
    const node = this.nodes.get(formatAddress(address));
    const stream = new FakeStream(this, node, handlers);
    if (node === undefined || node.health === 'refused') {
      this.timer(this.time + 1, () => stream.close('refused'));
    } else if (node.health === 'unreachable') {
      this.timer(this.time + 500, () => stream.close('unreachable'));
    } else {
      node.connections++;
      node.streams.add(stream);
      this.timer(this.time + 1, () => stream.open());
    }
    return stream;
  }

  /** Lets virtual time pass, with the promises of each instant settled before the next. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.events.sort((a, b) => a.at - b.at || a.sequence - b.sequence);
      const next = this.events[0];
      if (next === undefined || next.at > untilMs) break;
      this.events.shift();
      this.time = next.at;
      next.run?.();
    }
    this.time = untilMs;
  }

  /** Timers that are armed: none may be left when every command has ended. */
  get armed(): number {
    return this.events.filter((event) => event.run !== null).length;
  }
}

export class FakeStream implements TransportStream {
  private readonly cluster: FakeCluster;
  private readonly node: FakeNode | undefined;
  private readonly handlers: TransportHandlers;
  private state: 'connecting' | 'open' | 'closed' = 'connecting';
  private unread = '';
  private answerAt = 0;
  /** What is written to it is lost, as behind a partition. */
  deaf = false;
  /** How many writes the client made: pipelined commands share one. */
  writes = 0;

  constructor(cluster: FakeCluster, node: FakeNode | undefined, handlers: TransportHandlers) {
    this.cluster = cluster;
    this.node = node;
    this.handlers = handlers;
  }

  open(): void {
    if (this.state !== 'connecting') return;
    this.state = 'open';
    this.handlers.onOpen();
  }

  write(bytes: Uint8Array): void {
    if (this.state !== 'open' || this.deaf) return;
    this.writes++;
    this.unread += byteString(bytes);
    for (let args = this.take(); args !== null; args = this.take()) this.answer(args);
  }

  destroy(): void {
    if (this.state !== 'closed') this.cluster.soon(() => this.close('closed'));
  }

  close(reason: Parameters<TransportHandlers['onClose']>[0]): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.node?.streams.delete(this);
    this.handlers.onClose(reason);
  }

  private answer(args: readonly string[]): void {
    const node = this.node!;
    // A node answers STATUS at once, whatever it makes others wait for.
    const delayMs = args[0] === 'STATUS' ? 1 : node.delayMs;
    this.answerAt = Math.max(this.cluster.now() + delayMs, this.answerAt);
    const isGreeting = args[0] === 'CLIENT';
    const say = (text: string) => {
      this.cluster.timer(this.answerAt, () => {
        const thaw = () => {
          if (this.state !== 'open') return;
          if (node.health !== 'frozen') this.handlers.onBytes(bytesOf(text));
          else this.cluster.timer(this.cluster.now() + 10, thaw);
        };
        thaw();
      });
    };
    if (isGreeting) {
      say('+OK\r\n');
      return;
    }
    node.received.push(args.join(' '));
    const answer = node.script(args, this.cluster.now());
    if (answer === reset) this.cluster.timer(this.answerAt, () => this.close('reset'));
    else if (answer !== silence) say(answer);
  }

  private take(): string[] | null {
    const head = /^\*(\d+)\r\n/.exec(this.unread);
    if (head === null) return null;
    let at = head[0].length;
    const args: string[] = [];
    for (let i = 0; i < Number(head[1]); i++) {
      const length = /^\$(\d+)\r\n/.exec(this.unread.slice(at))!;
      at += length[0].length;
      args.push(this.unread.slice(at, at + Number(length[1])));
      at += Number(length[1]) + 2;
    }
    this.unread = this.unread.slice(at);
    return args;
  }
}

/** What STATUS says of the leader. */
export function statusReply(leader: string | null): string {
  const json = JSON.stringify({ leader });
  return `$${json.length}\r\n${json}\r\n`;
}

/** A node that leads: every command but the odd one is OK. */
export const leads: Script = ([name]) => {
  if (name === 'STATUS') return statusReply('n');
  return name === 'GET' ? '$1\r\nv\r\n' : '+OK\r\n';
};

/** A node that knows who leads. */
export const follows = (port: number): Script => {
  return ([name]) => (name === 'STATUS' ? statusReply('n') : `-REDIRECT 127.0.0.1:${port}\r\n`);
};
