import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { readU32 } from '../base/bytes.ts';
import { defaultLimits, type Limits } from '../base/limits.ts';
import { Prng } from '../base/prng.ts';
import { START_ID_BYTES } from '../base/start-history.ts';
import { NONCE_BYTES, type PeerAuth } from '../protocol/peer-proof.ts';
import { CLUSTER_ID_BYTES, type Member } from '../raft/configuration.ts';
import { defaultTiming, type RaftTiming } from '../raft/timing.ts';
import type { TraceEvent } from '../raft/trace.ts';
import type { Failure } from '../replica/failure.ts';
import type { Log } from '../replica/log-line.ts';
import type { Address } from '../replica/network.ts';
import type { FollowerMode } from '../replica/options.ts';
import { Replica } from '../replica/replica.ts';
import { defaultRequestTiming, type RequestTiming } from '../replica/router.ts';
import { DiskError } from '../storage/disk.ts';
import { NodeClock } from './clock.ts';
import { NodeDisk } from './disk.ts';
import { NodeHost } from './host.ts';
import { acquireDirectoryLock } from './lock.ts';
import { installNodeNative } from './native.ts';
import { NodeNetwork } from './network.ts';

const ACCEPT_LOG_MS = 10_000;

/** What `dkvs serve` was told. */
export interface ServerSettings {
  readonly name: string;
  /** In the order of their ids. */
  readonly members: readonly Member[];
  readonly dataDirectory: string;
  /** Where to bind; null: at the member's own address. */
  readonly listenClients: Address | null;
  readonly listenPeers: Address | null;
  /** What peers prove to each other; null: they believe whoever speaks their protocol. */
  readonly peerSecret: Uint8Array | null;
  readonly limits?: Limits;
  readonly raftTiming?: RaftTiming;
  readonly requestTiming?: RequestTiming;
  readonly follower?: FollowerMode;
  readonly log: Log;
  readonly trace?: (event: TraceEvent) => void;
}

/** A node that takes clients. */
export interface RunningServer {
  readonly address: Address;
  /** Hands leadership over, drains and closes. */
  stop(): Promise<void>;
  /** Settles, with the reason, only if the node can't go on: the process should then exit at once. */
  readonly failure: Promise<Failure>;
}

/** A start that was refused: what is wrong, where, and what to do about it. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.message}\n${failure.remedy}`);
    this.failure = failure;
  }
}

/**
 * Starts one node on real files, sockets and time.
 * @throws StartError when the directory, the settings or the addresses don't allow it.
 */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  installNodeNative();
  const disk = openDataDirectory(settings.dataDirectory);
  const self = settings.members.find((member) => member.name === settings.name)!;
  let failed: (reason: Failure) => void = () => {};
  const failure = new Promise<Failure>((resolve) => {
    failed = resolve;
  });
  const replica = openReplica(settings, self, disk, failed);
  await new Promise<void>((resolve, reject) => {
    replica.start((error) => (error === null ? resolve() : reject(addressError(error, self))));
  });
  return {
    address: replica.clientAddress,
    failure,
    stop: () =>
      new Promise<void>((resolve) => {
        replica.stop(() => {
          disk.lock.release();
          resolve();
        });
      }),
  };
}

function openReplica(
  settings: ServerSettings,
  self: Member,
  disk: OpenDirectory,
  onFatal: (reason: Failure) => void,
): Replica {
  const seed = randomBytes(8);
  const limits = withDescriptors(settings.limits ?? defaultLimits, settings.log);
  const replica = Replica.open({
    name: settings.name,
    members: settings.members,
    listenClients: settings.listenClients ?? { host: self.host, port: self.port },
    listenPeers: settings.listenPeers ?? { host: self.host, port: self.peerPort },
    disk: disk.disk,
    network: new NodeNetwork(acceptLogger(settings.log)),
    clock: new NodeClock(),
    host: new NodeHost(),
    random: new Prng(readU32(seed, 0) + (readU32(seed, 4) & 0x1fffff) * 2 ** 32),
    freshDirectoryId: randomBytes(CLUSTER_ID_BYTES),
    freshClusterId: randomBytes(CLUSTER_ID_BYTES),
    freshStartId: randomBytes(START_ID_BYTES),
    peerAuth: peerAuthOf(settings.peerSecret),
    limits,
    raftTiming: settings.raftTiming ?? defaultTiming,
    requestTiming: settings.requestTiming ?? defaultRequestTiming,
    follower: settings.follower ?? 'redirect',
    log: settings.log,
    trace: settings.trace ?? null,
    probe: null,
    onFatal,
  });
  if (replica instanceof Replica) return replica;
  disk.lock.release();
  throw new StartError(replica);
}

/** Not every time: without descriptors, every dialer fails. */
function acceptLogger(log: Log): (error: Error) => void {
  let loggedMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - loggedMs < ACCEPT_LOG_MS) return;
    loggedMs = performance.now();
    const message = `connections could not be accepted: ${error.message}`;
    log({ level: 'warn', event: 'accept', message, fields: {} });
  };
}

/**
 * As many clients as there are descriptors for, when files, peers and refusals have theirs: so a crowd of
 * clients never takes the last one, and peers and new files always find one. (Node has
 * raised the soft limit to the hard one before this runs.)
 */
function withDescriptors(limits: Limits, log: Log): Limits {
  const descriptors = descriptorLimit();
  const room = Math.max(1, descriptors - limits.descriptorsReserved);
  if (limits.clientsMax <= room) return limits;
  log({
    level: 'warn',
    event: 'max-clients',
    message:
      `takes ${room} clients at a time, not ${limits.clientsMax}: the system allows this process ` +
      `${descriptors} open files; raise that (ulimit -n), or lower --max-clients`,
    fields: { clients: room, descriptors },
  });
  return { ...limits, clientsMax: room };
}

/** How many files this process may open; infinite where that is not known. */
function descriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Nonces come from the system's cryptographic source: whoever can foretell one can use a recording. */
function peerAuthOf(secret: Uint8Array | null): PeerAuth | null {
  return secret === null ? null : { secret, nonce: () => randomBytes(NONCE_BYTES) };
}

interface OpenDirectory {
  readonly disk: NodeDisk;
  readonly lock: { release(): void };
}

function openDataDirectory(path: string): OpenDirectory {
  try {
    mkdirSync(path, { recursive: true });
    const lock = acquireDirectoryLock(path);
    if (!('release' in lock)) {
      throw new StartError({
        code: 'locked',
        message: lock.heldBy,
        remedy: `stop that process first (kill ${lock.pid}), or use another --data directory`,
      });
    }
    return { disk: new NodeDisk(path), lock };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const code =
      error instanceof DiskError ? error.code : ((error as { code?: string }).code ?? '');
    throw new StartError({
      code: 'directory',
      message: `the data directory ${path} can't be used: ${(error as Error).message}`,
      remedy: code === 'EACCES' ? 'check who owns it' : 'check --data',
    });
  }
}

function addressError(error: string, self: Member): StartError {
  return new StartError({
    code: 'address',
    message: `${self.name} can't listen at ${self.host}:${self.port} (peers ${self.peerPort}): ${error}`,
    remedy:
      error === 'EADDRINUSE'
        ? 'another process listens there: stop it, or choose other ports in --cluster'
        : 'check the address in --cluster, or bind elsewhere with --listen',
  });
}
