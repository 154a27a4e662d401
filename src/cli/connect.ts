import { type Client, connect } from '../node/client.ts';
import { outputOptions } from './output.ts';
import type { OptionSpec, Settings } from './settings.ts';

/** Where the cluster is, and how long it may take. */
export const nodeOptions: readonly OptionSpec[] = [
  {
    name: 'connect',
    kind: 'text',
    placeholder: 'HOST:PORT,…',
    summary: 'some nodes of the cluster',
    fallback: '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003',
  },
  {
    name: 'timeout',
    kind: 'duration',
    placeholder: 'TIME',
    summary: 'how long a command may take, elections included: 500, 500ms, 2s',
    fallback: '2s',
  },
];

/** Of every command that has the cluster run commands, and prints their replies. */
export const connectOptions: readonly OptionSpec[] = [...nodeOptions, ...outputOptions];

export function nodesOf(settings: Settings): readonly string[] {
  return settings.text('connect').split(',');
}

/** Runs `use` with a client of the cluster that the settings name, and closes it after. */
export async function withClient<T>(
  settings: Settings,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = connect(nodesOf(settings), { deadlineMs: settings.duration('timeout', 1) });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
