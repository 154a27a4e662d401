import type { CliCommand } from './command.ts';
import { clusterCommand } from './commands/cluster.ts';
import { dataCommands } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { serveCommand } from './commands/serve.ts';
import { simCommand } from './commands/sim.ts';
import { statusCommand } from './commands/status.ts';
import { walCommand } from './commands/wal.ts';
import { startServer } from './start-server.ts';

/** All commands of `dkvs`, in the order of its help. A new one is one line here. */
export const commands: readonly CliCommand[] = [
  clusterCommand,
  demoCommand,
  serveCommand(startServer),
  statusCommand,
  ...dataCommands,
  walCommand,
  simCommand,
];
