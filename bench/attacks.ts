import { connect, type Socket } from 'node:net';
import type { Prng } from '../src/base/prng.ts';

/** Where a node listens. */
export interface Victim {
  readonly port: number;
  readonly peerPort: number;
}

/** What somebody does to a node who means harm, or does not know better. */
export interface Attack {
  readonly name: string;
  /** How many connections the attack in `npm run bench -- hostile` has at a time. */
  readonly connections: number;
  /** Opens one connection, and does with it what it does for as long as it lives. */
  readonly open: (crowd: Crowd) => void;
  /** What is asked of the node before: data to be asked for. */
  readonly prepare?: readonly string[];
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The connections of an attack; those that end are opened again, after a moment. */
export class Crowd {
  readonly victim: Victim;
  readonly random: Prng;
  /** How many connections were opened so far. */
  opened = 0;
  private readonly sockets = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly attack: Attack;
  private isOver = false;

  constructor(attack: Attack, victim: Victim, random: Prng, connections = attack.connections) {
    this.attack = attack;
    this.victim = victim;
    this.random = random;
    for (let i = 0; i < connections; i++) this.later(i / 10, () => attack.open(this));
  }

  get open(): number {
    return this.sockets.size;
  }

  /** @param again opens another in the place of one that has ended. */
  dial({ peer = false, reads = true, again = true } = {}): Socket {
    const port = peer ? this.victim.peerPort : this.victim.port;
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.opened++;
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (again) this.later(20 + this.random.below(50), () => this.attack.open(this));
    });
    if (reads) socket.resume();
    return socket;
  }

  later(ms: number, what: () => void): void {
    if (this.isOver) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.isOver) what();
    }, ms);
    this.timers.add(timer);
  }

  /** Says the bytes again and again, as fast as the node takes them. */
  flood(socket: Socket, bytes: Uint8Array): void {
    const more = () => {
      if (!this.isOver && !socket.destroyed && socket.write(bytes)) this.later(1, more);
    };
    socket.on('connect', more).on('drain', more);
  }

  end(): void {
    this.isOver = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const socket of this.sockets) socket.resetAndDestroy();
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

const BIG_VALUE = 'x'.repeat(256 * KIB);
const EMPTIES = latin1('*0\r\n\r\n*-1\r\n   \r\n'.repeat(4096));
const GETS = latin1('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n'.repeat(1000));
const UNFINISHED = Buffer.concat([
  latin1('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n'),
  Buffer.alloc(MIB - 1, 'x'),
]);
const MANY_ARGUMENTS = latin1(`*32768\r\n$3\r\nDEL\r\n${'$1\r\nk\r\n'.repeat(32_767)}`);
const NONSENSE = [
  '*4294967295\r\n',
  '*1\r\n$1e3\r\n',
  '*1\r\n*1\r\n*1\r\n',
  'ECHO "unbalanced\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\n\r\n',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\n',
  'x'.repeat(70_000),
  '\0\0\0\0\r\n',
].map(latin1);

/** A frame of peers that is whole, with a checksum of zeros: the node looks at it and leaves. */
function frameOf(type: number, length: number): Buffer {
  const frame = Buffer.alloc(64);
  frame.writeUInt32LE(length, 4);
  frame[8] = type;
  frame[9] = 1;
  return frame;
}

export const attacks: readonly Attack[] = [
  { name: 'connections that say nothing', connections: 5000, open: (crowd) => void crowd.dial() },
  {
    name: 'clients that are idle',
    connections: 3000,
    open: (crowd) => void crowd.dial().write('PING\r\n'),
  },
  {
    name: 'connections that come and are reset',
    connections: 200,
    open: (crowd) => {
      const socket = crowd.dial();
      socket.on('connect', () => socket.resetAndDestroy());
    },
  },
  {
    name: 'a byte every 100 ms',
    connections: 500,
    open: (crowd) => {
      const socket = crowd.dial();
      const drip = () => {
        if (socket.destroyed) return;
        socket.write('x');
        crowd.later(100, drip);
      };
      socket.write('*2\r\n$4\r\nECHO\r\n$1000000\r\n');
      drip();
    },
  },
  {
    name: 'first commands of a MiB that do not end',
    connections: 300,
    open: (crowd) => void crowd.dial().write(UNFINISHED),
  },
  {
    name: 'replies that are not read',
    connections: 50,
    prepare: ['SET', 'big', BIG_VALUE],
    open: (crowd) => {
      const socket = crowd.dial({ reads: false });
      socket.pause();
      crowd.flood(socket, GETS);
    },
  },
  {
    name: 'empty commands',
    connections: 20,
    open: (crowd) => crowd.flood(crowd.dial(), EMPTIES),
  },
  {
    name: 'commands of 32,768 arguments',
    connections: 4,
    open: (crowd) => crowd.flood(crowd.dial(), MANY_ARGUMENTS),
  },
  {
    name: 'nonsense',
    connections: 50,
    open: (crowd) => {
      const socket = crowd.dial();
      socket.write(NONSENSE[crowd.random.below(NONSENSE.length)]!);
      socket.on('end', () => socket.end());
      crowd.later(500, () => socket.resetAndDestroy());
    },
  },
  {
    name: 'half-closed after a command',
    connections: 500,
    open: (crowd) => void crowd.dial({ reads: false }).end('PING\r\nQUIT\r\n'),
  },
  {
    name: 'silence at the port of peers',
    connections: 300,
    open: (crowd) => void crowd.dial({ peer: true }),
  },
  {
    name: 'frames of strangers at the port of peers',
    connections: 50,
    open: (crowd) => {
      const socket = crowd.dial({ peer: true });
      const type = [1, 2, 3, 4, 6, 7, 16, 20, 255][crowd.random.below(9)]!;
      socket.write(frameOf(type, [0, 64, 4097, 2 ** 32 - 1][crowd.random.below(4)]!));
      crowd.later(1000, () => socket.resetAndDestroy());
    },
  },
];
