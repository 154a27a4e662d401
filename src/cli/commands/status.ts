import type { Client } from '../../node/client.ts';
import type { CliCommand } from '../command.ts';
import { connectOptions, nodesOf, withClient } from '../connect.ts';
import { ExitCode } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import { askStatus, type MemberStatus, unreachable } from '../node-status.ts';
import { table } from '../output.ts';

/** A node that does not answer for this long, in ms, is shown as unreachable. */
const ASK_MS = 500;
const WATCH_MS = 1000;

export const statusCommand: CliCommand = {
  name: 'status',
  group: 'cluster',
  summary: 'Shows who leads; terms, indexes, lag and health of every member.',
  usage: '[--watch] [--json]',
  description: [
    'With --json: one JSON object a member, one a line: name, address, role ("leader", "follower",',
    '"candidate" or "unreachable"), term, commitIndex, lastApplied, lastIndex, leader, phase,',
    'storage, suspect (true: rot was found in its log; it does not count until it is whole again).',
    'What is not known is null. Exits with 5 when no member that could be reached leads.',
  ],
  examples: ['dkvs status', 'dkvs status --watch', 'dkvs status --json --connect 10.0.0.1:7001'],
  options: [
    ...connectOptions,
    { name: 'watch', kind: 'flag', placeholder: '', summary: 'once a second, until Ctrl-C' },
  ],
  run: ({ settings }, io) =>
    withClient(settings, async (client) => {
      const show = settings.flag('json') ? showJson : showTable;
      const askMs = Math.min(ASK_MS, settings.duration('timeout', 1));
      const seeds = nodesOf(settings);
      let statuses = await askAll(client, seeds, askMs);
      show(io, statuses);
      if (settings.flag('watch')) {
        await everySecond(io, async () => {
          statuses = await askAll(client, seeds, askMs);
          if (io.stdout.isTty && show === showTable)
            io.stdout.write(`\x1b[${statuses.length + 1}A`);
          show(io, statuses);
        });
      }
      const leads = statuses.some(({ role }) => role === 'leader');
      return leads ? ExitCode.Ok : ExitCode.Unavailable;
    }),
};

/** Asks the nodes it was told of, learns of the other members from them, and asks those too. */
export async function askAll(
  client: Client,
  seeds: readonly string[],
  askMs: number,
): Promise<readonly MemberStatus[]> {
  const asked = new Map<string, MemberStatus>();
  const names = new Map<string, string>();
  let next: readonly string[] = seeds;
  while (next.length > 0) {
    const replies = await Promise.all(next.map((address) => askStatus(client, address, askMs)));
    replies.forEach((reply, i) => {
      asked.set(next[i]!, reply?.status ?? unreachable(next[i]!));
      for (const { name, address } of reply?.members ?? []) names.set(address, name);
    });
    next = [...names.keys()].filter((address) => !isKnown(asked, address));
  }
  return orderly(asked, names);
}

/** A member may have been asked under another name of the same place (localhost, 127.0.0.1). */
function isKnown(asked: ReadonlyMap<string, MemberStatus>, address: string): boolean {
  return asked.has(address) || [...asked.values()].some((status) => status.address === address);
}

function orderly(
  asked: ReadonlyMap<string, MemberStatus>,
  names: ReadonlyMap<string, string>,
): readonly MemberStatus[] {
  const byAddress = new Map<string, MemberStatus>();
  for (const status of asked.values()) {
    const name = status.name ?? names.get(status.address) ?? null;
    byAddress.set(status.address, { ...status, name });
  }
  const key = ({ name, address }: MemberStatus) => name ?? `\uffff${address}`;
  return [...byAddress.values()].sort((a, b) =>
    key(a).localeCompare(key(b), 'en', { numeric: true }),
  );
}

function showJson(io: Io, statuses: readonly MemberStatus[]): void {
  for (const status of statuses) io.stdout.write(`${JSON.stringify(status)}\n`);
}

function healthOf({ role, phase, storage, suspect }: MemberStatus): string {
  if (role === 'unreachable') return 'down, or cut off';
  if (suspect === true) return 'suspect';
  if (storage === 'full') return 'disk full';
  return phase === null || phase === 'running' ? 'ok' : phase;
}

function showTable(io: Io, statuses: readonly MemberStatus[]): void {
  const ahead = Math.max(0, ...statuses.map(({ commitIndex }) => commitIndex ?? 0));
  const cell = (value: number | null) => (value === null ? '-' : String(value));
  const rows = statuses.map((status) => [
    status.name ?? '-',
    status.address,
    status.role,
    cell(status.term),
    cell(status.commitIndex),
    cell(status.lastApplied),
    cell(status.lastIndex),
    cell(status.lastApplied === null ? null : Math.max(0, ahead - status.lastApplied)),
    healthOf(status),
  ]);
  const head = ['NAME', 'ADDRESS', 'ROLE', 'TERM', 'COMMIT', 'APPLIED', 'LAST', 'LAG', 'HEALTH'];
  const [headLine, ...lines] = table([head, ...rows], new Set([3, 4, 5, 6, 7]));
  const clear = io.stdout.isTty ? '\x1b[K' : '';
  io.stdout.write(`${paint(io, io.stdout, 'bold', headLine!)}${clear}\n`);
  lines.forEach((line, i) => {
    const { role } = statuses[i]!;
    const style = role === 'leader' ? 'green' : role === 'unreachable' ? 'red' : null;
    io.stdout.write(`${style === null ? line : paint(io, io.stdout, style, line)}${clear}\n`);
  });
}

async function everySecond(io: Io, task: () => Promise<void>): Promise<void> {
  let wake = () => {};
  let isStopped = false;
  const release = io.onStop(() => {
    isStopped = true;
    wake();
  });
  while (!isStopped) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WATCH_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (!isStopped) await task();
  }
  release();
}
