import { createServer } from 'node:net';
import { CliError, ExitCode, usageError } from './exit.ts';
import { type MemberAddress, PEER_PORT_OFFSET } from './members.ts';

const HOST = '127.0.0.1';

/**
 * The members of a cluster on this machine: n1 at the first port, the others at the next ones.
 * @throws CliError when their peer ports would be above 65535.
 */
export function localMembers(firstPort: number, size: number): readonly MemberAddress[] {
  const portMax = 65_535 - PEER_PORT_OFFSET - (size - 1);
  if (firstPort > portMax) {
    throw usageError(
      `--port ${firstPort}: the peer ports, ${PEER_PORT_OFFSET} higher, would be above 65535`,
      `take a port up to ${portMax}`,
    );
  }
  return Array.from({ length: size }, (_, i) => ({
    name: `n${i + 1}`,
    host: HOST,
    port: firstPort + i,
    peerPort: firstPort + i + PEER_PORT_OFFSET,
  }));
}

/**
 * A taken port is by far the likeliest reason why a cluster does not start: say it at once.
 * @param command that would take other ports: "dkvs cluster"
 * @throws CliError
 */
export async function checkPorts(
  members: readonly MemberAddress[],
  command: string,
): Promise<void> {
  const taken = await firstTaken(members);
  if (taken === null) return;
  const problem = taken.code === 'EADDRINUSE' ? 'is taken' : `can't be used (${taken.code})`;
  throw new CliError(
    ExitCode.Other,
    `port ${taken.port} ${problem}`,
    `is another cluster running? stop it, or take other ports: ${command} --port 8001`,
  );
}

/** Where to look for ports, one place after the other: below those that the system hands out for
 *  outgoing connections, one of which could take the port of a node that is down for a moment. */
const PLACES = Array.from({ length: 40 }, (_, i) => 7101 + 10 * i);

/** The members of a cluster on ports that are free. @throws CliError when none are. */
export async function freeMembers(size: number): Promise<readonly MemberAddress[]> {
  for (const place of PLACES) {
    const members = localMembers(place, size);
    if ((await firstTaken(members)) === null) return members;
  }
  throw new CliError(
    ExitCode.Other,
    `no free ports from ${PLACES[0]} to ${PLACES.at(-1)}`,
    'name the first with --port',
  );
}

async function firstTaken(members: readonly MemberAddress[]) {
  for (const port of members.flatMap((member) => [member.port, member.peerPort])) {
    const code = await tryPort(port);
    if (code !== null) return { port, code };
  }
  return null;
}

function tryPort(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: HOST, port }, () => server.close(() => resolve(null)));
  });
}
