import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BenchContext } from './benchmark.ts';
import { BenchCluster } from './cluster.ts';

const DKVS = fileURLToPath(new URL('../../bin/dkvs.mjs', import.meta.url));
const ANSWER_MS = 5000;

/** Nodes that watch themselves: into each a module is preloaded that says on SIGUSR2, in a line of
 *  JSON on standard error, what it has seen since the signal before. */
export interface WatchedNodes<Said> {
  readonly cluster: BenchCluster;
  /** Of every node, in the order of their names. */
  ask(): Promise<readonly Said[]>;
}

/** @param probe the module's address.
 *  @param key the first field of what it says, by which its lines are told from all others. */
export async function startWatched<Said>(
  context: BenchContext,
  probe: URL,
  key: string,
): Promise<WatchedNodes<Said>> {
  const said = new Map<string, (figures: Said) => void>();
  const cluster = await BenchCluster.start(context, {
    program: [process.execPath, '--import', probe.href, DKVS],
    onLogLine: (name, line) => {
      if (line.startsWith(`{"${key}":`)) said.get(name)?.(JSON.parse(line) as Said);
    },
  });
  const askOne = (name: string) =>
    new Promise<Said>((resolve, reject) => {
      said.set(name, resolve);
      process.kill(cluster.pidOf(name), 'SIGUSR2');
      void sleep(ANSWER_MS, null, { ref: false }).then(() => {
        reject(new Error(`${name} did not say in ${ANSWER_MS} ms what it has seen`));
      });
    });
  return { cluster, ask: async () => await Promise.all(cluster.names.map(askOne)) };
}
