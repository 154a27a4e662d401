import { formatAddress } from '../../client/address.ts';
import { type Client, connect } from '../../node/client.ts';
import { commands } from '../../protocol/commands.ts';
import type { CliCommand } from '../command.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import { LivePanel } from '../live-panel.ts';
import { checkPorts, localMembers } from '../local-ports.ts';
import type { MemberAddress } from '../members.ts';
import { askStatus, type MemberStatus } from '../node-status.ts';
import { harmless } from '../output.ts';
import { localPeerSecret } from '../peer-secret.ts';
import { followerModeOf, followerOption } from '../serve-settings.ts';
import type { OptionSpec, Settings } from '../settings.ts';
import { exitText, type NodeExit, Supervisor, type SupervisorOptions } from '../supervisor.ts';

const HOST = '127.0.0.1';
const SIZES = [1, 3, 5, 7];
const LOOK_MS = 500;

export const clusterOptions: readonly OptionSpec[] = [
  { name: 'nodes', kind: 'count', placeholder: '1|3|5|7', summary: 'how many', fallback: '3' },
  {
    name: 'port',
    kind: 'count',
    placeholder: 'PORT',
    summary: 'of the first node; the others take the next ones; peers, PORT + 10000 and so on',
    fallback: '7001',
  },
  {
    name: 'data',
    kind: 'text',
    placeholder: 'DIR',
    summary: 'where the nodes keep their data; a second start goes on with it',
    fallback: './dkvs-data',
  },
  followerOption,
];

export const clusterCommand: CliCommand = {
  name: 'cluster',
  group: 'cluster',
  summary: 'Runs a whole cluster in one terminal, one process a node.',
  usage: '[--nodes 1|3|5|7] [--port PORT] [--data DIR] [--follower redirect|proxy]',
  description: [
    'Starts the nodes on loopback, says how to talk to them, and shows a line for each. A node that',
    'dies is reported and stays down, the others go on. Ctrl-C stops all of them; the data stays.',
  ],
  examples: ['dkvs cluster', 'dkvs cluster --nodes 5 --port 8001 --data /tmp/five'],
  options: clusterOptions,
  async run({ settings, positionals }, io) {
    if (positionals.length > 0) throw takesNoArgument(positionals);
    return await runCluster({
      members: clusterMembers(settings),
      directory: settings.text('data'),
      flags: [`--${followerOption.name}=${followerModeOf(settings)}`],
      io,
    });
  },
};

/** CLUSTER is a command of Redis too, and whoever types it here wants to ask a node. */
function takesNoArgument(positionals: readonly string[]): CliError {
  const [first = ''] = positionals;
  const isCommand = commands.some(({ name }) => name === `cluster|${first.toLowerCase()}`);
  const asked = ['CLUSTER', first.toUpperCase(), ...positionals.slice(1)].join(' ');
  const hint = isCommand ? `to ask a node: echo '${asked}' | dkvs` : '';
  return usageError(`cluster takes no argument: ${first}`, hint);
}

export interface LocalClusterOptions {
  readonly members: readonly MemberAddress[];
  readonly directory: string;
  readonly io: Io;
  /** More flags for every node's `serve`. */
  readonly flags?: readonly string[];
  /** What to run in place of this `dkvs`. */
  readonly program?: SupervisorOptions['program'];
  /** A node was started, under this process id. */
  readonly onPid?: (name: string, pid: number) => void;
}

/**
 * Runs until it is told to stop.
 * @returns the exit code.
 * @throws CliError when a port is taken, a node does not start, or none is left.
 */
export async function runCluster(options: LocalClusterOptions): Promise<number> {
  await checkPorts(options.members, 'dkvs cluster');
  return await new LocalCluster(options).run();
}

/** @throws CliError */
export function clusterMembers(settings: Settings): readonly MemberAddress[] {
  const size = settings.count('nodes', 1, 7);
  if (!SIZES.includes(size)) {
    throw usageError(
      `--nodes ${size}: a cluster of ${size} survives no more losses than one of ${size - 1}`,
      `take ${SIZES.join(', ')}`,
    );
  }
  return localMembers(settings.count('port', 1, 65_535), size);
}

class LocalCluster {
  private readonly io: Io;
  private readonly directory: string;
  private readonly panel: LivePanel;
  private readonly supervisor: Supervisor;
  private readonly client: Client;
  /** Why a node is down, by name. */
  private readonly down: Map<string, string> = new Map();
  private isStarted = false;
  private isStopping = false;

  constructor({ members, directory, io, flags, program, onPid }: LocalClusterOptions) {
    this.io = io;
    this.directory = directory;
    this.panel = new LivePanel(io);
    const secretFile = localPeerSecret(directory);
    this.supervisor = new Supervisor({
      members,
      directory,
      flags: () => [`--peer-secret-file=${secretFile}`, ...(flags ?? [])],
      ...(program === undefined ? {} : { program }),
      ...(onPid === undefined ? {} : { onPid }),
      onExit: (name, exit) => this.nodeEnded(name, exit),
      onLogLine: (name, line) => this.logged(name, line),
    });
    this.client = connect(members.map(formatAddress));
  }

  /** Runs until it is told to stop, or no node is left. @returns the exit code. */
  async run(): Promise<number> {
    let askedToStop = () => {};
    const stopped = new Promise<void>((resolve) => {
      askedToStop = resolve;
    });
    const release = this.io.onStop(() => {
      // The second time: no grace for anybody.
      if (this.isStopping) void this.supervisor.killAll();
      this.isStopping = true;
      askedToStop();
    });
    try {
      const started = this.supervisor.startAll().then(() => this.greet());
      await Promise.race([started, stopped]);
      if (!this.isStopping) await this.watch(stopped);
    } finally {
      this.isStopping = true;
      this.client.close();
      await this.supervisor.stopAll();
      release();
    }
    if (this.down.size < this.supervisor.members.length) {
      this.panel.end(`stopped; the data stays in ${this.directory}`);
      return ExitCode.Ok;
    }
    throw new CliError(ExitCode.Other, 'no node is left');
  }

  private greet(): void {
    this.isStarted = true;
    const { members, addresses } = this.supervisor;
    const { port } = members[0]!;
    // From a checkout, `npm start`: there is no `dkvs` in the path.
    const dkvs = this.io.env['npm_lifecycle_event'] === undefined ? 'dkvs' : 'node bin/dkvs.mjs';
    const isDefault = port === 7001 && members.length === 3;
    const nodes = members.length === 1 ? 'one node' : `${members.length} nodes`;
    const lines = [
      `DKVS: ${nodes} at ${addresses.join(' ')}, data in ${this.directory}`,
      '',
      '  talk to it from another terminal:',
      ...(isDefault ? [] : [`    export DKVS_CONNECT=${addresses.join(',')}`]),
      `    ${dkvs} set greeting hello`,
      `    ${dkvs} get greeting`,
      `    ${dkvs} status`,
      `    redis-cli -c -p ${port} set greeting hello`,
      `    nc ${HOST} ${port}        and type: GET greeting`,
      '',
      '  Ctrl-C stops it',
      '',
    ];
    for (const line of lines) this.panel.say(line);
  }

  private async watch(stopped: Promise<void>): Promise<void> {
    while (!this.isStopping && this.down.size < this.supervisor.members.length) {
      const rows = await Promise.all(this.supervisor.members.map((member) => this.row(member)));
      if (this.isStopping) break;
      this.panel.show(rows);
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOOK_MS);
      });
      await Promise.race([pause, stopped]);
      clearTimeout(timer);
    }
  }

  private async row(member: MemberAddress) {
    const { name } = member;
    const address = formatAddress(member);
    const start = `  ${name}  ${address}  `;
    const reason = this.down.get(name);
    if (reason !== undefined) {
      const line = `${start}${paint(this.io, this.io.stdout, 'red', 'down')}  ${reason}`;
      return { name, news: `${start}down`, line };
    }
    const status = (await askStatus(this.client, address, LOOK_MS))?.status ?? null;
    if (status === null) {
      const line = `${start}${paint(this.io, this.io.stdout, 'yellow', 'no answer')}`;
      return { name, news: `${start}no answer`, line };
    }
    const role = status.role.padEnd(9);
    const painted = status.role === 'leader' ? paint(this.io, this.io.stdout, 'green', role) : role;
    const pid = this.supervisor.pid(name) ?? '-';
    return {
      name,
      news: `${start}${status.role}  term ${status.term}`,
      line: `${start}${painted}  ${progressText(status)}  pid ${pid}`,
    };
  }

  /** What a node calls an error, a log that has rotted say, belongs before the eyes of its owner. */
  private logged(name: string, line: string): void {
    const message = errorIn(line);
    if (message === null) return;
    this.panel.say(paint(this.io, this.io.stdout, 'red', `${name}: ${harmless(message)}`));
  }

  private nodeEnded(name: string, exit: NodeExit): void {
    // A node that does not even start fails the start, which says why.
    if (!this.isStarted || this.isStopping) return;
    const reason = exitText(exit);
    this.down.set(name, reason);
    this.panel.say(paint(this.io, this.io.stdout, 'red', `${name} is down: ${reason}`));
  }
}

/** The sentence of a log line of level error: JSON, as nodes write it on a pipe. Null: it is none. */
function errorIn(line: string): string | null {
  try {
    const { level, message } = JSON.parse(line);
    return level === 'error' && typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}

function progressText({ term, commitIndex, lastApplied }: MemberStatus): string {
  return `term ${term}  committed ${commitIndex}  applied ${lastApplied}`;
}
