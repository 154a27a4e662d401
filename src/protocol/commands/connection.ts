import { isWord } from '../words.ts';
import { type BackupCommandName, backupCommands } from './backup.ts';
import { type ClusterCommandName, clusterCommands } from './cluster.ts';
import type { CommandInfo } from './info.ts';
import { type ServerCommandName, serverCommands } from './server.ts';
import { type SessionCommandName, sessionCommands } from './session.ts';

/** Answered by the node that the client is connected to, whoever leads. */
export interface ConnectionCommand extends CommandInfo {
  readonly where: 'connection';
  readonly name: ConnectionCommandName;
  /** Runs only when everything before it on its connection has been answered: it changes how
   *  replies are written, or speaks of what those before it did. The others run at once. */
  readonly inOrder: boolean;
}

/** Whoever answers these has a table of handlers: `Record<ConnectionCommandName, …>`. */
export type ConnectionCommandName =
  | SessionCommandName
  | ClusterCommandName
  | ServerCommandName
  | BackupCommandName;

/** The commands that concern the connection or the node, and are not replicated. */
export const connectionCommands: readonly ConnectionCommand[] = [
  ...sessionCommands,
  ...clusterCommands,
  ...serverCommands,
  ...backupCommands,
];

/** Subcommands of Redis that DKVS does not have, of commands that it has. */
const lacking: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'client',
    words('caching getredir import-source pause reply tracking trackinginfo unblock unpause'),
  ],
  [
    'cluster',
    words(
      'addslots addslotsrange bumpepoch count-failure-reports delslots delslotsrange failover ' +
        'flushslots forget getkeysinslot links meet migration myshardid replicas replicate reset ' +
        'saveconfig set-config-epoch setslot slaves slot-stats',
    ),
  ],
  ['command', words('getkeysandflags')],
  ['config', words('resetstat rewrite set')],
]);

function words(line: string): readonly string[] {
  return line.split(' ');
}

/** @param command in lower case */
export function lacksSubcommand(command: string, subcommand: Uint8Array): boolean {
  return lacking.get(command)?.some((name) => isWord(subcommand, name)) === true;
}
