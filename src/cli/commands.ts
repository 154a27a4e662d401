import type { CliCommand } from './command.ts';

/** A module with commands, loaded when one of them is wanted. */
interface CommandModule {
  /** Null: whatever no other module has. */
  readonly name: string | null;
  readonly load: () => Promise<readonly CliCommand[]>;
}

/** All commands of `dkvs`, in the order of its help. A new one is one entry here. */
const modules: readonly CommandModule[] = [
  { name: 'cluster', load: async () => [(await import('./commands/cluster.ts')).clusterCommand] },
  { name: 'demo', load: async () => [(await import('./commands/demo.ts')).demoCommand] },
  {
    name: 'serve',
    load: async () => {
      const [{ serveCommand }, { startServer }] = await Promise.all([
        import('./commands/serve.ts'),
        import('./start-server.ts'),
      ]);
      return [serveCommand(startServer)];
    },
  },
  { name: 'status', load: async () => [(await import('./commands/status.ts')).statusCommand] },
  { name: 'monitor', load: async () => [(await import('./commands/monitor.ts')).monitorCommand] },
  { name: 'prompt', load: async () => [(await import('./commands/prompt.ts')).promptCommand] },
  { name: null, load: async () => (await import('./commands/data.ts')).dataCommands },
  { name: 'backup', load: async () => [(await import('./commands/backup.ts')).backupCommand] },
  { name: 'restore', load: async () => [(await import('./commands/restore.ts')).restoreCommand] },
  { name: 'export', load: async () => [(await import('./commands/export.ts')).exportCommand] },
  { name: 'import', load: async () => [(await import('./commands/import.ts')).importCommand] },
  {
    name: 'snapshot',
    load: async () => [(await import('./commands/snapshot.ts')).snapshotCommand],
  },
  { name: 'wal', load: async () => [(await import('./commands/wal.ts')).walCommand] },
  {
    name: 'completion',
    load: async () => {
      const { completionCommand } = await import('./commands/completion.ts');
      return [completionCommand(() => commandTable.all())];
    },
  },
  { name: 'sim', load: async () => [(await import('./commands/sim.ts')).simCommand] },
];

/**
 * Where `main` finds its commands. To run one, only its own module is loaded: a `dkvs get` that first
 * read all of the server would spend half of its time on that.
 */
export interface CommandTable {
  /** @param name in lower case. */
  find(name: string): Promise<CliCommand | undefined>;
  /** Every command, in the order of the help. */
  all(): Promise<readonly CliCommand[]>;
}

export const commandTable: CommandTable = {
  async find(name) {
    const module = modules.find((known) => known.name === name);
    const found = module ?? modules.find((known) => known.name === null)!;
    return (await found.load()).find((command) => command.name === name);
  },
  async all() {
    return (await Promise.all(modules.map(({ load }) => load()))).flat();
  },
};

/** A table of commands that are there already. */
export function tableOf(commands: readonly CliCommand[]): CommandTable {
  return {
    find: async (name) => commands.find((command) => command.name === name),
    all: async () => commands,
  };
}
