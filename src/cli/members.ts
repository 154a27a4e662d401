import { nodeId } from '../base/ids.ts';
import { type Address, formatAddress, parseAddress } from '../client/address.ts';
import type { Member } from '../raft/configuration.ts';
import { usageError } from './exit.ts';

/** A member of the cluster as `--cluster` names it. */
export interface MemberAddress extends Address {
  readonly name: string;
  readonly peerPort: number;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MEMBERS_MAX = 7;
/** Between a node's client port and its peer port, unless it is written out (as Redis Cluster). */
export const PEER_PORT_OFFSET = 10_000;

/** A place to listen at or to be reached at: for clients at `port`, for peers at `peerPort`. */
export interface Endpoint extends Address {
  readonly peerPort: number;
}

/**
 * Reads `host:port` or `host:port@peerport`.
 * @throws CliError
 */
export function parseEndpoint(text: string): Endpoint {
  const at = text.lastIndexOf('@');
  const address = parseAddress(at < 0 ? text : text.slice(0, at));
  if (address === null) {
    throw usageError(
      `${JSON.stringify(text)} is not host:port`,
      'a member is name=host:port, or name=host:port@peerport; ports are 1 to 65535',
    );
  }
  const peerText = at < 0 ? String(address.port + PEER_PORT_OFFSET) : text.slice(at + 1);
  const peerPort = /^\d{1,5}$/.test(peerText) ? Number(peerText) : 0;
  const isPort = peerPort >= 1 && peerPort <= 65_535;
  if (!isPort && at < 0) {
    throw usageError(
      `the peer port of ${text} would be ${peerText} (client port + ${PEER_PORT_OFFSET}), above 65535`,
      `write it out: ${text}@PEERPORT`,
    );
  }
  if (!isPort) throw usageError(`${JSON.stringify(peerText)} is no peer port`);
  if (peerPort === address.port) {
    throw usageError(`${text}: clients and peers can't share a port`);
  }
  return { ...address, peerPort };
}

/**
 * Reads `n1=host:port,n2=host:port@peerport,…`: 1 to 7 members, no name or port twice.
 * @throws CliError
 */
export function parseMembers(text: string): readonly MemberAddress[] {
  const members = text.split(',').map(parseMember);
  if (members.length > MEMBERS_MAX) {
    throw usageError(`${members.length} members: a cluster has 1 to ${MEMBERS_MAX}`);
  }
  const names = new Set<string>();
  const places = new Map<string, string>();
  for (const { name, host, port, peerPort } of members) {
    if (names.has(name)) throw usageError(`two members are named ${name}`);
    names.add(name);
    for (const taken of [port, peerPort]) {
      const place = formatAddress({ host, port: taken });
      const other = places.get(place);
      if (other !== undefined) throw usageError(`${other} and ${name} would share ${place}`);
      places.set(place, name);
    }
  }
  return members;
}

function parseMember(text: string): MemberAddress {
  const equals = text.indexOf('=');
  if (equals < 0) {
    throw usageError(
      `${JSON.stringify(text)} is no member`,
      'members look like n1=10.0.0.1:7001,n2=10.0.0.2:7001,n3=10.0.0.3:7001',
    );
  }
  const name = text.slice(0, equals);
  if (!NAME.test(name)) {
    throw usageError(
      `${JSON.stringify(name)} is no name for a member`,
      'a name is 1 to 64 of A-Z a-z 0-9 . _ -',
    );
  }
  return { name, ...parseEndpoint(text.slice(equals + 1)) };
}

/** Ids in the order of the names' bytes, so that every node numbers the members alike, in whatever
 *  order its command line names them. Names are ASCII, where that is the order of `<`. */
export function numberedMembers(members: readonly MemberAddress[]): readonly Member[] {
  return [...members]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, host, port, peerPort }, at) => ({
      id: nodeId(at + 1),
      name,
      host,
      port,
      peerPort,
    }));
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
