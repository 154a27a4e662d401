import { createServer } from 'node:net';
import type { Member } from '../../src/raft/configuration.ts';
import { members } from '../replica/peer-world.ts';

/** Members on this machine. */
export function membersAt(ports: readonly number[]): Member[] {
  return members(ports.length).map((member, i) => ({
    ...member,
    host: '127.0.0.1',
    peerPort: ports[i]!,
  }));
}

/** A port that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      server.close(() => resolve(port));
    });
  });
}
