import { byteString } from '../../base/bytes.ts';
import { Glob } from '../../kv/glob.ts';
import { bulk, map } from '../../kv/reply.ts';
import type { ConnectionHandler, ConnectionService } from '../connection.ts';

/**
 * CONFIG GET: settings of Redis that DKVS has an answer to, under Redis's names, so that tools that
 * ask first are content; and every limit of the node (base/limits.ts) under its own name.
 */
export const get: ConnectionHandler = (_connection, service, args) => {
  const globs = args.slice(2).map((arg) => new Glob(byteString(arg).toLowerCase()));
  const wanted = settings(service).filter(([name]) => globs.some((glob) => glob.matches(name)));
  return map(wanted.map(([name, value]) => [bulk(name), bulk(value)]));
};

function settings({ limits, view }: ConnectionService): readonly (readonly [string, string])[] {
  const redis: (readonly [string, string])[] = [
    // Every write is in the log and fsynced before it is answered.
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['save', ''],
    ['client-output-buffer-limit', `normal ${limits.clientOutputBytesMax} 0 0`],
    ['cluster-enabled', 'yes'],
    ['databases', '1'],
    ['maxclients', String(limits.clientsMax)],
    // Memory is not limited, and nothing is evicted.
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
    ['port', String(view.self.port)],
    ['proto-max-bulk-len', String(limits.entryBytesMax)],
    ['requirepass', ''],
    ['timeout', '0'],
  ];
  const own = Object.entries(limits).map(([name, value]): readonly [string, string] => [
    kebabCase(name),
    String(value),
  ]);
  return [...redis, ...own];
}

/** keyBytesMax: key-bytes-max */
const kebabCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
