import type { ConnectionCommand } from './connection.ts';
import { ON_CONNECTION } from './info.ts';

export type BackupCommandName =
  | 'backup|begin'
  | 'backup|end'
  | 'backup|help'
  | 'backup|point'
  | 'backup|read';

const backup = {
  ...ON_CONNECTION,
  flags: ['admin'],
  group: 'server',
  remark: 'Of DKVS: docs/backup.md.',
  inOrder: true,
} as const;

/** How `dkvs backup` reads a node's snapshot (docs/backup.md). */
export const backupCommands: readonly ConnectionCommand[] = [
  {
    ...backup,
    name: 'backup|begin',
    complexity: 'O(N) where N is the number of keys, other clients going on meanwhile',
    arity: -2,
    argumentsMax: 4,
    flags: ['admin', 'blocking'],
    summary: 'Waits until this node has a snapshot that covers an entry, and keeps it to be read.',
    syntax: 'BACKUP BEGIN [AFTER index]',
  },
  {
    ...backup,
    name: 'backup|end',
    arity: 3,
    summary: 'Lets go of the snapshot that this connection reads.',
    syntax: 'BACKUP END snapshot-id',
  },
  {
    ...backup,
    name: 'backup|help',
    arity: 2,
    summary: 'Lists the subcommands of BACKUP.',
    syntax: 'BACKUP HELP',
    inOrder: false,
  },
  {
    ...backup,
    name: 'backup|point',
    arity: 2,
    summary: "Returns the index of the entry of this connection's last command.",
    syntax: 'BACKUP POINT',
  },
  {
    ...backup,
    name: 'backup|read',
    complexity: 'O(N) where N is the length of the reply',
    arity: 4,
    flags: ['admin', 'blocking'],
    summary: 'Returns the next verified pieces of the snapshot, from a byte of its file on.',
    syntax: 'BACKUP READ snapshot-id offset',
  },
];
