import { createServer, type Server } from 'node:net';

/**
 * A block of ports that belong to this process until it releases them. A cluster that is killed and
 * restarted leaves its ports unused for a while, so it isn't enough that they were free once: one
 * port of the block is a lock, held by listening on it. All lie below the range from which Linux
 * takes the ports of outgoing connections.
 */
export interface PortBlock {
  /** `size` ports from here are the owner's, and those 10000 above. */
  readonly first: number;
  release(): void;
}

const RANGE_FIRST = 21_000;
const BLOCKS = 50;
const BLOCK_PORTS = 20;
export const BLOCK_SIZE: number = BLOCK_PORTS - 1;

export async function reservePorts(): Promise<PortBlock> {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let i = 0; i < BLOCKS; i++) {
    const lockPort = RANGE_FIRST + ((start + i) % BLOCKS) * BLOCK_PORTS;
    const lock = await listen(lockPort);
    if (lock !== null) return { first: lockPort + 1, release: () => lock.close() };
  }
  throw new Error('every block of ports is taken');
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server.unref()));
  });
}
