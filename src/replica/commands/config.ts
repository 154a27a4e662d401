import { byteString } from '../../base/bytes.ts';
import { Glob } from '../../kv/glob.ts';
import { bulk, map, type Reply } from '../../kv/reply.ts';
import type { ConnectionHandler, ConnectionService } from '../connection.ts';

/**
 * CONFIG GET: settings of Redis that DKVS has an answer to, under Redis's names, so that tools that
 * ask first are content; and every limit of the node (base/limits.ts) under its own name.
 */
export const get: ConnectionHandler = (_connection, service, args) => {
  const asked = args.slice(2).map((arg) => {
    const pattern = byteString(arg);
    return { pattern, glob: new Glob(pattern.toLowerCase()) };
  });
  const found: [Reply, Reply][] = [];
  for (const [name, value] of settings(service)) {
    const match = asked.find(({ glob }) => glob.matches(name));
    // A name that is asked for without wildcards comes back as it was written.
    const isName = match?.pattern.toLowerCase() === name;
    if (match !== undefined) found.push([bulk(isName ? match.pattern : name), bulk(value)]);
  }
  return map(found);
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
