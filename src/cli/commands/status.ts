import type { Client } from '../../node/client.ts';
import type { CliCommand } from '../command.ts';
import { nodeOptions, nodesOf, withClient } from '../connect.ts';
import { every } from '../every.ts';
import { ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { ASK_MS, askAll, leaderAmong, type MemberReport } from '../node-status.ts';
import { jsonOption } from '../output.ts';
import { Screen } from '../screen.ts';
import type { Settings } from '../settings.ts';
import { statusTable } from '../status-table.ts';

const WATCH_MS = 1000;

export const statusCommand: CliCommand = {
  name: 'status',
  group: 'cluster',
  summary: 'Shows who leads; terms, indexes, lag and health of every member.',
  usage: '[--watch[=SECONDS]] [--json]',
  description: [
    'With --json: one JSON object a member, one a line: name, address, role ("leader", "follower",',
    '"candidate" or "unreachable"), term, commitIndex, lastApplied, lastIndex, leader, phase,',
    'storage, suspect (true: rot was found in its log; it does not count until it is whole again).',
    'What is not known is null. Exits with 5 when no member that could be reached leads.',
    'With --watch: again and again, in place on a terminal, one below the other anywhere else.',
  ],
  examples: [
    'dkvs status',
    'dkvs status --watch',
    'dkvs status --watch=5',
    'dkvs status --json --connect 10.0.0.1:7001',
  ],
  options: [
    ...nodeOptions,
    jsonOption,
    {
      name: 'watch',
      kind: 'every',
      placeholder: 'SECONDS',
      summary: 'again every second, or so many, until Ctrl-C',
    },
  ],
  async run({ settings, positionals }, io) {
    if (positionals.length > 0) throw usageError(`status takes no argument: ${positionals[0]}`);
    const watchMs = settings.every('watch', WATCH_MS);
    return await withClient(settings, async (client) => {
      const reports =
        watchMs === null
          ? await show(client, settings, io)
          : await watch(client, settings, io, watchMs);
      return leaderAmong(reports) === null ? ExitCode.Unavailable : ExitCode.Ok;
    });
  },
};

async function ask(client: Client, settings: Settings): Promise<readonly MemberReport[]> {
  const askMs = Math.min(ASK_MS, settings.duration('timeout', 1));
  return await askAll(client, nodesOf(settings), askMs);
}

async function show(client: Client, settings: Settings, io: Io): Promise<readonly MemberReport[]> {
  const reports = await ask(client, settings);
  const lines = settings.flag('json')
    ? reports.map(({ status }) => JSON.stringify(status))
    : statusTable(io, reports);
  io.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return reports;
}

/** @returns what was seen last. */
async function watch(
  client: Client,
  settings: Settings,
  io: Io,
  intervalMs: number,
): Promise<readonly MemberReport[]> {
  let reports: readonly MemberReport[] = [];
  if (!io.stdout.isTty || settings.flag('json')) {
    await every(io, intervalMs, async () => {
      reports = await show(client, settings, io);
    });
    return reports;
  }
  const screen = new Screen(io);
  try {
    await every(io, intervalMs, async () => {
      reports = await ask(client, settings);
      screen.show(statusTable(io, reports));
    });
  } finally {
    screen.close(statusTable(io, reports));
  }
  return reports;
}
