import { defaultLimits, type Limits } from '../base/limits.ts';
import { formatAddress } from '../client/address.ts';
import type { Log, LogLevel } from '../replica/log-line.ts';
import type { FollowerMode } from '../replica/options.ts';
import { usageError } from './exit.ts';
import { LOG_LEVELS } from './log.ts';
import { type Endpoint, isLoopback, parseEndpoint, parseMembers } from './members.ts';
import { readPeerSecret } from './peer-secret.ts';
import type { ServeSettings } from './serve-contract.ts';
import type { OptionSpec, Settings } from './settings.ts';
import { didYouMean } from './suggest.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const FOLLOWER_MODES = ['redirect', 'proxy'] as const satisfies readonly FollowerMode[];

/** Of `dkvs serve`, and of `dkvs cluster` for all of its nodes. */
export const followerOption: OptionSpec = {
  name: 'follower',
  kind: 'text',
  placeholder: FOLLOWER_MODES.join('|'),
  summary: 'tell clients who leads, or forward their commands: for those that follow nothing',
  fallback: 'redirect',
};

export const serveOptions: readonly OptionSpec[] = [
  { name: 'name', kind: 'text', placeholder: 'NAME', summary: 'which of the members this node is' },
  {
    name: 'cluster',
    kind: 'text',
    placeholder: 'NAME=HOST:PORT,…',
    summary: 'all members, as others reach them; HOST:PORT@PEERPORT unless it is PORT + 10000',
  },
  { name: 'data', kind: 'text', placeholder: 'DIR', summary: 'the data directory of this node' },
  {
    name: 'listen',
    kind: 'text',
    placeholder: 'HOST:PORT[@PEERPORT]',
    summary: 'bind elsewhere than at the address of the member',
  },
  followerOption,
  {
    name: 'peer-secret-file',
    kind: 'text',
    placeholder: 'FILE',
    summary: 'the secret by which members know each other: the same on every node',
  },
  {
    name: 'insecure',
    kind: 'flag',
    placeholder: '',
    summary: 'serve a network without secrets or TLS: whoever reaches it may do anything',
  },
  {
    name: 'max-clients',
    kind: 'count',
    placeholder: 'N',
    summary: 'clients connected at a time; fewer if the system allows fewer open files',
    fallback: String(defaultLimits.clientsMax),
  },
  {
    name: 'supervised',
    kind: 'flag',
    placeholder: '',
    summary: 'stop when standard input ends: whoever started it is gone',
  },
  {
    name: 'heartbeat',
    kind: 'duration',
    placeholder: 'TIME',
    summary: 'between the heartbeats of a leader',
    fallback: '50ms',
  },
  {
    name: 'election-timeout',
    kind: 'duration',
    placeholder: 'TIME',
    summary: 'the shortest; each is drawn from this to twice this',
    fallback: '300ms',
  },
  {
    name: 'key-bytes-max',
    kind: 'count',
    placeholder: 'BYTES',
    summary: 'the longest key',
    fallback: String(defaultLimits.keyBytesMax),
  },
  {
    name: 'value-bytes-max',
    kind: 'count',
    placeholder: 'BYTES',
    summary: 'the longest value',
    fallback: String(defaultLimits.valueBytesMax),
  },
  {
    name: 'allow-flushall',
    kind: 'flag',
    placeholder: '',
    summary: 'let clients of this node delete all keys at once: FLUSHALL and FLUSHDB',
  },
  {
    name: 'log-level',
    kind: 'text',
    placeholder: LOG_LEVELS.join('|'),
    summary: 'the least that is logged',
    fallback: 'info',
  },
];

/** @throws CliError */
export function logLevelOf(settings: Settings): LogLevel {
  return oneOf(settings, 'log-level', LOG_LEVELS);
}

/** @throws CliError */
export function followerModeOf(settings: Settings): FollowerMode {
  return oneOf(settings, followerOption.name, FOLLOWER_MODES);
}

function oneOf<Word extends string>(
  settings: Settings,
  name: string,
  words: readonly Word[],
): Word {
  const text = settings.text(name);
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw usageError(
    `--${name} must be one of ${words.join(', ')}, not ${JSON.stringify(text)}`,
    didYouMean(text, words),
  );
}

/** @throws CliError for anything that does not fit together. */
export function serveSettings(settings: Settings, log: Log): ServeSettings {
  const name = settings.text('name');
  const members = parseMembers(settings.text('cluster'));
  const self = members.find((member) => member.name === name);
  if (self === undefined) {
    const names = members.map((member) => member.name);
    throw usageError(
      `${JSON.stringify(name)} is no member of --cluster (${names.join(', ')})`,
      didYouMean(name, names),
    );
  }
  const endpoint = settings.has('listen') ? parseEndpoint(settings.text('listen')) : self;
  const peerSecret = settings.has('peer-secret-file')
    ? readPeerSecret(settings.text('peer-secret-file'))
    : null;
  refuseOpenNetwork(endpoint, peerSecret !== null, settings.flag('insecure'));
  const dataDirectory = settings.text('data');
  if (dataDirectory === '') throw usageError('--data must name a directory');
  const heartbeatMs = settings.duration('heartbeat', 1);
  const electionTimeoutMs = settings.duration('election-timeout', 2);
  // The same relation as in raft/timing.ts, before it becomes an assertion there.
  if (electionTimeoutMs < 3 * heartbeatMs) {
    throw usageError(
      `an election timeout of ${electionTimeoutMs} ms is too short for heartbeats every ${heartbeatMs} ms`,
      'one lost heartbeat must not start an election: make it at least three times as long',
    );
  }
  return {
    name,
    members,
    dataDirectory,
    listen: { host: endpoint.host, port: endpoint.port },
    listenPeers: { host: endpoint.host, port: endpoint.peerPort },
    peerSecret,
    log,
    limits: {
      ...limitsFor(
        settings.count('key-bytes-max', 1, MIB),
        settings.count('value-bytes-max', 1, 64 * MIB),
      ),
      allowFlushall: settings.flag('allow-flushall'),
      clientsMax: settings.count('max-clients', 1, 1_000_000),
    },
    timing: { heartbeatMs, electionTimeoutMs },
    follower: followerModeOf(settings),
  };
}

/** Without a secret a node takes the word of whoever speaks its peers' protocol: terms, entries and
 *  votes. Off loopback that has to be wanted. */
function refuseOpenNetwork(endpoint: Endpoint, hasSecret: boolean, isInsecure: boolean): void {
  if (isLoopback(endpoint.host) || hasSecret || isInsecure) return;
  throw usageError(
    `${formatAddress(endpoint)} is not loopback, and neither clients nor peers are authenticated`,
    'give all nodes the same --peer-secret-file, so that only members can speak as members; or, if ' +
      'everybody on that network may read and change everything, say --insecure',
  );
}

/** The default limits, grown where larger keys or values need it (base/limits.ts). */
export function limitsFor(keyBytesMax: number, valueBytesMax: number): Limits {
  const atLeast = (bytes: number, needed: number) => Math.max(bytes, Math.ceil(needed / 512) * 512);
  const d = defaultLimits;
  const entryBytesMax = atLeast(d.entryBytesMax, 2 * valueBytesMax + keyBytesMax + KIB);
  const batchBytesMax = atLeast(d.batchBytesMax, entryBytesMax + KIB);
  const peerFrameBytesMax = atLeast(
    d.peerFrameBytesMax,
    entryBytesMax + d.appendEntriesBytesMax + KIB,
  );
  const clientOutputBytesMax = atLeast(d.clientOutputBytesMax, 2 * valueBytesMax + KIB);
  const clientStrangersBytesMax = atLeast(d.clientStrangersBytesMax, 4 * entryBytesMax);
  return {
    ...d,
    keyBytesMax,
    valueBytesMax,
    entryBytesMax,
    batchBytesMax,
    segmentBytes: atLeast(d.segmentBytes, batchBytesMax + 2 * KIB),
    peerFrameBytesMax,
    peerOutputBytesMax: atLeast(d.peerOutputBytesMax, d.inflightBytesMax + peerFrameBytesMax),
    clientOutputBytesMax,
    clientStrangersBytesMax,
    clientsBytesMax: atLeast(d.clientsBytesMax, clientStrangersBytesMax + clientOutputBytesMax),
  };
}
