import { ALL_KEYS, AT_ONCE, NO_KEYS, ONE_KEY, type ReplicatedCommand, TWO_KEYS } from './info.ts';
import {
  parseCopy,
  parseDbSize,
  parseFlush,
  parseKeys,
  parseRandomKey,
  parseScan,
  renameParser,
} from './key-parsers.ts';
import { keyParser, keysParser } from './string-parsers.ts';

const oneKey = {
  where: 'replicated',
  argumentsMax: 0,
  keys: ONE_KEY,
  group: 'generic',
  complexity: 'O(1)',
  since: '0.1.0',
  remark: '',
} as const;
const manyKeys = {
  ...oneKey,
  keys: ALL_KEYS,
  complexity: 'O(N) where N is the number of keys.',
  remark: AT_ONCE,
} as const;
const twoKeys = {
  ...oneKey,
  keys: TWO_KEYS,
  complexity: 'O(N) where N is the length of the value.',
} as const;
const noKey = { ...oneKey, keys: NO_KEYS } as const;
const expiry = {
  ...oneKey,
  flags: ['readonly', 'fast'],
  remark: 'As no key expires yet: -1, or -2 without such a key.',
} as const;
const flush = {
  ...noKey,
  arity: -1,
  flags: ['write'],
  group: 'server',
  remark: 'Only where --allow-flushall is set. SYNC and ASYNC are the same.',
} as const;

/** The commands of keys, whatever they hold, in the order of `dkvs help`. */
export const keyCommands: readonly ReplicatedCommand[] = [
  {
    ...manyKeys,
    name: 'del',
    arity: -2,
    flags: ['write'],
    summary: 'Deletes keys, all at once. Returns how many there were.',
    syntax: 'DEL key [key ...]',
    parse: keysParser('del'),
  },
  {
    ...manyKeys,
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    summary: 'Deletes keys, as DEL does.',
    syntax: 'UNLINK key [key ...]',
    parse: keysParser('del'),
  },
  {
    ...manyKeys,
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    summary: 'Returns how many of the keys exist.',
    syntax: 'EXISTS key [key ...]',
    parse: keysParser('exists'),
  },
  {
    ...manyKeys,
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    summary: 'Returns how many of the keys exist, as EXISTS does.',
    syntax: 'TOUCH key [key ...]',
    parse: keysParser('exists'),
  },
  {
    ...oneKey,
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    summary: 'Returns "string" for a key that exists, "none" for one that does not.',
    syntax: 'TYPE key',
    parse: keyParser('type'),
  },
  {
    ...twoKeys,
    name: 'rename',
    arity: 3,
    flags: ['write'],
    summary: 'Gives a key another name; a key that had it is gone.',
    syntax: 'RENAME key newkey',
    parse: renameParser('rename'),
  },
  {
    ...twoKeys,
    name: 'renamenx',
    arity: 3,
    flags: ['write', 'fast'],
    summary: 'Gives a key another name if no key has it. Returns 1 or 0.',
    syntax: 'RENAMENX key newkey',
    parse: renameParser('renamenx'),
  },
  {
    ...twoKeys,
    name: 'copy',
    arity: -3,
    flags: ['write', 'denyoom'],
    summary: 'Copies a key; onto another one only with REPLACE. Returns 1 or 0.',
    syntax: 'COPY source destination [DB 0] [REPLACE]',
    remark: 'There is one database, 0.',
    parse: parseCopy,
  },
  {
    ...noKey,
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    summary: 'Returns the keys that match a pattern, in the order of their bytes.',
    syntax: 'KEYS pattern',
    complexity: 'O(N) where N is the number of keys that begin as the pattern does.',
    remark:
      'In order. An error where more than 32768 keys begin as the pattern does, or the answer ' +
      'would be longer than 4 MiB: SCAN has no such bound. Bytes in [a-z] are unsigned.',
    parse: parseKeys,
  },
  {
    ...noKey,
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    summary: 'Returns some keys, and the cursor that goes on behind them; 0 at the end.',
    syntax: 'SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]',
    complexity: 'O(1) for every call, O(N) for a whole iteration, N the number of keys.',
    remark:
      'From the newest key to the oldest. A key that is there all the while is returned exactly ' +
      'once, one that is created meanwhile not at all; so a scan always ends. Cursors survive ' +
      'a change of leader and a restart. One call looks at 4096 keys at most, whatever its COUNT.',
    parse: parseScan,
  },
  {
    ...noKey,
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    summary: 'Returns any key.',
    syntax: 'RANDOMKEY',
    remark: 'Each key is as likely as any other.',
    parse: parseRandomKey,
  },
  {
    ...expiry,
    name: 'ttl',
    arity: 2,
    summary: 'Returns how many seconds a key has to live; -1: it does not expire.',
    syntax: 'TTL key',
    parse: keyParser('ttl'),
  },
  {
    ...expiry,
    name: 'pttl',
    arity: 2,
    summary: 'Returns how many milliseconds a key has to live; -1: it does not expire.',
    syntax: 'PTTL key',
    parse: keyParser('ttl'),
  },
  {
    ...expiry,
    name: 'expiretime',
    arity: 2,
    summary: 'Returns when a key expires, in seconds of Unix time; -1: it does not.',
    syntax: 'EXPIRETIME key',
    parse: keyParser('ttl'),
  },
  {
    ...expiry,
    name: 'pexpiretime',
    arity: 2,
    summary: 'Returns when a key expires, in milliseconds of Unix time; -1: it does not.',
    syntax: 'PEXPIRETIME key',
    parse: keyParser('ttl'),
  },
  {
    ...noKey,
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'server',
    summary: 'Returns how many keys there are.',
    syntax: 'DBSIZE',
    parse: parseDbSize,
  },
  {
    ...flush,
    name: 'flushall',
    summary: 'Deletes all keys.',
    syntax: 'FLUSHALL [ASYNC | SYNC]',
    parse: parseFlush,
  },
  {
    ...flush,
    name: 'flushdb',
    summary: 'Deletes all keys: there is one database.',
    syntax: 'FLUSHDB [ASYNC | SYNC]',
    parse: parseFlush,
  },
];
