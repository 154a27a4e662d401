import { byteString } from '../../base/bytes.ts';
import { bulk, map, type Reply } from '../../kv/reply.ts';
import { tooLong } from '../../protocol/errors.ts';
import type { ConnectionHandler, ConnectionService } from '../connection.ts';
import { NamePattern, PATTERN_BYTES_MAX } from '../name-pattern.ts';

/**
 * CONFIG GET: settings of Redis that DKVS has an answer to, under Redis's names, so that tools that
 * ask first are content; and every limit of the node (base/limits.ts) under its own name.
 */
export const get: ConnectionHandler = (_connection, service, args) => {
  const patterns: NamePattern[] = [];
  for (const arg of args.slice(2)) {
    if (arg.length > PATTERN_BYTES_MAX) return tooLong('pattern', arg.length, PATTERN_BYTES_MAX);
    patterns.push(new NamePattern(byteString(arg)));
  }
  const found: [Reply, Reply][] = [];
  for (const [name, value] of settings(service)) {
    const match = patterns.find((pattern) => pattern.matches(name));
    // A name that is asked for without wildcards comes back as it was written.
    const isName = match?.text.toLowerCase() === name;
    if (match !== undefined) found.push([bulk(isName ? match.text : name), bulk(value)]);
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
