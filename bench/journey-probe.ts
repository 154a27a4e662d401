// Preloaded into a node (`node --import`): notes when bytes come and go and when the disk is asked
// and has answered, by the machine's monotonic clock, which all processes share. On SIGUSR2 it
// prints what it has noted since the one before, as one line of JSON on standard error.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import process from 'node:process';

/** Bytes that came, or were handed to the kernel, on a port; or what was asked of a file. */
export type Moment = 'came' | 'left' | 'write' | 'written' | 'sync' | 'synced';

/** `port`: of a stream, the listening one, be it here or at the other end; of a file, 0. `us`:
 *  microseconds. */
export interface Note {
  readonly moment: Moment;
  readonly port: number;
  readonly us: number;
}

export interface JourneyNotes {
  readonly journey: true;
  readonly notes: readonly Note[];
}

const NOTES_MAX = 500_000;
let notes: Note[] = [];

function note(moment: Moment, port: number): void {
  if (notes.length >= NOTES_MAX) return;
  notes.push({ moment, port, us: Number(process.hrtime.bigint()) / 1000 });
}

/** Streams that were accepted here. Whatever else is written to was dialed. */
const accepted = new WeakSet<net.Socket>();
const ports = new WeakMap<net.Socket, number>();

function portOf(socket: net.Socket): number {
  const known = ports.get(socket);
  if (known !== undefined) return known;
  const port = accepted.has(socket) ? socket.localPort : socket.remotePort;
  if (port !== undefined) ports.set(socket, port);
  return port ?? 0;
}

type Reading = { readonly onread?: net.OnReadOpts };

/** node/network.ts makes one of these for each stream that it accepts. */
class NotedSocket extends net.Socket {
  constructor(options: net.SocketConstructorOpts & Reading) {
    const { onread } = options;
    if (onread === undefined) {
      super(options);
      return;
    }
    const callback = (length: number, buffer: Uint8Array): boolean => {
      note('came', portOf(this));
      return onread.callback(length, buffer);
    };
    super({ ...options, onread: { ...onread, callback } } as net.SocketConstructorOpts);
    accepted.add(this);
  }
}

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

function noting(object: object, name: string, around: (original: AnyFunction) => AnyFunction) {
  const holder = object as Record<string, AnyFunction>;
  holder[name] = around(holder[name]!);
}

noting(net.Socket.prototype, 'write', (write) => {
  return function (this: unknown, ...args) {
    note('left', portOf(this as net.Socket));
    return write.apply(this, args);
  };
});
noting(fs, 'writeSync', (write) => {
  return function (this: unknown, ...args) {
    note('write', 0);
    const count = write.apply(this, args);
    note('written', 0);
    return count;
  };
});
noting(fs, 'fdatasync', (sync) => {
  return function (this: unknown, ...args) {
    const done = args.pop() as unknown as (error: unknown) => void;
    note('sync', 0);
    const noted = (error: unknown) => {
      note('synced', 0);
      done(error);
    };
    return sync.apply(this, [...args, noted as never]);
  };
});
Object.assign(net, { Socket: NotedSocket });
syncBuiltinESMExports();

process.on('SIGUSR2', () => {
  const said: JourneyNotes = { journey: true, notes };
  notes = [];
  process.stderr.write(`${JSON.stringify(said)}\n`);
});
