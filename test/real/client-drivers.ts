import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { createClient, createCluster } from 'redis';

/** One client of one library, as far as these tests use it. */
export interface Driver {
  readonly name: string;
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
  incr(key: string): Promise<number>;
  close(): void;
}

const HOST = '127.0.0.1';
const url = (port: number): string => `redis://${HOST}:${port}`;
/** Where a node that is reached by another port really is. */
export type PortMap = ReadonlyMap<number, number>;

/** Those of its settings that decide what becomes of a command when the connection breaks. */
type IoredisOptions = Pick<
  RedisOptions,
  'autoResendUnfulfilledCommands' | 'commandTimeout' | 'maxRetriesPerRequest'
>;

export function ioredis(port: number, options: IoredisOptions = {}): Driver {
  return ofIoredis('ioredis', new Redis(port, HOST, options));
}

export function ioredisCluster(
  ports: readonly number[],
  options: Partial<Pick<ClusterOptions, 'retryDelayOnFailover'>> = {},
  map: PortMap = new Map(),
): Driver {
  const natMap = Object.fromEntries(
    [...map].map(([from, to]) => [`${HOST}:${from}`, { host: HOST, port: to }]),
  );
  const nodes = ports.map((port) => ({ host: HOST, port }));
  const cluster = new Cluster(nodes, { ...options, ...(map.size === 0 ? {} : { natMap }) });
  return ofIoredis('ioredis Cluster', cluster);
}

function ofIoredis(name: string, client: Redis | Cluster): Driver {
  // Without a listener the library prints what it then repairs by itself.
  client.on('error', () => {});
  return {
    name,
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    incr: (key) => client.incr(key),
    close: () => client.disconnect(),
  };
}

type NodeRedisOptions = Parameters<typeof createClient>[0];
type NodeRedisClusterOptions = Partial<Parameters<typeof createCluster>[0]>;

export async function nodeRedis(port: number, options: NodeRedisOptions = {}): Promise<Driver> {
  const client = createClient({ ...options, url: url(port) });
  client.on('error', () => {});
  await client.connect();
  return {
    name: 'node-redis',
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    incr: (key) => client.incr(key),
    close: () => client.destroy(),
  };
}

export async function nodeRedisCluster(
  ports: readonly number[],
  options: NodeRedisClusterOptions = {},
  map: PortMap = new Map(),
): Promise<Driver> {
  const nodeAddressMap = Object.fromEntries(
    [...map].map(([from, to]) => [`${HOST}:${from}`, { host: HOST, port: to }]),
  );
  const rootNodes = ports.map((port) => ({ url: url(port) }));
  const cluster = createCluster({ ...options, rootNodes, nodeAddressMap });
  cluster.on('error', () => {});
  await cluster.connect();
  return {
    name: 'node-redis cluster',
    set: (key, value) => cluster.set(key, value),
    get: (key) => cluster.get(key),
    incr: (key) => cluster.incr(key),
    close: () => cluster.destroy(),
  };
}
